//! How processes end, and why some never begin.

use std::fmt;

use crate::ids::Pid;
use crate::signal::Signal;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(u8),
    /// A signal ended it.
    Signal {
        /// Which one.
        signal: Signal,
        /// It left a core file.
        core_dumped: bool,
    },
}

impl Exit {
    /// The status a shell would report: the code, or 128 + the signal's number.
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal { signal, .. } => 128 + signal.number(),
        }
    }
}

/// supervisord's description of an exit.
impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal { signal, core_dumped: false } => write!(f, "terminated by {signal}"),
            Self::Signal { signal, core_dumped: true } => {
                write!(f, "terminated by {signal} (core dumped)")
            }
        }
    }
}

/// The end of a process of a program's tree that was not its main process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The name that the kernel has for it, at most 15 bytes long.
    pub name: String,
    /// The pid that it had.
    pub pid: Pid,
    /// How it ended; `None`: its parent reaped it, and no other process knows.
    pub exit: Option<Exit>,
}

/// Kills because memory ran out, as the kernel counts them for a group of processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OomKills {
    /// How many there were.
    pub count: u64,
    /// Which processes the counter is about.
    pub counter: OomCounter,
}

/// Which processes a counter of kills is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OomCounter {
    /// Those of the program alone.
    #[default]
    Own,
    /// Those of other programs as well.
    Shared,
}

impl OomKills {
    /// Whether they explain this exit of the main process. With a shared counter another program
    /// may have lost a process; a main process that was killed is one of those counted.
    pub(crate) fn explain(self, exit: Exit) -> bool {
        let killed = matches!(exit, Exit::Signal { signal: Signal::KILL, .. });
        self.count > 0 && (self.counter == OomCounter::Own || killed)
    }
}

/// Why a process could not be started: what to say, and whether trying again can help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnError {
    /// What kind of failure it was.
    pub kind: SpawnErrorKind,
    /// The sentence for the log, in supervisord's words where it has them.
    pub message: String,
}

/// The kinds of failure to start that are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnErrorKind {
    /// There is no such command.
    NotFound,
    /// The command is there and can't be executed, or what should run can't be understood.
    NotExecutable,
    /// Something may be better next time: too many files, processes, no memory.
    Transient,
}

impl SpawnErrorKind {
    /// The status a shell reports for this failure.
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            Self::NotFound => 127,
            Self::NotExecutable => 126,
            Self::Transient => 1,
        }
    }

    /// Whether trying again without a change from outside is pointless.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        match self {
            Self::NotFound | Self::NotExecutable => true,
            Self::Transient => false,
        }
    }
}
