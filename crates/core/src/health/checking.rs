//! The results of the health check of a run.
//!
//! Timeouts alone are weak evidence. A server that compiles, or computes under a lock that the
//! health endpoint needs, answers no client for a while. As long as its tree uses the processor, a
//! streak of timeouts may last longer than usual.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ANSWER_GRACE, CheckFailure, REMIND_EVERY, Unhealthy};
use crate::asking::Asking;
use crate::spec::health::CheckSpec;
use crate::time::Mono;

/// A tree is busy if it uses at least one part in so many of one processor. Idle servers use about
/// one percent for their timers.
const BUSY_PART: u32 = 10;

/// The processor use of a tree during a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Processor time of all its processes.
    pub cpu: Duration,
    /// The length of the measurement.
    pub over: Duration,
}

impl Load {
    /// Whether the tree used enough processor time to count as busy.
    #[must_use]
    pub const fn is_busy(self) -> bool {
        !self.over.is_zero()
            && self.cpu.saturating_mul(BUSY_PART).as_nanos() >= self.over.as_nanos()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checking {
    /// When the run was started, or became ready.
    pub(super) since: Mono,
    pub(super) asking: Asking,
    /// Consecutive failures.
    pub(super) failures: u32,
    pub(super) last: Option<Result<(), CheckFailure>>,
    pub(super) asked: u64,
    /// The check has succeeded in this run.
    pub(super) proven: bool,
    asked_at: Option<Mono>,
    /// Start of the first failed check, if all of the consecutive failures are timeouts.
    late_since: Option<Mono>,
    /// Time since then at the latest timeout. Set only if the tree was busy and the allowed time
    /// was not over.
    busy_for: Option<Duration>,
    /// When each of [`CheckFailure::KINDS`] was last logged since the latest success. A map instead
    /// of only the last one, so that a check that alternates between two failures does not fill the
    /// log.
    told: BTreeMap<&'static str, Mono>,
}

impl Checking {
    pub(super) const fn new(since: Mono, due: Mono) -> Self {
        Self {
            since,
            asking: Asking::Due(due),
            failures: 0,
            last: None,
            asked: 0,
            proven: false,
            asked_at: None,
            late_since: None,
            busy_for: None,
            told: BTreeMap::new(),
        }
    }

    /// State for a run whose check has succeeded.
    pub(super) const fn proven(since: Mono, due: Mono) -> Self {
        let mut checking = Self::new(since, due);
        checking.proven = true;
        checking
    }

    pub(super) fn ask(&mut self, spec: &CheckSpec, now: Mono) {
        self.asking = Asking::Asked { until: now + spec.timeout + ANSWER_GRACE };
        self.asked += 1;
        self.asked_at = Some(now);
    }

    /// Notes a success.
    pub(super) fn succeeded(&mut self) {
        self.excused();
        self.last = Some(Ok(()));
        self.proven = true;
        self.told.clear();
    }

    /// Clears the counted failures.
    pub(super) const fn excused(&mut self) {
        self.failures = 0;
        (self.late_since, self.busy_for) = (None, None);
    }

    pub(super) fn failed(&mut self, failure: CheckFailure) {
        let late = failure == CheckFailure::TimedOut;
        let since = if self.failures == 0 { self.asked_at } else { self.late_since };
        self.late_since = since.filter(|_| late);
        self.failures = self.failures.saturating_add(1);
        (self.last, self.busy_for) = (Some(Err(failure)), None);
    }

    /// Notes that the tree was busy at the latest failure. A streak of timeouts then does not make
    /// the server unhealthy until the allowed time is over.
    pub(super) fn note_busy(&mut self, spec: &CheckSpec, now: Mono) {
        let so_far = self.late_since.map(|since| now - since);
        self.busy_for = so_far.filter(|so_far| *so_far < spec.patience);
    }

    /// Start of the first failed check, if all of the consecutive failures are timeouts.
    pub(super) const fn late_since(&self) -> Option<Mono> {
        self.late_since
    }

    /// How long the streak has been excused because the tree is busy.
    pub(super) const fn busy_for(&self) -> Option<Duration> {
        self.busy_for
    }

    /// Whether the check itself is wrong: it has never succeeded, and the server rejects the
    /// request. After a success, the server must have changed.
    pub(super) fn is_wrong(&self) -> bool {
        let failure = self.last.and_then(Result::err);
        !self.proven && failure.is_some_and(CheckFailure::is_of_the_check)
    }

    pub(super) fn verdict(&self, spec: &CheckSpec) -> Option<Unhealthy> {
        let many = self.failures >= spec.failures && self.busy_for.is_none() && !self.is_wrong();
        let failure = self.last?.err().filter(|_| many)?;
        Some(Unhealthy::Check { failure, times: self.failures })
    }

    /// Notes the failure. Returns whether to log it.
    pub(super) fn is_news(&mut self, failure: CheckFailure, now: Mono) -> bool {
        let told = self.told.get(failure.kind());
        let new = told.is_none_or(|at| now - *at >= REMIND_EVERY);
        if new {
            self.told.insert(failure.kind(), now);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_a_cpu_counts_as_busy() {
        let load =
            |cpu, over| Load { cpu: Duration::from_millis(cpu), over: Duration::from_millis(over) };
        assert!(load(250, 2500).is_busy() && load(10_000, 2500).is_busy());
        assert!(!load(249, 2500).is_busy() && !load(0, 2500).is_busy() && !load(9, 0).is_busy());
    }
}
