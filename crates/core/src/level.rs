//! Levels of log lines.

/// supervisord's [log levels](https://supervisord.org/logging.html#activity-log-levels), the most
/// detailed one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Low-level details.
    Blather,
    /// Every step.
    Trace,
    /// Decisions and their causes, for debugging a configuration.
    Debug,
    /// Normal events.
    Info,
    /// Something unusual that may need attention.
    Warn,
    /// Something failed.
    Error,
    /// The supervisor itself cannot work as it should.
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

    /// The level with this name in a configuration, in any letter case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// The name in a configuration.
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
