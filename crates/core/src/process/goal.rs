//! What a request waits for, and whether a process has got there.

use super::{Kill, Process, State, Then};
use crate::command::Refusal;

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// It was started.
    Started,
    /// It is up.
    Up,
    /// It has ended, and all that it left behind.
    Down,
}

impl Process {
    /// Whether it is where a request wants it, or will not get there; `None`: wait.
    pub(crate) fn reached(&self, goal: Goal) -> Option<Result<(), Refusal>> {
        match goal {
            Goal::Started => self.is_up(true),
            Goal::Up => self.is_up(false),
            Goal::Down => self.is_down(),
        }
    }

    fn is_up(&self, starting_is_enough: bool) -> Option<Result<(), Refusal>> {
        match &self.state {
            State::Running { .. } => Some(Ok(())),
            State::Starting { .. } => starting_is_enough.then_some(Ok(())),
            // What survived SIGKILL stands in its way, who knows for how long.
            State::Stopped { .. } | State::Exited { .. } if self.tree.is_stuck() => {
                Some(Err(Refusal::SpawnError))
            }
            State::Spawning { then: Then::Run | Then::Fail(_), .. }
            | State::Stopping { then: Then::Run, .. }
            | State::Stopped { then: Then::Run | Then::Fail(_) }
            | State::Exited { then: Then::Run | Then::Fail(_), .. } => None,
            State::Stopping { then: Then::Fail(_), .. } => Some(Err(Refusal::SpawnError)),
            State::Backoff { .. } | State::Fatal { .. } => Some(Err(Refusal::SpawnError)),
            State::Spawning { then: Then::Rest, .. }
            | State::Stopping { then: Then::Rest, .. }
            | State::Stopped { then: Then::Rest }
            | State::Exited { then: Then::Rest, .. } => Some(Err(Refusal::AbnormalTermination)),
        }
    }

    fn is_down(&self) -> Option<Result<(), Refusal>> {
        match &self.state {
            State::Stopping { kill: Kill::Stuck, .. } => Some(Err(Refusal::Unkillable)),
            State::Stopping { .. } | State::Spawning { then: Then::Rest, .. } => None,
            State::Stopped { .. } | State::Exited { .. } | State::Fatal { .. } => {
                if self.tree.is_stuck() {
                    Some(Err(Refusal::Unkillable))
                } else {
                    (!self.tree.is_busy()).then_some(Ok(()))
                }
            }
            // It was down, and somebody has started it again.
            State::Spawning { then: Then::Run | Then::Fail(_), .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. } => Some(Ok(())),
        }
    }
}
