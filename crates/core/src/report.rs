//! What is known of a run that ended unasked, and not as it was to.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::event::Named;
use crate::health::Unhealthy;
use crate::ids::{Pid, RunId};
use crate::input::{Death, Exit};
use crate::time::Wall;

/// A run that ended unasked.
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
    /// It was ill and was made to end.
    Health(Unhealthy),
    /// It was to end, and did not even by SIGKILL.
    Unkillable,
}

/// The kinds of causes, as they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "those of Cause")]
pub enum Class {
    Spawn,
    Exit,
    Signal,
    Oom,
    Health,
    Unkillable,
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
                format!("{cause}, {before:.1} seconds after its process {name} (pid {pid}) {ended}")
            }
        }
    }

    /// The same for a line of the log.
    #[must_use]
    pub fn because(&self) -> Because {
        let says_more = match self.cause {
            Cause::Exit(_) | Cause::Signal => self.forerunner.is_some(),
            Cause::Spawn(_) | Cause::Oom | Cause::Health(_) | Cause::Unkillable => true,
        };
        let (class, last_line) = (self.cause.class(), self.last_line.clone());
        Because { class, why: self.why(), says_more, last_line }
    }
}

/// As a line has it: cause, class, last line of output.
impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (class={})", self.why, self.class.name())?;
        self.last_line.as_ref().map_or(Ok(()), |line| write!(f, "; last output: {line:?}"))
    }
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Spawn, Self::Exit, Self::Signal, Self::Oom, Self::Health, Self::Unkillable];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spawn => "spawn",
            Self::Exit => "exit",
            Self::Signal => "signal",
            Self::Oom => "oom",
            Self::Health => "health",
            Self::Unkillable => "unkillable",
        }
    }
}

impl Cause {
    /// Which kind it is.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Spawn(_) => Class::Spawn,
            Self::Exit(_) => Class::Exit,
            Self::Signal => Class::Signal,
            Self::Oom => Class::Oom,
            Self::Health(_) => Class::Health,
            Self::Unkillable => Class::Unkillable,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(why) => f.write_str(why),
            Self::Exit(code) => write!(f, "it exited with {code}"),
            Self::Signal => f.write_str("a signal ended it"),
            Self::Oom => f.write_str("the kernel ended it for want of memory"),
            Self::Health(unhealthy) => unhealthy.fmt(f),
            Self::Unkillable => f.write_str("it survived SIGKILL"),
        }
    }
}
