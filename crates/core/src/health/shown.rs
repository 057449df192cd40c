//! What operators are shown of the health of a run.

use super::Health;

impl Health {
    /// Whether it has announced that it is about to exit.
    pub(crate) const fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Whether something that is looked at would show that it is unhealthy. A check shows
    /// nothing before it has passed: it may ask for the wrong thing.
    pub(crate) const fn would_show(&self) -> bool {
        match &self.check {
            Some(check) => check.proven,
            None => self.progress.is_some() || self.tree.is_some() || self.watchdog.is_some(),
        }
    }
}
