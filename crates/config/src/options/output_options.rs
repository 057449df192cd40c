//! The options for the format and destination of the lines that a program writes. Programs and
//! FastCGI programs have them; supervisord does not.

use supervisor_core::spec::start::HostPort;

use crate::options::{Key, OptionDef, Reach, Setting, default, options};
use crate::settings::supervisord::LogFormat;
use crate::values;

options! { extensions OUTPUT:
    /// Text in front of each line of output, wherever the output goes: `none`, or the `name` of the process, as in `app | line`. A line is passed on when it is complete.
    PREFIX: bool = OUTPUT_PREFIX("output_prefix", Program) default "none";
    /// Format of each line of output, wherever the output goes. `text`: unchanged. `json`: an object with `time`, `program`, `stream` and the line as `message`. A line that is a JSON object itself goes into `fields` instead of `message`.
    FORMAT: LogFormat = OUTPUT_FORMAT("output_format", Program) default "text";
    /// Syslog server that also gets each line of stdout and stderr over UDP, in the form of RFC 5424 with the program's name. Lines that cannot be sent at once are dropped.
    SYSLOG_ADDRESS: Option<HostPort> = SYSLOG_ADDRESS("syslog_address", Program) default "off";
}
