//! The goal of a request, and whether a process has reached it.

use super::{AfterExit, AfterStop, Intent, Kill, Process, State};
use crate::command::Rejection;

/// The goal of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The process was started.
    Started,
    /// The process is up.
    Up,
    /// The process is up and clients should send requests to it. Failed starts that its rules retry
    /// do not end the wait.
    Ready,
    /// All of its processes have exited.
    Down,
}

impl Process {
    /// Whether the process has reached the goal (`Ok`) or cannot reach it any longer (`Err`);
    /// `None`: wait.
    pub(crate) fn reached(&self, goal: Goal) -> Option<Result<(), Rejection>> {
        match goal {
            Goal::Started => self.is_up(true),
            Goal::Up => self.is_up(false),
            Goal::Ready if self.is_stuck() => Some(Err(Rejection::Unkillable)),
            Goal::Ready => match &self.state {
                State::Running { .. } => self.is_ready().then_some(Ok(())),
                State::Backoff { .. } | State::Stopping { after: AfterStop::Fail(_), .. } => None,
                State::Stopped { .. }
                | State::Spawning { .. }
                | State::Starting { .. }
                | State::Stopping { .. }
                | State::Exited { .. }
                | State::Fatal { .. } => self.is_up(false),
            },
            Goal::Down => self.is_down(),
        }
    }

    fn is_up(&self, starting_is_enough: bool) -> Option<Result<(), Rejection>> {
        match &self.state {
            State::Running { .. } => Some(Ok(())),
            State::Starting { .. } => starting_is_enough.then_some(Ok(())),
            // A process that survived SIGKILL prevents the start for an unknown time.
            State::Stopped { .. } | State::Exited { .. } if self.tree.is_stuck() => {
                Some(Err(Rejection::SpawnError))
            }
            State::Spawning { intent: Intent::Run, .. }
            | State::Stopping { after: AfterStop::Run, .. }
            | State::Stopped { intent: Intent::Run }
            | State::Exited { after: AfterExit::Run { .. }, .. } => None,
            State::Stopping { after: AfterStop::Fail(_), .. } => Some(Err(Rejection::SpawnError)),
            State::Backoff { .. } | State::Fatal { .. } => Some(Err(Rejection::SpawnError)),
            State::Spawning { intent: Intent::Rest, .. }
            | State::Stopping { after: AfterStop::Rest, .. }
            | State::Stopped { intent: Intent::Rest }
            | State::Exited { after: AfterExit::Rest | AfterExit::Held, .. } => {
                Some(Err(Rejection::AbnormalTermination))
            }
        }
    }

    fn is_down(&self) -> Option<Result<(), Rejection>> {
        match &self.state {
            State::Stopping { kill: Kill::Stuck, .. } => Some(Err(Rejection::Unkillable)),
            State::Stopping { .. } | State::Spawning { intent: Intent::Rest, .. } => None,
            State::Stopped { .. } | State::Exited { .. } | State::Fatal { .. } => {
                if self.tree.is_stuck() {
                    Some(Err(Rejection::Unkillable))
                } else {
                    (!self.tree.is_busy()).then_some(Ok(()))
                }
            }
            // Another request has started it again after it was down.
            State::Spawning { intent: Intent::Run, .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. } => Some(Ok(())),
        }
    }
}
