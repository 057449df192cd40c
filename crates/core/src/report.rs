//! What is known of a run that ended unasked, and not as it was to.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::event::Named;
use crate::health::Ill;
use crate::ids::{Pid, RunId};
use crate::input::Exit;
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
    /// Processes that it left behind and that were made to go.
    pub leftovers: usize,
    /// What follows.
    pub next: Next,
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
    Health(Ill),
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
            Self::Health(ill) => ill.fmt(f),
            Self::Unkillable => f.write_str("it survived SIGKILL"),
        }
    }
}
