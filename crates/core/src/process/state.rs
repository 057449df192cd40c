//! The states of a process. Each holds the data and deadlines that only this state needs.

use crate::health::{Health, Unhealthy};
use crate::ids::{Pid, RunId};
use crate::input::Exit;
use crate::state_name::StateName;
use crate::time::Mono;

/// The state of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Stopped {
        intent: Intent,
    },
    /// The daemon has been asked to spawn and has not answered.
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

/// The action that follows the current spawn or stop. The latest request decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Start, once no process of the last run is left.
    Run,
    /// Stay stopped.
    Rest,
}

/// The action that follows a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterStop {
    /// Start again.
    Run,
    /// Stay stopped.
    Rest,
    /// Handle the stop as a failure: the supervisor stopped the process because it was unhealthy.
    Fail(Unhealthy),
}

/// The action that follows an exit that was not requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterExit {
    /// Restart, no earlier than `at`.
    Run { at: Mono },
    /// Stay stopped, because the restart rules say so.
    Rest,
    /// Stay stopped, because an operator stopped the program before the restart.
    Held,
}

/// The condition for a successful start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The process is still up at this time.
    Up(Mono),
    /// The process becomes ready. If it is not ready at `by`, the start has failed.
    Ready { by: Option<Mono> },
}

/// A main process that has not been reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) run: RunId,
    pub(crate) pid: Pid,
    pub(crate) since: Mono,
    /// When the process was first up.
    pub(crate) up_at: Option<Mono>,
}

/// The progress of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// The stop signal was sent. [`Tree::Draining`](crate::tree::Tree::Draining) holds the deadline
    /// for SIGKILL.
    NotYet,
    /// SIGKILL was sent. If the process still exists at `stuck_at`, it counts as unkillable.
    Sent { stuck_at: Mono },
    /// The process survived SIGKILL.
    Stuck,
}

/// The reason for the FATAL state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fatal {
    /// The supervisor gave up on the process. `status` is the exit status that a shell would
    /// report, `code` is the exit code of the supervisor.
    GaveUp { status: u8, code: u8 },
    /// The health action or a rule forbids another start. If `ends` is set, the supervisor also
    /// exits, with `status`.
    ByAction { status: u8, ends: bool },
    /// The process was waiting for its next start when the shutdown began.
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
