//! The condition of a process, and notices to operators about its changes.

use std::rc::Rc;

use super::{AfterStop, Process, State, Transition};
use crate::condition::{Condition, HealthStatus};
use crate::health::Health;
use crate::notice::Notice;
use crate::spec::health::Ready;
use crate::state_name::StateName;
use crate::time::Mono;

/// A condition without its reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    state: StateName,
    ready: bool,
    health: &'static str,
    since: Option<Mono>,
}

impl Default for Shown {
    fn default() -> Self {
        let health = HealthStatus::None.name();
        Self { state: StateName::Stopped, ready: false, health, since: None }
    }
}

impl Process {
    /// The current condition.
    pub(crate) fn condition(&self) -> Condition {
        Condition {
            state: self.state_name(),
            ready: self.is_ready(),
            health: self.health_status(),
            since: self.shown.since,
            last_failure: self.history.runs.last_failure(),
        }
    }

    fn health_status(&self) -> HealthStatus {
        match &self.state {
            State::Starting { health, .. } => match (health.unhealthy(), &self.spec.health.ready) {
                (Some(unhealthy), _) => HealthStatus::Unhealthy(unhealthy),
                (None, Ready::Startsecs) => HealthStatus::None,
                (None, Ready::Checked | Ready::Notified | Ready::Logged(_)) => {
                    HealthStatus::Starting(health.last_failure())
                }
            },
            State::Running { health, .. } => of_running(health),
            State::Stopping { after: AfterStop::Fail(unhealthy), .. } => {
                HealthStatus::Unhealthy(*unhealthy)
            }
            State::Stopping { after: AfterStop::Run | AfterStop::Rest, .. }
            | State::Stopped { .. }
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => HealthStatus::None,
        }
    }

    /// Whether the condition differs from the one at the end of the previous input.
    pub(crate) fn is_condition_new(&self) -> bool {
        let Shown { state, ready, health, since: _ } = self.shown;
        (state, ready, health) != (self.state_name(), self.is_ready(), self.health_status().name())
    }

    /// Notes the time of a changed condition. Emits a notice if readiness or health changed.
    /// A change of the state has its own event.
    pub(crate) fn note_condition(&mut self, cx: &mut Transition<'_>) {
        let (state, ready) = (self.state_name(), self.is_ready());
        let health = self.health_status().name();
        let before = self.shown;
        self.shown = Shown { state, ready, health, since: Some(cx.now) };
        let unknown = HealthStatus::None.name();
        let changed = before.health != health || before.ready != ready;
        let known = before.health != unknown || health != unknown;
        if self.pid().is_some() && changed && known {
            let (process, condition) = (Rc::clone(&self.named), self.condition());
            cx.notice(Notice::Health { process, condition });
        }
    }
}

/// The health status of a run that is up.
const fn of_running(health: &Health) -> HealthStatus {
    match (health.unhealthy(), health.is_leaving()) {
        (Some(unhealthy), _) => HealthStatus::Unhealthy(unhealthy),
        (None, true) => HealthStatus::Leaving,
        (None, false) if health.would_show() => HealthStatus::Healthy,
        (None, false) => HealthStatus::None,
    }
}
