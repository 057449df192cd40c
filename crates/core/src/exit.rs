//! How processes exit, and why a start fails.

use std::fmt;

use crate::ids::Pid;
use crate::signal::Signal;

/// The exit status of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(u8),
    /// A signal killed it.
    Signal {
        /// The signal.
        signal: Signal,
        /// Whether it dumped core.
        core_dumped: bool,
    },
}

impl Exit {
    /// The status that a shell reports: the exit code, or 128 + the signal number.
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

/// The exit of a process of a program's tree other than the main process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// Its name in the kernel, at most 15 bytes.
    pub name: String,
    /// Its pid.
    pub pid: Pid,
    /// Its exit status; `None` if its parent reaped it, so that no other process knows.
    pub exit: Option<Exit>,
}

/// OOM kills that the kernel counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OomKills {
    /// The number of kills.
    pub count: u64,
    /// The processes that the counter covers.
    pub counter: OomCounter,
}

/// The processes that an OOM counter covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OomCounter {
    /// Only the program's processes.
    #[default]
    Own,
    /// Also processes of other programs.
    Shared,
}

impl OomKills {
    /// Whether OOM kills explain this exit of the main process. A shared counter may have counted a
    /// process of another program, so it explains only a main process that was killed.
    pub(crate) fn explain(self, exit: Exit) -> bool {
        let killed = matches!(exit, Exit::Signal { signal: Signal::KILL, .. });
        self.count > 0 && (self.counter == OomCounter::Own || killed)
    }
}

/// The reason for a failed start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnError {
    /// The kind of the failure.
    pub kind: SpawnErrorKind,
    /// The reason, in supervisord's words where they exist.
    pub message: String,
    /// The `PATH` in which the command was searched.
    pub searched: Option<String>,
}

impl SpawnError {
    /// A failure that is not about `PATH`.
    #[must_use]
    pub const fn new(kind: SpawnErrorKind, message: String) -> Self {
        Self { kind, message, searched: None }
    }
}

/// The reason with the `PATH`, which is long and therefore shown once.
impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.searched.as_ref().map_or(Ok(()), |path| write!(f, " in PATH '{path}'"))
    }
}

/// Kinds of failed starts that are handled differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnErrorKind {
    /// The command does not exist.
    NotFound,
    /// The command cannot be executed or parsed.
    NotExecutable,
    /// A retry may succeed: too many open files or processes, or no memory.
    Transient,
}

impl SpawnErrorKind {
    /// The status that a shell reports for this failure.
    #[must_use]
    pub const fn status(self) -> u8 {
        match self {
            Self::NotFound => 127,
            Self::NotExecutable => 126,
            Self::Transient => 1,
        }
    }

    /// Whether a retry is pointless without a change from outside.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        match self {
            Self::NotFound | Self::NotExecutable => true,
            Self::Transient => false,
        }
    }
}
