//! What came of the check so far.
//!
//! A check that times out, and nothing else, is a weak sign: a server that compiles, or
//! computes under a lock that the checked path shares, answers nobody for a while. As long
//! as its tree uses the processor, such a streak is given a longer patience.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{ANSWER_GRACE, CheckFailure, REMIND_EVERY, Unhealthy};
use crate::asking::Asking;
use crate::spec::health::CheckSpec;
use crate::time::Mono;

/// The share of one processor, as one part in so many, from which a tree is busy. Servers
/// that wait use a hundredth for their timers.
const BUSY_PART: u32 = 10;

/// What a tree used of the processors while a check waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Processor time of all its processes.
    pub cpu: Duration,
    /// The time in which that was used.
    pub over: Duration,
}

impl Load {
    /// Whether a process of the tree worked, and did not only wait.
    #[must_use]
    pub const fn is_busy(self) -> bool {
        !self.over.is_zero()
            && self.cpu.saturating_mul(BUSY_PART).as_nanos() >= self.over.as_nanos()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checking {
    /// When the run, or its time as one that is up, began.
    pub(super) since: Mono,
    pub(super) asking: Asking,
    /// Failures in a row.
    pub(super) failures: u32,
    pub(super) last: Option<Result<(), CheckFailure>>,
    pub(super) asked: u64,
    /// It has succeeded in this run.
    pub(super) proven: bool,
    asked_at: Option<Mono>,
    /// When the first of these failures was asked for, if all of them are time-outs.
    late_since: Option<Mono>,
    /// How long that was so at the latest time-out, if the tree was busy then and the
    /// patience with it wasn't over.
    busy_for: Option<Duration>,
    /// When it was last said in which way, of [`CheckFailure::KINDS`], it fails, since it
    /// last succeeded. A map and not only the last: one that fails in two ways by turns is no
    /// news.
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

    /// Of a run whose check has succeeded.
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

    /// It answered well.
    pub(super) fn succeeded(&mut self) {
        self.excused();
        self.last = Some(Ok(()));
        self.proven = true;
        self.told.clear();
    }

    /// What it failed before has passed, or was no failure of its own.
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

    /// Its tree was busy at the latest failure: if that and those before are time-outs and
    /// nothing else, they are no illness for a while.
    pub(super) fn note_busy(&mut self, spec: &CheckSpec, now: Mono) {
        let so_far = self.late_since.map(|since| now - since);
        self.busy_for = so_far.filter(|so_far| *so_far < spec.patience);
    }

    /// When the first time-out of a streak of nothing else was asked for.
    pub(super) const fn late_since(&self) -> Option<Mono> {
        self.late_since
    }

    /// For how long it has been excused for being busy.
    pub(super) const fn busy_for(&self) -> Option<Duration> {
        self.busy_for
    }

    /// Whether it asks a server that is there for the wrong thing. Once it has succeeded it
    /// was right, and what has changed is the server.
    pub(super) fn is_wrong(&self) -> bool {
        let failure = self.last.and_then(Result::err);
        !self.proven && failure.is_some_and(CheckFailure::is_of_the_check)
    }

    pub(super) fn verdict(&self, spec: &CheckSpec) -> Option<Unhealthy> {
        let many = self.failures >= spec.failures && self.busy_for.is_none() && !self.is_wrong();
        let failure = self.last?.err().filter(|_| many)?;
        Some(Unhealthy::Check { failure, times: self.failures })
    }

    /// Notes that it fails in this way; whether that is to be said.
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
    fn a_tenth_of_a_processor_is_work() {
        let load =
            |cpu, over| Load { cpu: Duration::from_millis(cpu), over: Duration::from_millis(over) };
        assert!(load(250, 2500).is_busy() && load(10_000, 2500).is_busy());
        assert!(!load(249, 2500).is_busy() && !load(0, 2500).is_busy() && !load(9, 0).is_busy());
    }
}
