//! New health rules for a run that continues.

use std::time::Duration;

use supervisor_core::spec::health::{HealthSpec, Ready};
use supervisor_core::time::Mono;

use super::{Asking, Health, Lack, MEMORY_EVERY};

impl Health {
    /// Applies new rules. A check of another target begins again, and what is known of the old
    /// target no longer counts.
    pub(crate) fn change_rules(
        &mut self,
        old: &HealthSpec,
        new: &HealthSpec,
        starting: bool,
        now: Mono,
    ) {
        let due = |within: Option<Duration>| {
            within.map(|within| Asking::due(now + within)).unwrap_or_default()
        };
        let target = |spec: &HealthSpec| spec.check.as_ref().map(|c| (c.probe.clone(), c.listener));
        if target(old) != target(new) {
            let asks = !starting || new.ready == Ready::Checked;
            let check = new.check.as_ref().filter(|_| asks);
            self.check = due(check.map(|check| check.interval));
            (self.fails, self.failure, self.passed) = (0, None, false);
            (self.asked_at, self.late_since, self.failed_at) = (None, None, None);
            self.borne_until = None;
            self.lives(Lack::Answer);
        }
        let page = |spec: &HealthSpec| {
            let progress = spec.progress.as_ref()?;
            Some((progress.page.clone(), progress.tells_idle))
        };
        if page(old) != page(new) {
            let progress = new.progress.as_ref().filter(|_| !starting);
            self.progress = due(progress.map(|progress| progress.interval));
            (self.last, self.seen_at, self.moved_at) = (None, None, None);
            (self.still_since, self.still) = (None, Duration::ZERO);
            self.lives(Lack::Work);
        }
        if old.memory.is_some() != new.memory.is_some() {
            self.memory = due(new.memory.map(|_| MEMORY_EVERY));
            (self.over, self.memory_high) = (0, false);
        }
        let counted =
            |spec: &HealthSpec| spec.tree.as_ref().map(|t| (t.pattern.clone(), t.distinct));
        if counted(old) != counted(new) {
            self.tree = due(new.tree.as_ref().map(|tree| tree.interval));
            (self.alive, self.most) = (0, 0);
            (self.fewer_since, self.fewer) = (None, Duration::ZERO);
        }
    }
}
