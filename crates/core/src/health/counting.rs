//! Detects missing processes of a server.

use std::time::Duration;

use super::Unhealthy;
use crate::asking::Asking;
use crate::spec::health::TreeSpec;
use crate::time::Mono;

/// The number of running processes that match the program's pattern, without zombies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeCount {
    /// All matching processes.
    pub alive: u32,
    /// The number of their different command lines.
    pub distinct: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counting {
    pub(super) asking: Asking,
    there: u32,
    most: u32,
    fewer_since: Option<Mono>,
    /// Time since then at the latest count.
    fewer: Duration,
}

impl Counting {
    pub(super) const fn new(due: Mono) -> Self {
        Self {
            asking: Asking::Due(due),
            there: 0,
            most: 0,
            fewer_since: None,
            fewer: Duration::ZERO,
        }
    }

    /// Takes a count. While a model loads, helpers that compile come and go with the command line
    /// of their parent. Each command line therefore counts once until the run is ready.
    pub(super) fn take(&mut self, spec: &TreeSpec, starting: bool, now: Mono, count: TreeCount) {
        self.asking = Asking::Due(now + spec.interval);
        self.there = if starting || spec.distinct { count.distinct } else { count.alive };
        self.most = self.most.max(self.there);
        let fewer = self.there < self.most;
        self.fewer_since = if fewer { self.fewer_since.or(Some(now)) } else { None };
        self.fewer = self.fewer_since.map_or(Duration::ZERO, |since| now - since);
    }

    pub(super) fn verdict(&self, spec: &TreeSpec) -> Option<Unhealthy> {
        let (alive, of, since) = (self.there, self.most, self.fewer);
        (since >= spec.patience).then_some(Unhealthy::Incomplete { alive, of, since })
    }
}
