//! The variables for the destination and format of programs' output.

use super::{Owner, Variable};
use crate::options::output_options;

/// The prefix of each line.
pub(crate) const OUTPUT_PREFIX: Variable = Variable::of_option(
    "PROCESS_OUTPUT_PREFIX",
    (Owner::Programs, &output_options::PREFIX),
    "Text in front of each line of programs' output: `none`, or the `name` of the process, as in `app | line`.",
);

/// The format of lines.
pub(crate) const OUTPUT_FORMAT: Variable = Variable::of_option(
    "PROCESS_OUTPUT_FORMAT",
    (Owner::Programs, &output_options::FORMAT),
    "Format of programs' output. `text`: unchanged. `json`: one JSON object per line, with `time`, `program`, `stream` and `message`, or `fields` if the line is a JSON object itself.",
);

/// The syslog server that also gets each line.
pub(crate) const SYSLOG_ADDRESS: Variable = Variable::of_option(
    "PROCESS_SYSLOG_ADDRESS",
    (Owner::Programs, &output_options::SYSLOG_ADDRESS),
    "Syslog server that also gets each line of programs' output over UDP (RFC 5424), such as `udp://logs:514`. Lines that cannot be sent at once are dropped.",
);
