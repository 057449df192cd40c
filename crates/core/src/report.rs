//! Reports of unexpected exits.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::event::Named;
use crate::failure::{Class, Verdict};
use crate::health::Unhealthy;
use crate::ids::{Pid, RunId};
use crate::input::{Death, Exit};
use crate::time::Wall;

/// The report of a run that exited by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// The process.
    pub process: Rc<Named>,
    /// The number of the run, counted from 1.
    pub run: RunId,
    /// The main process; `None` if there was none.
    pub pid: Option<Pid>,
    /// The cause.
    pub cause: Cause,
    /// The exit status; `None` if it has not exited or did not exist.
    pub exit: Option<Exit>,
    /// When it was started.
    pub started: Wall,
    /// When it exited.
    pub ended: Wall,
    /// How long it was running.
    pub uptime: Duration,
    /// Time from the start until it was up; `None` if it never was.
    pub up_after: Option<Duration>,
    /// A process of its tree that exited shortly before.
    pub forerunner: Option<Forerunner>,
    /// The last line of its output, if known, with a limited length.
    pub last_line: Option<String>,
    /// Leftover processes that the supervisor stopped.
    pub leftovers: usize,
    /// The next action of the supervisor.
    pub next: Next,
}

/// A process of a run's tree that ended unexpectedly, shortly before the main process did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forerunner {
    /// The exit of that process.
    pub death: Death,
    /// Time between both exits.
    pub before: Duration,
}

/// The cause of an exit for a log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The kind of cause.
    pub class: Class,
    /// The text of [`RunReport::why`].
    pub why: String,
    /// Whether `why` says more than the exit status.
    pub says_more: bool,
    /// The line of output that decided the class.
    pub decided_by: Option<String>,
    /// The last line of output.
    pub last_line: Option<String>,
}

/// The cause of an exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It could not be started.
    Spawn(String),
    /// It exited with this code.
    Exit(u8),
    /// A signal killed it.
    Signal,
    /// The kernel killed it because memory ran out.
    Oom,
    /// It was unhealthy, and the supervisor stopped it.
    Health(Unhealthy),
    /// It survived SIGKILL.
    Unkillable,
    /// A known failure text in its output, or the GPU state, explains it.
    Failure(Verdict),
}

/// The action after an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Restart after this time.
    Restart(Duration),
    /// Stay stopped: no restart is configured, or a shutdown is in progress.
    Rest,
    /// Give up on the program.
    GiveUp,
}

impl RunReport {
    /// The cause as text. If a descendant exited shortly before, the text includes it.
    #[must_use]
    pub fn why(&self) -> String {
        let cause = match (&self.cause, self.exit) {
            (Cause::Signal, Some(exit @ Exit::Signal { .. })) => format!("it was {exit}"),
            (Cause::Failure(verdict), Some(exit)) => match exit {
                Exit::Code(code) => format!("{verdict}: it exited with {code}"),
                Exit::Signal { .. } => format!("{verdict}: it was {exit}"),
            },
            (cause, _) => cause.to_string(),
        };
        match &self.forerunner {
            None => cause,
            Some(Forerunner { death: Death { name, pid, exit }, before }) => {
                let ended = match exit {
                    Some(exit @ Exit::Code(_)) => format!("ended with {exit}"),
                    Some(exit @ Exit::Signal { .. }) => format!("was {exit}"),
                    None => "ended".to_owned(),
                };
                let (before, name) = (before.as_secs_f64(), name.escape_debug());
                format!("{cause}, {before:.1} s after its process {name} (pid {pid}) {ended}")
            }
        }
    }

    /// The line of output that decided the class.
    #[must_use]
    pub fn decided_by(&self) -> Option<&str> {
        match &self.cause {
            Cause::Failure(verdict) => verdict.line.as_deref(),
            Cause::Spawn(_)
            | Cause::Exit(_)
            | Cause::Signal
            | Cause::Oom
            | Cause::Health(_)
            | Cause::Unkillable => None,
        }
    }

    /// The cause for a log line.
    #[must_use]
    pub fn because(&self) -> Because {
        let says_more = self.forerunner.is_some() || self.cause.says_more();
        let (class, last_line) = (self.cause.class(), self.last_line.clone());
        let decided_by = self.decided_by().map(str::to_owned);
        Because { class, why: self.why(), says_more, decided_by, last_line }
    }
}

/// Cause, class, and the line of output that decided the class or otherwise the last line.
impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (class={})", self.why, self.class.name())?;
        match (&self.decided_by, &self.last_line) {
            (Some(line), _) => write!(f, "; decided by: {line:?}"),
            (None, Some(line)) => write!(f, "; last output: {line:?}"),
            (None, None) => Ok(()),
        }
    }
}

impl Cause {
    /// Whether it says more than the exit status.
    pub(crate) const fn says_more(&self) -> bool {
        match self {
            Self::Exit(_) | Self::Signal => false,
            Self::Spawn(_) | Self::Oom | Self::Health(_) | Self::Unkillable | Self::Failure(_) => {
                true
            }
        }
    }

    /// The failure class.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Spawn(_) => Class::Spawn,
            Self::Exit(_) => Class::Exit,
            Self::Signal => Class::Signal,
            Self::Oom | Self::Health(Unhealthy::Memory { .. }) => Class::Oom,
            Self::Health(_) => Class::Health,
            Self::Unkillable => Class::Unkillable,
            Self::Failure(verdict) => verdict.class,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(why) => f.write_str(why),
            Self::Exit(code) => write!(f, "it exited with {code}"),
            Self::Signal => f.write_str("a signal terminated it"),
            Self::Oom => f.write_str("the kernel OOM-killed it"),
            Self::Health(unhealthy) => unhealthy.fmt(f),
            Self::Unkillable => f.write_str("it survived SIGKILL"),
            Self::Failure(verdict) => verdict.fmt(f),
        }
    }
}
