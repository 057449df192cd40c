//! The wait for a program's port before a start: a process that outlived the last run, or a
//! stranger, may still listen on it.
//!
//! ```text
//!   look ──> free ──────────────────────────────────────────────> start
//!    ^  └──> a process holds it ──> a line; wait for its exit ┐      ^
//!    └────────────────────────────────────────────────────────┘      │
//!       that process again, or one that /proc does not show,         │
//!       or PORT_LIMIT is over ──> a line; start anyway ──────────────┘
//! ```
//!
//! A look follows the exit of the process that held the port, so nothing polls.

use std::fmt;
use std::time::Duration;

use crate::ids::Pid;
use crate::time::Mono;

/// How long a start waits for its port.
pub const PORT_LIMIT: Duration = Duration::from_secs(10);

/// The listener on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A process.
    Process {
        /// Its pid.
        pid: Pid,
        /// The name of its program. Its arguments may contain keys, and this goes to the log.
        program: String,
    },
    /// A listener whose process `/proc` does not show.
    Unseen,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, program } => write!(f, "pid {pid} ({program})"),
            Self::Unseen => f.write_str("a process that is not visible in /proc"),
        }
    }
}

/// A wait for a port that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortWait {
    pub(crate) port: u16,
    /// When the limit is over.
    pub(crate) until: Mono,
    /// The process that held the port at the last look; the next look follows its exit.
    holder: Option<(Pid, String)>,
}

/// The next step after a look at the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PortStep {
    /// Nothing: another look was requested.
    Nothing,
    /// Another process holds the port: look again after its exit.
    LookAgain,
    /// The wait is over. This process still holds the port, if one does.
    Over(Option<Holder>),
}

impl PortWait {
    pub(crate) fn new(port: u16, now: Mono) -> Self {
        Self { port, until: now + PORT_LIMIT, holder: None }
    }

    /// The process after whose exit the requested look is taken.
    pub(crate) fn after(&self) -> Option<Pid> {
        self.holder.as_ref().map(|(pid, _)| *pid)
    }

    /// Takes the result of a look that followed the exit of `after`.
    pub(crate) fn seen(&mut self, after: Option<Pid>, holder: Option<Holder>) -> PortStep {
        if after != self.after() {
            return PortStep::Nothing;
        }
        match holder {
            Some(Holder::Process { pid, program }) => {
                let found = Some((pid, program));
                if found == self.holder {
                    // It has exited and is still there: nothing signals when that changes.
                    return PortStep::Over(self.last());
                }
                self.holder = found;
                PortStep::LookAgain
            }
            Some(Holder::Unseen) | None => PortStep::Over(holder),
        }
    }

    /// The process that held the port at the last look.
    pub(crate) fn last(&self) -> Option<Holder> {
        self.holder.clone().map(|(pid, program)| Holder::Process { pid, program })
    }
}
