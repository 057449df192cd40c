//! Reports of runs that exited by themselves, unexpectedly.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::event::Named;
use crate::failure::{Class, Verdict};
use crate::health::Unhealthy;
use crate::ids::{Pid, RunId};
use crate::input::{Death, Exit};
use crate::time::Wall;

/// A run that exited by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// Which process.
    pub process: Rc<Named>,
    /// Which of its runs, counted from 1.
    pub run: RunId,
    /// The main process that it had; `None`: there was none.
    pub pid: Option<Pid>,
    /// Why it ended.
    pub cause: Cause,
    /// How it ended; `None`: it has not, or there was none to end.
    pub exit: Option<Exit>,
    /// When it was started.
    pub started: Wall,
    /// When it ended.
    pub ended: Wall,
    /// How long it was there.
    pub uptime: Duration,
    /// How long it took to be up; `None`: it never was.
    pub up_after: Option<Duration>,
    /// A process of its tree that had ended shortly before.
    pub forerunner: Option<Forerunner>,
    /// The last line of its output, if that is known; of a bounded length.
    pub last_line: Option<String>,
    /// Processes that it left behind and that were made to go.
    pub leftovers: usize,
    /// What follows.
    pub next: Next,
}

/// A process of a run's tree that ended unexpectedly, shortly before the main process did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forerunner {
    /// Which, and how it ended.
    pub death: Death,
    /// How long before.
    pub before: Duration,
}

/// Why a run ended, for a line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The kind of cause.
    pub class: Class,
    /// The cause, as [`RunReport::why`] has it.
    pub why: String,
    /// Whether `why` says more than the exit status.
    pub says_more: bool,
    /// The line of output that decided the class.
    pub decided_by: Option<String>,
    /// The last line of output.
    pub last_line: Option<String>,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It could not even be started.
    Spawn(String),
    /// It exited.
    Exit(u8),
    /// A signal ended it.
    Signal,
    /// The kernel ended it for want of memory.
    Oom,
    /// It was unhealthy, and the supervisor stopped it.
    Health(Unhealthy),
    /// It was to end, and did not even by SIGKILL.
    Unkillable,
    /// What its output, or the devices, say of it.
    Failure(Verdict),
}

/// What follows the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is started again after this time.
    Restart(Duration),
    /// It is not started again: that is not asked for, or everything stops.
    Rest,
    /// It is given up.
    GiveUp,
}

impl RunReport {
    /// Why it ended, with the end of another process of its tree if that came shortly before.
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

    /// The same for a line of the log.
    #[must_use]
    pub fn because(&self) -> Because {
        let says_more = self.forerunner.is_some() || self.cause.says_more();
        let (class, last_line) = (self.cause.class(), self.last_line.clone());
        let decided_by = self.decided_by().map(str::to_owned);
        Because { class, why: self.why(), says_more, decided_by, last_line }
    }
}

/// As a line has it: cause, class, the line of output that decided it or else the last one.
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

    /// Which kind it is.
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
