//! The value types of rule options.

use supervisor_core::signal::Signal;
use supervisor_core::spec::failure::RuleAction;
use supervisor_wire::supervisord::python::repr;

use super::{ValueType, list, signal};

pub(crate) static SIGNALS: ValueType<Vec<Signal>> = ValueType {
    what: "names or numbers of signals with commas between them, such as KILL,SEGV",
    parse: |text, _| list(text).map(signal).collect(),
};

pub(crate) static NAMES: ValueType<Vec<String>> = ValueType {
    what: "names with commas between them",
    parse: |text, _| Ok(list(text).filter(|name| !name.is_empty()).map(str::to_owned).collect()),
};

pub(crate) static RULE_ACTION: ValueType<RuleAction> = ValueType {
    what: "restart, stop, or exit:N with an exit code from 0 to 255",
    parse: |text, _| match text.to_ascii_lowercase().as_str() {
        "restart" => Ok(RuleAction::Restart),
        "stop" => Ok(RuleAction::Stop),
        other => {
            let code = other.strip_prefix("exit:").and_then(|code| code.trim().parse().ok());
            code.map(RuleAction::Exit).ok_or_else(|| format!("{} is none of them", repr(text)))
        }
    },
};
