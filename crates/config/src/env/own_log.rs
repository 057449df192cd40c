//! Level and format of the supervisor's log. Servers also read `LOG_LEVEL` and `LOG_FORMAT`, so the
//! supervisor ignores values that it does not know.

use crate::sources::Context;
use supervisor_core::level::Level;

use super::variables::LEVELS;
use super::{
    LOG_FORMAT, LOG_LEVEL, OWN_LOG_FORMAT, OWN_LOG_LEVEL, Variable, VariableEntry, entry, valid,
};
use crate::error::{Report, in_short};
use crate::values::{self, ValueType};
use supervisor_wire::supervisord::python::{self, repr};

/// The variables of the log's options. The supervisor's own names override the shared ones.
pub(super) const VARIABLES: [&str; 4] =
    [OWN_LOG_LEVEL.name, OWN_LOG_FORMAT.name, LOG_LEVEL.name, LOG_FORMAT.name];

/// The log's variables, and whether the supervisor has a log. With a command that runs once, it has
/// none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) supervise: bool,
}

/// A value, and the variable that sets it.
type Set<T> = (T, &'static Variable);

/// The levels of these variables. Files accept supervisord's levels.
static LEVEL: ValueType<Level> = ValueType {
    what: LEVELS,
    parse: |text, _| match text.to_lowercase().as_str() {
        "debug" => Ok(Level::Debug),
        "info" => Ok(Level::Info),
        "warn" | "warning" => Ok(Level::Warn),
        "error" => Ok(Level::Error),
        "critical" => Ok(Level::Critical),
        _ => Err(format!("unknown log level {}", repr(text))),
    },
};

impl Log<'_> {
    /// The options that the variables set.
    pub(super) fn options(self, report: &mut Report) -> impl Iterator<Item = VariableEntry> {
        let level = self.either(&OWN_LOG_LEVEL, &LOG_LEVEL, &LEVEL, report);
        let format = self.either(&OWN_LOG_FORMAT, &LOG_FORMAT, &values::LOG_FORMAT, report);
        let level = level.and_then(|(level, variable)| entry(variable, level.name()));
        let format = format.and_then(|(format, variable)| entry(variable, format.name()));
        level.into_iter().chain(format)
    }

    /// The value of the supervisor's own variable, or otherwise of the shared one.
    fn either<T>(
        self,
        ours: &'static Variable,
        shared: &'static Variable,
        value_type: &ValueType<T>,
        report: &mut Report,
    ) -> Option<Set<T>> {
        let is_set = self.context.sources.setting(ours.name).is_some_and(|value| !value.is_empty());
        if is_set {
            return Some((valid(self.context, report, ours, value_type)?, ours));
        }
        let value = self.context.sources.setting(shared.name)?;
        let text = value.to_str().map(python::strip);
        let understood = text.and_then(|text| (value_type.parse)(text, self.context).ok());
        if understood.is_none() && text != Some("") && self.supervise {
            let (name, default) = (shared.name, shared.default());
            let got = text.map_or_else(|| format!("{value:?}"), repr);
            report.warn(format!(
                "{name}={} is left to the server, and the supervisor uses {default}; to choose \
                 its own, set {} to {}",
                in_short(&got),
                ours.name,
                value_type.what
            ));
        }
        understood.map(|value| (value, shared))
    }
}
