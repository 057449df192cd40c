//! New health rules for a run that continues.

use super::{Checking, Counting, Health, MEMORY_EVERY, Measuring, Progressing, Unhealthy};
use crate::spec::health::{CheckSpec, HealthSpec, ProgressSpec, Ready, TreeSpec};
use crate::time::Mono;

impl Health {
    /// Applies new rules. New intervals and limits apply from the next check on. If the target
    /// changes, the check begins again after its interval, and silence towards the old target no
    /// longer counts.
    pub(crate) fn change_rules(
        &mut self,
        old: &HealthSpec,
        new: &HealthSpec,
        starting: bool,
        now: Mono,
    ) {
        let checks = !starting || new.ready == Ready::Checked;
        match (&old.check, new.check.as_ref().filter(|_| checks)) {
            (Some(old), Some(new)) if old.asks_as(new) => {}
            (_, new) => {
                self.check = new.map(|new| Box::new(Checking::new(now, now + new.interval)));
                self.shows_life(|unhealthy| matches!(unhealthy, Unhealthy::Check { .. }));
            }
        }
        match (&old.progress, new.progress.as_ref().filter(|_| !starting)) {
            (Some(old), Some(new)) if old.asks_as(new) => {}
            (_, new) => {
                self.progress = new.map(|new| Box::new(Progressing::new(now + new.interval)));
                self.shows_life(|unhealthy| matches!(unhealthy, Unhealthy::Stalled { .. }));
            }
        }
        match (&self.memory, &new.memory) {
            (Some(_), Some(_)) => {}
            (_, new) => self.memory = new.map(|_| Box::new(Measuring::new(now + MEMORY_EVERY))),
        }
        match (&old.tree, &new.tree) {
            (Some(old), Some(new)) if old.counts_as(new) => {}
            (_, new) => {
                self.tree = new.as_ref().map(|new| Box::new(Counting::new(now + new.interval)))
            }
        }
    }
}

impl CheckSpec {
    fn asks_as(&self, other: &Self) -> bool {
        (&self.probe, self.listener) == (&other.probe, other.listener)
    }
}

impl ProgressSpec {
    fn asks_as(&self, other: &Self) -> bool {
        let times = Self {
            interval: other.interval,
            timeout: other.timeout,
            stalled: other.stalled,
            ..self.clone()
        };
        times == *other
    }
}

impl TreeSpec {
    fn counts_as(&self, other: &Self) -> bool {
        (&self.pattern, self.distinct) == (&other.pattern, other.distinct)
    }
}
