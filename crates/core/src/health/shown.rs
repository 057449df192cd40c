//! The health of a run as operators see it.

use super::Health;

impl Health {
    /// Whether it has announced that it is about to exit.
    pub(crate) const fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Whether a check or a counter would detect an unhealthy run. A check counts only after it has
    /// succeeded once, because its target may be wrong.
    pub(crate) const fn would_show(&self) -> bool {
        match &self.check {
            Some(check) => check.proven,
            None => self.progress.is_some() || self.tree.is_some() || self.watchdog.is_some(),
        }
    }
}
