//! What `[supervisord]` asks for.

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
    /// How much the supervisor says.
    pub loglevel: Level,
    /// Where it says it, besides the terminal.
    pub logfile: Output,
    /// Where its process id goes.
    pub pidfile: Option<PathBuf>,
    /// Set in the environment of every program; already part of each
    /// [`Launch`](supervisor_core::spec::Launch).
    pub environment: Vec<(String, String)>,
    /// Its file mode creation mask; `None`: nobody said, so it is changed only by
    /// leaving the foreground.
    pub umask: Option<u32>,
    /// Whether it stays in the foreground.
    pub nodaemon: bool,
    /// Whether its lines are kept off stdout.
    pub silent: bool,
    /// How many file descriptors must be available; `None`: nobody said.
    pub minfds: Option<u64>,
    /// How many processes must be available; `None`: nobody said.
    pub minprocs: Option<u64>,
    /// Whether AUTO log files of earlier runs are kept.
    pub nocleanup: bool,
    /// Where AUTO log files are created.
    pub childlogdir: PathBuf,
    /// Whom it becomes.
    pub user: Option<User>,
    /// Where it works once it has left the foreground.
    pub directory: Option<PathBuf>,
    /// Whether terminal control sequences are removed from programs' output.
    pub strip_ansi: bool,
    /// The name that events and AUTO log files carry.
    pub identifier: String,
    /// How its lines are written.
    pub log_format: LogFormat,
    /// Where it tells how it and its programs are; `None`: nowhere.
    pub status: Option<Listen>,
    /// How long programs go on once a stop was asked for; already part of the
    /// [`Spec`](supervisor_core::spec::Spec).
    pub prestop_delay: Duration,
    /// The delay ends early, but not before this time, when no request runs or waits.
    pub prestop_idle: Option<Duration>,
    /// Time for all of a shutdown; `None`: what its parts take.
    pub stop_budget: Option<Duration>,
    /// Who is told of runs that end unasked.
    pub crash: Crash,
}

/// How the supervisor's own lines are written.
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

/// What becomes of a report of a run that ended unasked. Nothing of this is supervisord's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crash {
    /// It is a line of the log.
    pub line: bool,
    /// It is a file, and so is the evidence that was found.
    pub files: Option<CrashFiles>,
    /// It is what this file holds, for the one who runs the container.
    pub termination_log: Option<TerminationLog>,
}

impl Crash {
    /// Whether somebody is told what the run wrote last.
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
    /// Somebody asked for it; without one that was merely assumed one can do.
    pub asked_for: bool,
    /// How many of the newest are kept.
    pub keep: usize,
}

/// The file by which a container tells why it ended: Kubernetes' termination message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminationLog {
    /// Where it is.
    pub path: PathBuf,
    /// Somebody asked for it, so it is made if it isn't there.
    pub asked_for: bool,
}
