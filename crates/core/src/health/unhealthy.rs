//! The reasons for being unhealthy, and their texts.

use std::fmt;
use std::time::Duration;

use super::CheckFailure;
use crate::event::Channel;

/// The reason for which a run is unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unhealthy {
    /// The run was not ready in time.
    NotReady {
        /// The time limit.
        within: Duration,
        /// The latest failure of its check, if it has one.
        last: Option<CheckFailure>,
    },
    /// Its check failed too often.
    Check {
        /// The latest failure.
        failure: CheckFailure,
        /// Consecutive failures.
        times: u32,
    },
    /// Requests are in flight, and the server makes no progress.
    Stalled {
        /// Requests in flight.
        running: u64,
        /// Time without progress.
        since: Duration,
    },
    /// Some of its processes are missing.
    Incomplete {
        /// Running processes.
        alive: u32,
        /// The highest earlier number.
        of: u32,
        /// Time since the first of them disappeared.
        since: Duration,
    },
    /// No watchdog message arrived.
    Silent {
        /// Time since the latest message.
        since: Duration,
    },
    /// The program is silent because the reader of its output has stalled.
    Blocked(Block),
    /// The program exceeded its memory limit.
    Memory {
        /// Bytes of anonymous and shared memory.
        used: u64,
        /// The limit in bytes.
        limit: u64,
    },
}

/// A full pipe that blocks a program's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The stream of the pipe.
    pub channel: Channel,
    /// Time since the reader last consumed output.
    pub since: Duration,
    /// Bytes in the pipe.
    pub waiting: u64,
}

/// A program counts as blocked once its reader has consumed nothing for this long. If the reader is
/// only slow, the program may still be hung: a full pipe alone shows only that it writes much.
const STANDS_STILL: Duration = Duration::from_secs(1);

impl Block {
    /// Whether the reader has stalled.
    #[must_use]
    pub fn counts(self) -> bool {
        self.since >= STANDS_STILL
    }
}

impl Unhealthy {
    /// The label values of the metric.
    pub const KINDS: [&str; 7] =
        ["not_ready", "check", "stalled", "incomplete", "silent", "blocked", "memory"];

    /// The label value of this reason.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::NotReady { .. } => "not_ready",
            Self::Check { .. } => "check",
            Self::Stalled { .. } => "stalled",
            Self::Incomplete { .. } => "incomplete",
            Self::Silent { .. } => "silent",
            Self::Blocked(_) => "blocked",
            Self::Memory { .. } => "memory",
        }
    }

    /// Whether a blocked output is the only problem.
    #[must_use]
    pub const fn is_block(self) -> bool {
        matches!(self, Self::Blocked(_))
    }

    /// Whether the supervisor acts on it even if the health action is `observe`, because the user
    /// set the limit.
    pub(crate) const fn is_limit(self) -> bool {
        matches!(self, Self::NotReady { .. } | Self::Memory { .. })
    }

    /// Whether a blocked output may explain it. A program that answers, even wrongly, or has lost
    /// processes, is unhealthy for another reason.
    #[must_use]
    pub const fn is_silence(self) -> bool {
        match self {
            Self::NotReady { .. } | Self::Stalled { .. } | Self::Silent { .. } => true,
            Self::Check { failure, .. } => match failure {
                CheckFailure::Refused
                | CheckFailure::TimedOut
                | CheckFailure::Command(_)
                | CheckFailure::NotStarted
                | CheckFailure::Broken => true,
                CheckFailure::Status(_)
                | CheckFailure::Body
                | CheckFailure::Unresolved
                | CheckFailure::SpeaksTls
                | CheckFailure::LacksTls
                | CheckFailure::Certificate(_)
                | CheckFailure::Withheld
                | CheckFailure::NoHeaders
                | CheckFailure::Stranger(_) => false,
            },
            Self::Incomplete { .. } | Self::Blocked(_) | Self::Memory { .. } => false,
        }
    }
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady { within, last } => {
                write!(f, "not ready within {} s", exactly(*within))?;
                last.map_or(Ok(()), |failure| write!(f, ", last check: {failure}"))
            }
            Self::Check { failure, times } => match times {
                1 => write!(f, "1 check failed: {failure}"),
                _ => write!(f, "{times} consecutive checks failed, last: {failure}"),
            },
            Self::Stalled { running, since } => write!(
                f,
                "no progress for {} s with {running} request{} in flight",
                since.as_secs(),
                if *running == 1 { "" } else { "s" }
            ),
            Self::Incomplete { alive, of, since } => write!(
                f,
                "only {alive} of {of} expected processes have been alive for {} s",
                since.as_secs()
            ),
            Self::Silent { since } => {
                write!(f, "no watchdog notification for {} s", exactly(*since))
            }
            Self::Blocked(Block { channel, since, waiting }) => write!(
                f,
                "it cannot write its output: the reader of its {} has read nothing for {} s, \
                 {waiting} bytes waiting",
                channel.name(),
                since.as_secs()
            ),
            Self::Memory { used, limit } => write!(
                f,
                "uses {} MiB of memory, limit {} MiB (memory_limit)",
                mebibytes(*used),
                mebibytes(*limit)
            ),
        }
    }
}

/// Whole mebibytes.
pub(crate) const fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

/// Seconds with two decimals, for values from the configuration: a user who set 1.5 would not
/// recognize 1. Measured values are shown in whole seconds.
pub(crate) fn exactly(set: Duration) -> f64 {
    (set.as_secs_f64() * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_is_printed_without_trailing_zeros() {
        for (millis, told) in [(1500, "1.5"), (50, "0.05"), (30_000, "30"), (61_234, "61.23")] {
            let within = Duration::from_millis(millis);
            let unhealthy = Unhealthy::NotReady { within, last: None };
            assert_eq!(unhealthy.to_string(), format!("not ready within {told} s"));
            let unhealthy = Unhealthy::Silent { since: within };
            assert_eq!(unhealthy.to_string(), format!("no watchdog notification for {told} s"));
        }
    }
}
