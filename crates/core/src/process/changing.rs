//! New rules for a running process.

use std::rc::Rc;

use super::{Due, Process, State, Transition};
use crate::spec::ProcessSpec;

impl Process {
    /// Applies the rules of `spec`, which starts the process in the same way. Returns whether they
    /// differ. A stop in progress and the time limit of a start in progress do not change.
    pub(crate) fn change_rules(&mut self, spec: &Rc<ProcessSpec>, cx: &mut Transition<'_>) -> bool {
        let old = std::mem::replace(&mut self.spec, Rc::clone(spec));
        if old.start.wait_for != spec.start.wait_for {
            self.forget_targets(cx);
        }
        if self.pid().is_none() {
            self.await_if_wanted(cx);
        }
        let starting = matches!(self.state, State::Starting { .. });
        if let State::Starting { live, due: Due::Up(at), .. } = &mut self.state {
            *at = live.since + spec.startsecs;
        }
        if let Some(health) = self.health_mut() {
            health.change_rules(&old.health, &spec.health, starting, cx.now);
            // The new rules may judge known facts differently.
            self.watch(cx);
        }
        !old.is_same_as(spec)
    }
}
