//! The options of `[rule:NAME]`. supervisord does not have them.

use supervisor_core::signal::Signal;
use supervisor_core::spec::failure::RuleAction;

use crate::options::{Key, OptionDef, Reach, Setting, default, options};
use crate::values;

options! { extensions RULE:
    /// Text to find in the last 32 KiB of the output of a run. If unset: any output.
    RULE_OUTPUT: String = TEXT("output", Global) default unset;
    /// Exit codes of the main process. If neither this nor `signals` is set: any exit.
    RULE_EXITCODES: Vec<u8> = EXIT_CODES("exitcodes", Global) default "";
    /// Signals that ended the main process.
    RULE_SIGNALS: Vec<Signal> = SIGNALS("signals", Global) default "";
    /// Programs that the rule applies to. If unset: all.
    RULE_PROGRAMS: Vec<String> = NAMES("programs", Global) default "";
    /// Action if all conditions hold for a run that exited by itself: `restart` starts the program again, as the retry settings allow; `stop` gives up on it; `exit:N` stops everything, and the supervisor exits with N.
    RULE_ACTION: RuleAction = RULE_ACTION("action", Global) default unset;
}
