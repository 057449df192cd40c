//! Notifies hooks, and delays the exit of the supervisor for them.

use std::rc::Rc;

use super::ending::Phase;
use super::{Supervisor, Transition};
use crate::effect::Effect;
use crate::hook::{About, Alert, HOOK_AT_STOP, HOOK_LAST, HOOK_LIMIT, Hook, HookInfo, Outgoing};
use crate::ids::Delivery;
use crate::line::Line;
use crate::time::Mono;

impl Supervisor {
    /// All hooks in the order of the configuration.
    pub fn hooks(&self) -> impl Iterator<Item = HookInfo<'_>> {
        self.hooks.iter().map(Hook::info)
    }

    /// Passes the events of this turn to the hooks, and sends the notifications that are due.
    pub(super) fn tell_hooks(&mut self, cx: &mut Transition<'_>) {
        for about in std::mem::take(&mut cx.happened) {
            let alert = Rc::new(Alert { at: cx.wall, about });
            for hook in &mut self.hooks {
                if hook.take(&alert) {
                    cx.log(Line::HookFull { name: hook.spec.name.clone() });
                }
            }
        }
        let within = self.hooks_by().map_or(HOOK_LIMIT, |by| HOOK_LIMIT.min(by - cx.now));
        if within.is_zero() {
            return;
        }
        for (place, hook) in self.hooks.iter_mut().enumerate() {
            if let Some(Outgoing { number, alert, dropped }) = hook.next(cx.now, within) {
                let delivery = Delivery { hook: place, number };
                cx.effects.push(Effect::Deliver { delivery, alert, dropped, within });
            }
        }
    }

    /// Notes the result of a delivery.
    pub(super) fn delivered(&mut self, delivery: Delivery, sent: bool) {
        if let Some(hook) = self.hooks.get_mut(delivery.hook) {
            hook.delivered(delivery.number, sent);
        }
    }

    /// Whether the supervisor delays its exit for hooks. The time limit depends on the reason for
    /// the exit; see [`HOOK_LAST`] and [`HOOK_AT_STOP`].
    pub(super) fn awaits_hooks(&self, now: Mono) -> bool {
        let in_time = self.hooks_by().is_some_and(|by| now < by);
        in_time && self.hooks.iter().any(|hook| hook.is_pending(now))
    }

    /// The end of the time for hooks after all programs have exited.
    fn hooks_by(&self) -> Option<Mono> {
        let Phase::Finished { at, .. } = self.phase else { return None };
        Some(match (self.ordered_at, self.budget_end()) {
            (None, _) => at + HOOK_LAST,
            (Some(_), Some(until)) => until,
            (Some(ordered), None) => at.max(ordered) + HOOK_AT_STOP,
        })
    }

    /// When hooks have something to do.
    pub(super) fn hooks_deadline(&self) -> Option<Mono> {
        let own = self.hooks.iter().filter_map(Hook::deadline);
        own.chain(self.hooks_by()).min()
    }

    /// Stops waiting for hooks.
    pub(super) fn abandon_hooks(&mut self) {
        self.hooks.clear();
    }

    /// Notifies hooks that the supervisor gave up on a process that survived SIGKILL, unless a
    /// report of its run does so.
    pub(super) fn note_unkillable(process: &super::Process, cx: &mut Transition<'_>) {
        let named = Rc::clone(&process.named);
        let told = |about: &About| match about {
            About::Run(report) => report.process.proc == named.proc,
            About::Unkillable(_)
            | About::Unhealthy { .. }
            | About::Ready { .. }
            | About::Stopping => false,
        };
        if !cx.happened.iter().any(told) {
            cx.happened.push(About::Unkillable(named));
        }
    }
}
