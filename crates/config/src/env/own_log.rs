//! How much the supervisor says, and how. `LOG_LEVEL` and `LOG_FORMAT` are names that
//! servers read as well: a value that isn't ours is theirs.

use supervisor_core::level::Level;

use super::{LOG_FORMAT, LOG_LEVEL, OWN_LOG_FORMAT, OWN_LOG_LEVEL, Variable, valid};
use crate::error::{Report, in_short};
use crate::supervisord::LogFormat;
use crate::values::{self, Context, ValueType};
use supervisor_wire::python::{self, repr};

/// What was said of it, and whether that matters: a command that runs once has the log to
/// itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) supervise: bool,
}

/// What was understood, and of which variable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<T> {
    pub(super) value: T,
    pub(super) variable: &'static str,
}

/// The levels of these variables. Those of a file are supervisord's.
static LEVEL: ValueType<Level> = ValueType {
    what: "debug, info, warn, warning, error or critical",
    parse: |text, _| match text.to_lowercase().as_str() {
        "debug" => Ok(Level::Debug),
        "info" => Ok(Level::Info),
        "warn" | "warning" => Ok(Level::Warn),
        "error" => Ok(Level::Error),
        "critical" => Ok(Level::Critical),
        _ => Err(format!("no log level is named {}", repr(text))),
    },
};

impl Heard<'_> {
    pub(super) fn level(self, report: &mut Report) -> Option<Of<Level>> {
        self.either(&OWN_LOG_LEVEL, &LOG_LEVEL, &LEVEL, report)
    }

    pub(super) fn format(self, report: &mut Report) -> Option<Of<LogFormat>> {
        self.either(&OWN_LOG_FORMAT, &LOG_FORMAT, &values::LOG_FORMAT, report)
    }

    /// What our own variable says, else what the one says that is also the server's.
    fn either<T>(
        self,
        ours: &Variable,
        shared: &Variable,
        value_type: &ValueType<T>,
        report: &mut Report,
    ) -> Option<Of<T>> {
        let said = self.context.sources.setting(ours.name).is_some_and(|value| !value.is_empty());
        if said {
            let (_, value) = valid(self.context, report, ours, value_type)?;
            return Some(Of { value, variable: ours.name });
        }
        let value = self.context.sources.setting(shared.name)?;
        let text = value.to_str().map(python::strip);
        let understood = text.and_then(|text| (value_type.parse)(text, self.context).ok());
        if understood.is_none() && text != Some("") && self.supervise {
            let (name, default) = (shared.name, shared.default);
            let got = text.map_or_else(|| format!("{value:?}"), repr);
            report.warn(format!(
                "{name}={} is left to the server, and the supervisor uses {default}; to choose \
                 its own, set {} to {}",
                in_short(&got),
                ours.name,
                value_type.what
            ));
        }
        understood.map(|value| Of { value, variable: shared.name })
    }
}
