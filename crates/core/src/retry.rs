//! How often a process is started again, and how long each start waits.

use std::time::Duration;

use crate::spec::RetryRule;

/// The past failures that still count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    /// How many there were in a row.
    count: u32,
    /// Seconds that the latest one waited.
    waited: u32,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Start again after this time.
    Retry(Duration),
    /// Enough.
    GiveUp,
}

impl Failures {
    /// Counts one more failure. `ran`: the run had reached RUNNING.
    ///
    /// The wait grows by a second with each failure. Only a process that had been
    /// up before its first failure is started again at once.
    pub(crate) fn add(&mut self, ran: bool, startretries: u32) -> RetryDecision {
        self.waited = if self.count == 0 && ran { 0 } else { self.waited.saturating_add(1) };
        self.count = self.count.saturating_add(1);
        if self.count > startretries {
            RetryDecision::GiveUp
        } else {
            RetryDecision::Retry(Duration::from_secs(self.waited.into()))
        }
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    /// Forgets them if `rule` says that a run of this length makes up for them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_always_fails_waits_longer_each_time_and_then_gives_up() {
        assert_eq!(story(3, &[false; 4]), [Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn the_first_failure_of_a_running_process_is_retried_at_once() {
        assert_eq!(story(3, &[true; 4]), [Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn waiting_goes_on_where_it_was_whatever_the_later_runs_did() {
        assert_eq!(story(4, &[true, false, true]), [Some(0), Some(1), Some(2)]);
        assert_eq!(story(4, &[false, true, true]), [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn no_retries_means_one_start() {
        assert_eq!(story(0, &[true]), [None]);
    }

    /// Seconds waited after each failure; `None`: given up.
    fn story(startretries: u32, ran: &[bool]) -> Vec<Option<u64>> {
        let mut failures = Failures::default();
        ran.iter()
            .map(|ran| match failures.add(*ran, startretries) {
                RetryDecision::Retry(wait) => Some(wait.as_secs()),
                RetryDecision::GiveUp => None,
            })
            .collect()
    }
}
