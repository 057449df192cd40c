//! Decides how often a process is restarted, and the delay before each restart.

use std::time::Duration;

use crate::ids::{ProcId, RunId};
use crate::spec::{Backoff, RetryRule};
use crate::time::Mono;

/// After this many starts within [`START_PERIOD`], the next automatic restart is delayed.
pub const STARTS: usize = 5;

/// The time window of [`STARTS`].
pub const START_PERIOD: Duration = Duration::from_secs(1);

/// The past failures that still count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    /// Consecutive failures.
    count: u32,
    /// Failures that were followed by a delay.
    waited: u32,
}

/// The decision after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Start again after this time.
    Retry(Duration),
    /// Give up on the program.
    GiveUp,
}

impl Failures {
    /// Counts a failure. `ran`: the run was RUNNING before. `chance` selects the random part of the
    /// delay.
    ///
    /// The first failure restarts at once, but only if the process was RUNNING before.
    pub(crate) fn add(
        &mut self,
        ran: bool,
        startretries: u32,
        backoff: &Backoff,
        chance: u32,
    ) -> RetryDecision {
        self.waited = if self.count == 0 && ran { 0 } else { self.waited.saturating_add(1) };
        self.count = self.count.saturating_add(1);
        if self.count > startretries {
            RetryDecision::GiveUp
        } else if self.waited == 0 {
            RetryDecision::Retry(Duration::ZERO)
        } else {
            RetryDecision::Retry(backoff.wait(self.waited, chance))
        }
    }

    /// The number of failures.
    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    /// Resets the count if `rule` allows it after a run of this length.
    pub(crate) fn forgive(&mut self, rule: RetryRule, uptime: Duration) {
        match rule {
            RetryRule::FailedStarts => *self = Self::default(),
            RetryRule::Consecutive { reset_after } if uptime >= reset_after => {
                *self = Self::default();
            }
            RetryRule::Consecutive { .. } | RetryRule::Once => {}
        }
    }
}

/// The latest start times of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecentStarts {
    /// The times of the latest starts, as a ring buffer.
    at: [Option<Mono>; STARTS],
    /// The index of the oldest start.
    oldest: usize,
}

impl RecentStarts {
    /// Notes a start.
    pub(crate) const fn note(&mut self, now: Mono) {
        self.at[self.oldest] = Some(now);
        self.oldest = (self.oldest + 1) % STARTS;
    }

    /// The earliest time for a restart that is wanted at `at`.
    pub(crate) fn earliest(&self, at: Mono) -> Mono {
        self.at[self.oldest].map_or(at, |oldest| at.max(oldest + START_PERIOD))
    }
}

/// A pseudo-random number. It depends on the seed, the process and the run.
pub(crate) const fn chance(seed: u64, proc: ProcId, run: RunId) -> u32 {
    // SplitMix64's finalizer, <https://prng.di.unimi.it/splitmix64.c>: each bit of the input
    // changes each bit of the result with a probability of one half.
    let mut mixed = seed ^ (proc.0 as u64).rotate_left(32) ^ run.0;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_always_fails_is_retried_with_growing_delays() {
        assert_eq!(story(3, &[false; 4]), [Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn the_first_failure_of_a_running_process_is_retried_at_once() {
        assert_eq!(story(3, &[true; 4]), [Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn delays_continue_to_grow_regardless_of_later_runs() {
        assert_eq!(story(4, &[true, false, true]), [Some(0), Some(1), Some(2)]);
        assert_eq!(story(4, &[false, true, true]), [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn zero_retries_mean_one_start() {
        assert_eq!(story(0, &[true]), [None]);
    }

    /// The delay in seconds after each failure; `None`: the supervisor gave up.
    fn story(startretries: u32, ran: &[bool]) -> Vec<Option<u64>> {
        let mut failures = Failures::default();
        ran.iter()
            .map(|ran| match failures.add(*ran, startretries, &Backoff::Linear, 0) {
                RetryDecision::Retry(wait) => Some(wait.as_secs()),
                RetryDecision::GiveUp => None,
            })
            .collect()
    }
}
