//! How important something is that the supervisor says.

/// supervisord's [log levels](https://supervisord.org/logging.html#activity-log-levels),
/// the most talkative first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Everything, low-level detail included.
    Blather,
    /// Every step.
    Trace,
    /// Decisions and their causes; what helps to find a mistake in a configuration.
    Debug,
    /// What happened, as expected.
    Info,
    /// Someone may want to look.
    Warn,
    /// Something could not be done.
    Error,
    /// The supervisor's own work is in danger.
    Critical,
}

impl Level {
    const ALL: [Self; 7] = [
        Self::Blather,
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Critical,
    ];

    /// The level with this name in a configuration, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// Its name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blather => "blather",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The four letters in front of a log line.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Blather => "BLAT",
            Self::Trace => "TRAC",
            Self::Debug => "DEBG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERRO",
            Self::Critical => "CRIT",
        }
    }
}
