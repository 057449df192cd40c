//! The settings of `[supervisord]`.

use std::path::PathBuf;
use std::time::Duration;

use supervisor_core::spec::{Output, User};

use supervisor_core::level::Level;

use crate::settings::server::Listen;

/// The options of
/// [`[supervisord]`](https://supervisord.org/configuration.html#supervisord-section-values),
/// valid and with all defaults. Paths are absolute but for `directory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervisord {
    /// The level of its log.
    pub loglevel: Level,
    /// Where the log goes, besides the terminal.
    pub logfile: Output,
    /// Where its process id goes.
    pub pidfile: Option<PathBuf>,
    /// Set in the environment of every program; already part of each
    /// [`Launch`](supervisor_core::spec::Launch).
    pub environment: Vec<(String, String)>,
    /// Its file mode creation mask; `None`: it changes only when the supervisor leaves the
    /// foreground.
    pub umask: Option<u32>,
    /// Whether it stays in the foreground.
    pub nodaemon: bool,
    /// Whether its lines are kept off stdout.
    pub silent: bool,
    /// File descriptors that must be available; `None`: any number will do.
    pub minfds: Option<u64>,
    /// Processes that must be available; `None`: any number will do.
    pub minprocs: Option<u64>,
    /// Whether AUTO log files of earlier runs are kept.
    pub nocleanup: bool,
    /// Where AUTO log files are created.
    pub childlogdir: PathBuf,
    /// The user that it becomes.
    pub user: Option<User>,
    /// Where it works once it has left the foreground.
    pub directory: Option<PathBuf>,
    /// Whether terminal control sequences are removed from programs' output.
    pub strip_ansi: bool,
    /// The name that events and AUTO log files carry.
    pub identifier: String,
    /// How its lines are written.
    pub log_format: LogFormat,
    /// The status port; `None`: there is none.
    pub status: Option<Listen>,
    /// The delay before a stop; already part of the
    /// [`Spec`](supervisor_core::spec::Spec).
    pub prestop_delay: Duration,
    /// The delay ends early, but not before this time, when no request runs or waits.
    pub prestop_idle: Option<Duration>,
    /// Time for all of a shutdown; `None`: what its parts take.
    pub stop_budget: Option<Duration>,
    /// Reports of runs that exit unexpectedly.
    pub crash: Crash,
}

/// The format of the supervisor's own log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// As supervisord does.
    #[default]
    Text,
    /// Each as a JSON object.
    Json,
}

impl LogFormat {
    /// Its name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// Where reports of runs that exit unexpectedly go. supervisord has none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crash {
    /// Whether a line of the log reports the run.
    pub line: bool,
    /// The files for reports and diagnostics; `None`: there are none.
    pub files: Option<CrashFiles>,
    /// The container's termination message; `None`: none is written.
    pub termination_log: Option<TerminationLog>,
}

impl Crash {
    /// Whether a report holds the last output of a run.
    #[must_use]
    pub const fn wants_output(&self) -> bool {
        self.files.is_some() || self.termination_log.is_some()
    }
}

/// Where reports are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashFiles {
    /// In this directory, made when it is needed.
    pub directory: PathBuf,
    /// Whether the user set it. If the default cannot be used, there are no files.
    pub asked_for: bool,
    /// How many of the newest are kept.
    pub keep: usize,
}

/// The file for the container's termination message, which Kubernetes reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminationLog {
    /// Where it is.
    pub path: PathBuf,
    /// Whether the user set it. If so, the file is created if it does not exist.
    pub asked_for: bool,
}
