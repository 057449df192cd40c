//! The states of a process. Each owns what only it knows, its deadlines among it.

use crate::health::{Health, Unhealthy};
use crate::ids::{Pid, RunId};
use crate::input::Exit;
use crate::state_name::StateName;
use crate::time::Mono;

/// Where a process stands, with all that this state knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Stopped {
        intent: Intent,
    },
    /// The start was asked for and has not been answered.
    Spawning {
        run: RunId,
        intent: Intent,
    },
    Starting {
        live: Live,
        due: Due,
        health: Health,
    },
    Running {
        live: Live,
        health: Health,
    },
    Backoff {
        retry_at: Mono,
    },
    Stopping {
        live: Live,
        kill: Kill,
        after: AfterStop,
    },
    Exited {
        exit: Exit,
        after: AfterExit,
    },
    Fatal {
        why: Fatal,
    },
}

/// What a process does once what is under way is done: the last order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// It runs, as soon as the tree of the last run is clear.
    Run,
    /// It rests.
    Rest,
}

/// What a process does once it has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterStop {
    /// It starts again.
    Run,
    /// It rests.
    Rest,
    /// What follows a failure: the supervisor stops it because it is unhealthy.
    Fail(Unhealthy),
}

/// What a process does after an exit by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterExit {
    /// It starts again, not before this time.
    Run { at: Mono },
    /// It rests: its rules say so.
    Rest,
    /// It would start again, but an operator stopped it.
    Held,
}

/// What a start waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Its time: at this moment it has succeeded.
    Up(Mono),
    /// Readiness. If it is not ready by this time, it has failed.
    Ready { by: Option<Mono> },
}

/// A main process that has not been reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) run: RunId,
    pub(crate) pid: Pid,
    pub(crate) since: Mono,
    /// Since when it has been up.
    pub(crate) up_at: Option<Mono>,
}

/// How far a stop has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// The stop signal was sent; SIGKILL follows when
    /// [`Tree::Draining`](crate::tree::Tree::Draining) says so.
    NotYet,
    /// SIGKILL was sent; from this time on it counts as unkillable.
    Sent { stuck_at: Mono },
    /// It survived SIGKILL.
    Stuck,
}

/// Why a process is in FATAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fatal {
    /// It was given up; a shell would report this status. `code`: the supervisor's own.
    GaveUp { status: u8, code: u8 },
    /// Its health action or a rule says that it does not start again. `ends`: the supervisor
    /// exits as well, with this status.
    ByAction { status: u8, ends: bool },
    /// It waited for its next start when the supervisor was asked to stop.
    CutShort,
}

impl State {
    pub(crate) const fn state_name(&self) -> StateName {
        match self {
            Self::Stopped { .. } => StateName::Stopped,
            Self::Spawning { .. } | Self::Starting { .. } => StateName::Starting,
            Self::Running { .. } => StateName::Running,
            Self::Backoff { .. } => StateName::Backoff,
            Self::Stopping { .. } => StateName::Stopping,
            Self::Exited { .. } => StateName::Exited,
            Self::Fatal { .. } => StateName::Fatal,
        }
    }
}
