//! The ways in which a run can be unhealthy, and the words for each.

use std::fmt;
use std::time::Duration;

use super::CheckFailure;
use crate::event::Channel;

/// Why a run is unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unhealthy {
    /// It was not ready in time.
    NotReady {
        /// That time.
        within: Duration,
        /// How its check failed the last time, if it has one.
        last: Option<CheckFailure>,
    },
    /// It failed its check, the last time in this way.
    Check {
        /// How.
        failure: CheckFailure,
        /// How often in a row.
        times: u32,
    },
    /// It has requests under way, and does nothing.
    Stalled {
        /// How many.
        running: u64,
        /// For how long.
        since: Duration,
    },
    /// Some of its processes are gone.
    Incomplete {
        /// How many there are.
        alive: u32,
        /// How many there were.
        of: u32,
        /// For how long.
        since: Duration,
    },
    /// It gave no sign of life.
    Silent {
        /// For how long.
        since: Duration,
    },
    /// It is silent, and can't go on writing its output: the reader of that stands still.
    Blocked(Block),
    /// It uses more memory than it may.
    Memory {
        /// Bytes of anonymous and shared memory.
        used: u64,
        /// Bytes that it may use.
        limit: u64,
    },
}

/// What keeps a program from writing: the pipe for its output is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which stream.
    pub channel: Channel,
    /// How long its reader has taken nothing.
    pub since: Duration,
    /// Bytes that wait for the reader.
    pub waiting: u64,
}

/// How long a reader must have taken nothing for its program to count as blocked. Whose
/// reader is merely slow may well be hung: a full pipe alone says only that much is written.
const STANDS_STILL: Duration = Duration::from_secs(1);

impl Block {
    /// Whether the reader stands still.
    #[must_use]
    pub fn counts(self) -> bool {
        self.since >= STANDS_STILL
    }
}

impl Unhealthy {
    /// The kinds of illness, as they are counted.
    pub const KINDS: [&str; 7] =
        ["not_ready", "check", "stalled", "incomplete", "silent", "blocked", "memory"];

    /// Which of them it is.
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

    /// Whether it is only that it can't write its output.
    #[must_use]
    pub const fn is_block(self) -> bool {
        matches!(self, Self::Blocked(_))
    }

    /// Whether it is acted upon although the health of the program is only observed: a limit was
    /// set that was reached.
    pub(crate) const fn is_limit(self) -> bool {
        matches!(self, Self::NotReady { .. } | Self::Memory { .. })
    }

    /// Whether it may be so because the program can't write its output. What answers, even
    /// wrongly, or has lost processes, is unhealthy for another reason.
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

/// Whole mebibytes, as people read memory.
pub(crate) const fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

/// Seconds as somebody set them, who would not know 1.5 again as 1. What was measured is
/// told in whole ones.
pub(crate) fn exactly(set: Duration) -> f64 {
    (set.as_secs_f64() * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_as_it_was_set() {
        for (millis, told) in [(1500, "1.5"), (50, "0.05"), (30_000, "30"), (61_234, "61.23")] {
            let within = Duration::from_millis(millis);
            let unhealthy = Unhealthy::NotReady { within, last: None };
            assert_eq!(unhealthy.to_string(), format!("not ready within {told} s"));
            let unhealthy = Unhealthy::Silent { since: within };
            assert_eq!(unhealthy.to_string(), format!("no watchdog notification for {told} s"));
        }
    }
}
