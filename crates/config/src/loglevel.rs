//! How much the supervisor says about its own work.

/// supervisord's
/// [log levels](https://supervisord.org/logging.html#activity-log-levels), the
/// most talkative first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything, low-level detail included.
    Blather,
    /// Every step.
    Trace,
    /// What helps to find a mistake in a configuration, and all programs' output.
    Debug,
    /// What changed.
    Info,
    /// What may need a look.
    Warn,
    /// What went wrong.
    Error,
    /// What keeps the supervisor from working.
    Critical,
}

impl LogLevel {
    const ALL: [Self; 7] = [
        Self::Blather,
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Critical,
    ];

    /// The level with this name in supervisord's configuration, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// Its name in supervisord's configuration.
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
}
