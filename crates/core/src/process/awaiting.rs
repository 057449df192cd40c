//! What a start waits for once the processes and stale files of the last run have gone: its port.
//!
//! ```text
//!   last run gone ──> files removed ──> port free ──> start
//! ```
//!
//! The wait begins as soon as a start is wanted, so a pause before a restart passes at the same
//! time. It ends at once when the start is no longer wanted. Its limits are the core's; the daemon
//! only looks.

use super::{Gate, Process, Transition};
use crate::effect::Effect;
use crate::ids::Pid;
use crate::line::Line;
use crate::port::{Holder, PortStep, PortWait};
use crate::tree::{Awaited, Tree};

impl Process {
    /// Begins the wait if a start is wanted that only this can hold back.
    pub(super) fn await_if_wanted(&mut self, cx: &mut Transition<'_>) {
        let free = self.tree.is_clear() && self.gate == Gate::Open;
        if free && !cx.ending && self.wants_start() {
            self.awaits_port(cx);
        }
    }

    /// Whether a start has to wait for its port; begins that wait.
    pub(super) fn awaits_port(&mut self, cx: &mut Transition<'_>) -> bool {
        if !self.port_unseen {
            return false;
        }
        self.port_unseen = false;
        let Some(port) = self.port() else { return false };
        let wait = PortWait::new(port, cx.now);
        self.look_at_port(&wait, cx);
        self.tree = Tree::Awaiting(Box::new(Awaited::Port(wait)));
        true
    }

    /// The port that must be free before a start.
    pub(super) fn port(&self) -> Option<u16> {
        self.spec.tidy.as_ref().and_then(|tidy| tidy.port)
    }

    fn look_at_port(&self, wait: &PortWait, cx: &mut Transition<'_>) {
        let (proc, run) = (self.named.proc, self.run());
        let (port, after, within) = (wait.port, wait.after(), wait.until - cx.now);
        cx.effects.push(Effect::LookAtPort { proc, run, port, after, within });
    }

    /// A look at the port was taken after the exit of `after`.
    pub(crate) fn port_seen(
        &mut self,
        after: Option<Pid>,
        holder: Option<Holder>,
        cx: &mut Transition<'_>,
    ) {
        let Tree::Awaiting(awaited) = &mut self.tree else { return };
        let Awaited::Port(wait) = &mut **awaited;
        match wait.seen(after, holder) {
            PortStep::Nothing => {}
            PortStep::LookAfter(_) => {
                let wait = wait.clone();
                if let Some(holder) = wait.last() {
                    cx.log(Line::WaitsForPort { name: self.name(), port: wait.port, holder });
                }
                self.look_at_port(&wait, cx);
            }
            PortStep::Over(holder) => {
                let port = wait.port;
                self.end_port_wait(port, holder, cx);
            }
        }
    }

    /// Lets time pass for the wait.
    pub(super) fn tick_awaited(&mut self, cx: &mut Transition<'_>) {
        let Tree::Awaiting(awaited) = &self.tree else { return };
        let Awaited::Port(wait) = &**awaited;
        if cx.now >= wait.until {
            let (port, holder) = (wait.port, wait.last());
            self.end_port_wait(port, holder, cx);
        }
    }

    /// The start no longer waits for its port. `holder`: the process that still listens on it.
    fn end_port_wait(&mut self, port: u16, holder: Option<Holder>, cx: &mut Transition<'_>) {
        if let Some(holder) = holder {
            cx.log(Line::PortHeld { name: self.name(), port, holder });
        }
        self.tree = Tree::Clear;
    }

    /// The start is no longer wanted: nothing is awaited, and the next start waits again.
    pub(super) fn stop_awaiting(&mut self) {
        if let Tree::Awaiting(_) = self.tree {
            (self.tree, self.port_unseen) = (Tree::Clear, true);
        }
    }
}
