//! The condition of a process, as every display shows it.

use std::fmt;

use crate::failure::Class;
use crate::health::{CheckFailure, Unhealthy, mebibytes};
use crate::state_name::StateName;
use crate::time::Mono;

/// The condition of a process at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its state.
    pub state: StateName,
    /// Whether it is up and clients should send requests to it.
    pub ready: bool,
    /// Whether it is healthy.
    pub health: HealthStatus,
    /// The time of the latest change of state, readiness or health; `None` before the first change.
    pub since: Option<Mono>,
    /// The failure class of the latest failed run among the remembered runs.
    pub last_failure: Option<Class>,
}

/// Whether a process is healthy, in the words of Docker's
/// [health checks](https://docs.docker.com/reference/dockerfile/#healthcheck).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HealthStatus {
    /// It is not running, or nothing checks its health.
    #[default]
    None,
    /// It is running and not ready yet. Holds the failure of its check, if the check failed.
    Starting(Option<CheckFailure>),
    /// It is running, and its checks and counters show no problem.
    Healthy,
    /// It is unhealthy.
    Unhealthy(Unhealthy),
    /// It has announced that it is about to exit.
    Leaving,
}

impl HealthStatus {
    /// All names that [`Self::name`] returns.
    pub const NAMES: [&str; 5] = ["none", "starting", "healthy", "unhealthy", "leaving"];

    /// Its name, without the reason.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Starting(_) => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy(_) => "unhealthy",
            Self::Leaving => "leaving",
        }
    }

    /// The full reason.
    #[must_use]
    pub fn reason(self) -> Option<String> {
        match self {
            Self::None | Self::Healthy | Self::Leaving => None,
            Self::Starting(failure) => failure.map(|failure| failure.to_string()),
            Self::Unhealthy(unhealthy) => Some(unhealthy.to_string()),
        }
    }
}

impl Condition {
    /// A short remark on readiness or health; `None`: healthy, or the state already shows it.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        match self.health {
            HealthStatus::None | HealthStatus::Healthy => None,
            HealthStatus::Starting(None) => Some("not ready".to_owned()),
            HealthStatus::Starting(Some(failure)) => Some(format!("not ready: {failure}")),
            HealthStatus::Unhealthy(unhealthy) => Some(format!("unhealthy: {}", Short(unhealthy))),
            HealthStatus::Leaving => Some("not ready: it announced that it is stopping".to_owned()),
        }
    }
}

/// A short reason, because a line of `supervisorctl status` has 80 columns.
struct Short(Unhealthy);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unhealthy::NotReady { within, .. } => {
                write!(f, "not ready within {} s", within.as_secs())
            }
            Unhealthy::Check { times: 1, .. } => f.write_str("1 check failed"),
            Unhealthy::Check { times, .. } => write!(f, "{times} checks failed"),
            Unhealthy::Stalled { since, .. } => write!(f, "stalled for {} s", since.as_secs()),
            Unhealthy::Incomplete { alive, of, .. } => write!(f, "{alive} of {of} processes"),
            Unhealthy::Silent { since } => {
                write!(f, "no sign of life for {} s", since.as_secs())
            }
            Unhealthy::Blocked(block) => write!(f, "{} is not read", block.channel.name()),
            Unhealthy::Memory { used, limit } => {
                write!(f, "{} of {} MiB used", mebibytes(used), mebibytes(limit))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_remark_adds_readiness_and_health_to_a_state() {
        let remark = |health| {
            let (state, ready) = (StateName::Running, false);
            Condition { state, ready, health, since: None, last_failure: None }.remark()
        };
        let failure = CheckFailure::Status(503);
        let within = Duration::from_secs(30);
        for (health, said) in [
            (HealthStatus::None, None),
            (HealthStatus::Healthy, None),
            (HealthStatus::Starting(None), Some("not ready")),
            (HealthStatus::Starting(Some(failure)), Some("not ready: status 503")),
            (
                HealthStatus::Unhealthy(Unhealthy::Check { failure, times: 3 }),
                Some("unhealthy: 3 checks failed"),
            ),
            (
                HealthStatus::Unhealthy(Unhealthy::NotReady { within, last: None }),
                Some("unhealthy: not ready within 30 s"),
            ),
            (
                HealthStatus::Unhealthy(Unhealthy::Incomplete { alive: 3, of: 4, since: within }),
                Some("unhealthy: 3 of 4 processes"),
            ),
            (HealthStatus::Leaving, Some("not ready: it announced that it is stopping")),
        ] {
            assert_eq!(remark(health).as_deref(), said, "{health:?}");
            assert!(HealthStatus::NAMES.contains(&health.name()));
        }
    }
}
