//! Other rules for a process that goes on.

use std::rc::Rc;

use super::{Due, Process, State, Transition};
use crate::spec::ProcessSpec;

impl Process {
    /// Goes on by the rules of `spec`, which executes it in the same way; whether they differ. A
    /// stop that is under way, and the time in which a start is to be ready, stay as they were.
    pub(crate) fn change_rules(&mut self, spec: &Rc<ProcessSpec>, cx: &Transition<'_>) -> bool {
        let old = std::mem::replace(&mut self.spec, Rc::clone(spec));
        let starting = matches!(self.state, State::Starting { .. });
        if let State::Starting { live, due: Due::Up(at), .. } = &mut self.state {
            *at = live.since + spec.startsecs;
        }
        if let Some(health) = self.health_mut() {
            health.change_rules(&old.health, &spec.health, starting, cx.now);
        }
        !old.is_same_as(spec)
    }
}
