//! The expected notifications of hooks, and the time that the supervisor waits for them before it
//! exits.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::event::Event;
use supervisor_core::hook::Alert;
use supervisor_core::ids::Delivery;
use supervisor_core::line::{GaveUp, Line};
use supervisor_core::report::Next;
use supervisor_core::spec::hook::{HookEvent, HookSpec};
use supervisor_core::time::Mono;
use supervisor_core::{Effect, Supervisor};

use super::Model;
use crate::invariants::hold;

const LIMIT: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_secs(1);
const QUEUE: usize = 16;
const RATE: usize = 10;
const RATE_TIME: Duration = Duration::from_secs(60);
const LAST: Duration = Duration::from_secs(10);
const AT_STOP: Duration = Duration::from_secs(1);

/// A hook and its waiting notifications.
pub(super) struct Hook {
    spec: Rc<HookSpec>,
    /// The event and the name of its process.
    waiting: VecDeque<(HookEvent, String)>,
    sending: Option<Mono>,
    number: u64,
    begun: Vec<Mono>,
    sent: u64,
    failed: u64,
    dropped: u64,
    untold: u64,
}

impl Hook {
    pub(super) fn new(spec: &Rc<HookSpec>) -> Self {
        Self {
            spec: Rc::clone(spec),
            waiting: VecDeque::new(),
            sending: None,
            number: 0,
            begun: Vec::new(),
            sent: 0,
            failed: 0,
            dropped: 0,
            untold: 0,
        }
    }

    fn takes(&mut self, event: HookEvent, name: &str) {
        if !self.spec.events.contains(&event) {
            return;
        }
        if self.waiting.len() == QUEUE {
            self.waiting.pop_front();
            (self.dropped, self.untold) = (self.dropped + 1, self.untold + 1);
        }
        let told = (event, name.to_owned());
        if is_last(event) {
            self.waiting.push_front(told);
        } else {
            self.waiting.push_back(told);
        }
    }

    fn expire(&mut self, now: Mono) {
        if self.sending.is_some_and(|until| now >= until) {
            (self.sending, self.failed) = (None, self.failed + 1);
        }
    }

    /// Whether a notification may be sent now.
    fn is_due(&self, now: Mono) -> bool {
        let Some((event, _)) = self.waiting.front() else { return false };
        let recent = self.begun.iter().filter(|at| now < **at + RATE_TIME).count();
        self.sending.is_none() && (is_last(*event) || recent < RATE)
    }
}

impl Model {
    /// Notes the notification that an effect causes.
    pub(super) fn notes_for_hooks(&mut self, effect: &Effect) {
        let (event, name) = match effect {
            Effect::Report(report) => {
                let name = report.process.name.clone();
                let gave_up = report.next == Next::GiveUp;
                self.reported_end =
                    gave_up.then(|| name.clone()).or_else(|| self.reported_end.take());
                (if gave_up { HookEvent::GaveUp } else { HookEvent::Crash }, name)
            }
            Effect::Log(Line::Unhealthy { name, .. }) => (HookEvent::Unhealthy, name.clone()),
            Effect::Log(
                Line::Recovered { name } | Line::Success { name, .. } | Line::Ready { name, .. },
            ) => (HookEvent::Ready, name.clone()),
            Effect::Log(Line::GaveUp { name, why: GaveUp::Unkillable, .. })
                if self.reported_end.as_ref() != Some(name) =>
            {
                (HookEvent::GaveUp, name.clone())
            }
            Effect::Emit(event)
                if **event == Event::SupervisorStopping && self.ordered_at.is_some() =>
            {
                (HookEvent::Stopping, String::new())
            }
            _ => return,
        };
        for hook in &mut self.hooks {
            hook.takes(event, &name);
        }
    }

    /// Checks a delivery.
    pub(super) fn delivers(&mut self, to: Delivery, alert: &Alert, dropped: u64, now: Mono) {
        let by = self.hooks_by();
        let Some(hook) = self.hooks.get_mut(to.hook) else {
            hold!(false, TellsHooks, "there is no hook {}", to.hook);
            return;
        };
        hook.expire(now);
        let name = alert.about.process().map(|process| process.name.clone()).unwrap_or_default();
        let told = (alert.about.event(), name);
        let due = hook.is_due(now);
        let next = hook.waiting.pop_front();
        hold!(due, TellsHooks, "{told:?} is sent too early, beside another, or too often");
        hold!(next.as_ref() == Some(&told), TellsHooks, "{told:?} is sent, and not {next:?}");
        hold!(to.number == hook.number + 1, TellsHooks, "{to:?} after {}", hook.number);
        hold!(dropped == hook.untold, TellsHooks, "{dropped} are lost, and not {}", hook.untold);
        (hook.number, hook.untold) = (to.number, 0);
        if !is_last(told.0) {
            hook.begun.push(now);
        }
        let within = by.map_or(LIMIT, |by| LIMIT.min(by - now));
        hook.sending = Some(now + within + GRACE);
    }

    pub(super) fn delivered(&mut self, to: Delivery, sent: bool) {
        let Some(hook) = self.hooks.get_mut(to.hook) else { return };
        if to.number == hook.number && hook.sending.take().is_some() {
            if sent {
                hook.sent += 1;
            } else {
                hook.failed += 1;
            }
        }
    }

    /// Ends the wait for hooks.
    pub(super) fn hooks_hurry(&mut self) {
        self.hooks.clear();
    }

    /// When the wait for hooks ends.
    fn hooks_by(&self) -> Option<Mono> {
        let at = self.finished_at?;
        Some(match (self.ordered_at, self.budget_until()) {
            (None, _) => at + LAST,
            (Some(_), Some(until)) => until - Duration::from_millis(200),
            (Some(ordered), None) => at.max(ordered) + AT_STOP,
        })
    }

    /// Checks that the supervisor exits when all processes have exited and no hook has time left.
    pub(super) fn check_hooks(&mut self, down: bool, core: &Supervisor, now: Mono) {
        self.reported_end = None;
        if self.ending.is_some() && down {
            self.finished_at.get_or_insert(now);
        }
        for hook in &mut self.hooks {
            hook.expire(now);
        }
        let late = self.hooks_by().is_some_and(|by| now >= by);
        let pending = self.hooks.iter().any(|hook| hook.sending.is_some() || hook.is_due(now));
        let over = self.finished_at.is_some() && (late || !pending);
        hold!(self.over == over, EndWaitsForHooks, "over: {}, and not {over}", self.over);
        if self.over {
            return;
        }
        let ours = self.hooks.iter().map(|hook| (hook.sent, hook.failed, hook.dropped));
        let theirs = core.hooks().map(|hook| (hook.sent, hook.failed, hook.dropped));
        let (ours, theirs): (Vec<_>, Vec<_>) = (ours.collect(), theirs.collect());
        hold!(ours == theirs, TellsHooks, "{theirs:?} are counted, and not {ours:?}");
        let untold = self.hooks.iter().find(|hook| hook.is_due(now));
        hold!(untold.is_none(), TellsHooks, "{} does not get its event", untold.unwrap().spec.name);
    }

    /// When hooks have something to do.
    pub(super) fn hooks_due(&self) -> Option<Mono> {
        let sending = self.hooks.iter().filter_map(|hook| hook.sending);
        sending.chain(self.hooks_by()).min()
    }
}

/// Whether the event may be the last that a hook gets.
fn is_last(event: HookEvent) -> bool {
    [HookEvent::GaveUp, HookEvent::Stopping].contains(&event)
}
