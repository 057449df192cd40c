//! The settings of `[supervisord]`.

use std::path::PathBuf;
use std::time::Duration;

use supervisor_core::spec::{Output, User};

use supervisor_core::level::Level;

use crate::settings::server::Listen;

/// The options of
/// [`[supervisord]`](https://supervisord.org/configuration.html#supervisord-section-values),
/// validated and with defaults. All paths except `directory` are absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervisord {
    /// The log level.
    pub loglevel: Level,
    /// The log file, in addition to the terminal.
    pub logfile: Output,
    /// The pidfile.
    pub pidfile: Option<PathBuf>,
    /// Variables for all programs; already part of each [`Launch`](supervisor_core::spec::Launch).
    pub environment: Vec<(String, String)>,
    /// The file mode creation mask; `None`: it changes only if the supervisor daemonizes.
    pub umask: Option<u32>,
    /// Whether it stays in the foreground.
    pub nodaemon: bool,
    /// Whether the log is not repeated on stdout.
    pub silent: bool,
    /// Minimum number of file descriptors; `None`: not checked.
    pub minfds: Option<u64>,
    /// Minimum number of processes; `None`: not checked.
    pub minprocs: Option<u64>,
    /// Whether AUTO log files of earlier runs are kept.
    pub nocleanup: bool,
    /// The directory for AUTO log files.
    pub childlogdir: PathBuf,
    /// The user to switch to.
    pub user: Option<User>,
    /// The working directory after the supervisor has daemonized.
    pub directory: Option<PathBuf>,
    /// Whether terminal control sequences are removed from programs' output.
    pub strip_ansi: bool,
    /// The supervisor's name in events and AUTO log files.
    pub identifier: String,
    /// The format of the log.
    pub log_format: LogFormat,
    /// The status port; `None`: there is none.
    pub status: Option<Listen>,
    /// The delay before a stop; already part of the [`Spec`](supervisor_core::spec::Spec).
    pub prestop_delay: Duration,
    /// Minimum length of the delay if it ends early because no request is running or waiting;
    /// `None`: it does not end early.
    pub prestop_idle: Option<Duration>,
    /// Time limit for a whole shutdown; `None`: no overall limit.
    pub stop_budget: Option<Duration>,
    /// Reports of runs that exit unexpectedly.
    pub crash: Crash,
}

/// The format of the supervisor's own log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// supervisord's format.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    /// The name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// The destinations of reports of unexpected exits. supervisord does not have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crash {
    /// Whether a log line reports the run.
    pub line: bool,
    /// The files for reports and diagnostics; `None`: there are none.
    pub files: Option<CrashFiles>,
    /// The container's termination message; `None`: none is written.
    pub termination_log: Option<TerminationLog>,
}

impl Crash {
    /// Whether reports contain the last output of a run.
    #[must_use]
    pub const fn wants_output(&self) -> bool {
        self.files.is_some() || self.termination_log.is_some()
    }
}

/// The files for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashFiles {
    /// The directory; created when it is needed.
    pub directory: PathBuf,
    /// Whether the user set it. If not and it cannot be used, no files are written.
    pub asked_for: bool,
    /// Number of reports to keep.
    pub keep: usize,
}

/// The file for the container's termination message, which Kubernetes reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminationLog {
    /// The path.
    pub path: PathBuf,
    /// Whether the user set it. If so, the file is created if it does not exist.
    pub asked_for: bool,
}
