//! Notifications for hooks, and when the supervisor sends them.
//!
//! ```text
//!   crash, gave_up, … ──> queue (limited) ──> sent one at a time, at a limited rate
//! ```
//!
//! Only the exit of the supervisor waits for hooks, and only for a short time. A notification about
//! the exit goes to the front of the queue and ignores the rate limit.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use crate::event::Named;
use crate::health::Unhealthy;
use crate::ids::RunId;
use crate::report::{Next, RunReport};
use crate::spec::hook::{HookEvent, HookSpec};
use crate::time::{Mono, Wall};

/// Time limit for one delivery.
pub const HOOK_LIMIT: Duration = Duration::from_secs(10);

/// Time that the core waits beyond the limit. The daemon normally reports a timeout itself; after
/// this time the core assumes one.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// Limit of waiting notifications of one hook. When it is reached, the oldest is dropped.
pub const HOOK_QUEUE: usize = 16;

/// Limit of notifications of one hook within [`HOOK_RATE_TIME`], without urgent ones.
pub const HOOK_RATE: usize = 10;

/// The time window of [`HOOK_RATE`].
pub const HOOK_RATE_TIME: Duration = Duration::from_secs(60);

/// Time limit for hooks before the supervisor exits after it gave up.
pub const HOOK_LAST: Duration = Duration::from_secs(10);

/// Time limit for hooks before the supervisor exits after a stop request without a stop budget. It
/// is short because the platform limits the time of a stop.
pub const HOOK_AT_STOP: Duration = Duration::from_secs(1);

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// When it happened.
    pub at: Wall,
    /// The event of a notification.
    pub about: About,
}

/// The event of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A run exited by itself, or could not be started.
    Run(Box<RunReport>),
    /// A process survived SIGKILL, and the supervisor gave up on its program.
    Unkillable(Rc<Named>),
    /// A run is unhealthy.
    Unhealthy {
        /// The process.
        process: Rc<Named>,
        /// The run.
        run: RunId,
        /// The reason.
        unhealthy: Unhealthy,
    },
    /// A run is up, or healthy again.
    Ready {
        /// The process.
        process: Rc<Named>,
        /// The run.
        run: RunId,
        /// Time from the start until it was up; `None` if it was up before and is healthy again.
        up_after: Option<Duration>,
    },
    /// The supervisor is shutting down.
    Stopping,
}

impl About {
    /// The kind of event.
    #[must_use]
    pub const fn event(&self) -> HookEvent {
        match self {
            Self::Run(report) => match report.next {
                Next::GiveUp => HookEvent::GaveUp,
                Next::Restart(_) | Next::Rest => HookEvent::Crash,
            },
            Self::Unkillable(_) => HookEvent::GaveUp,
            Self::Unhealthy { .. } => HookEvent::Unhealthy,
            Self::Ready { .. } => HookEvent::Ready,
            Self::Stopping => HookEvent::Stopping,
        }
    }

    /// The process of the event; `None`: all processes.
    #[must_use]
    pub const fn process(&self) -> Option<&Rc<Named>> {
        match self {
            Self::Run(report) => Some(&report.process),
            Self::Unkillable(process)
            | Self::Unhealthy { process, .. }
            | Self::Ready { process, .. } => Some(process),
            Self::Stopping => None,
        }
    }
}

/// The name and the counters of a hook.
#[derive(Clone, Copy, Debug)]
pub struct HookInfo<'a> {
    /// Its name.
    pub name: &'a str,
    /// Notifications that were delivered.
    pub sent: u64,
    /// Notifications whose delivery failed.
    pub failed: u64,
    /// Notifications that were dropped because too many waited.
    pub dropped: u64,
}

/// A hook and its waiting notifications.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) spec: Rc<HookSpec>,
    waiting: VecDeque<Rc<Alert>>,
    /// The time limit for the answer to the latest delivery.
    sending: Option<Mono>,
    deliveries: u64,
    /// Start times of the latest deliveries that count for the rate.
    begun: VecDeque<Mono>,
    sent: u64,
    failed: u64,
    dropped: u64,
    /// Dropped notifications since the previous one; the next notification reports them.
    dropped_since: u64,
}

/// A notification that is to be sent now.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) number: u64,
    pub(crate) alert: Rc<Alert>,
    /// Notifications that were dropped since the previous one.
    pub(crate) dropped: u64,
}

impl Hook {
    pub(crate) fn new(spec: Rc<HookSpec>) -> Self {
        Self {
            spec,
            waiting: VecDeque::new(),
            sending: None,
            deliveries: 0,
            begun: VecDeque::new(),
            sent: 0,
            failed: 0,
            dropped: 0,
            dropped_since: 0,
        }
    }

    /// Takes a notification if the hook has this event. Returns whether this dropped the first
    /// notification since the last delivery.
    pub(crate) fn take(&mut self, alert: &Rc<Alert>) -> bool {
        let event = alert.about.event();
        if !self.spec.events.contains(&event) {
            return false;
        }
        let full = self.waiting.len() >= HOOK_QUEUE;
        if full {
            // Drops the oldest: newer notifications describe the present state better.
            self.waiting.pop_front();
            self.dropped += 1;
            self.dropped_since += 1;
        }
        if event.is_urgent() {
            self.waiting.push_front(Rc::clone(alert));
        } else {
            self.waiting.push_back(Rc::clone(alert));
        }
        full && self.dropped_since == 1
    }

    /// The next notification, if it may be sent now. `within` is its time limit.
    pub(crate) fn next(&mut self, now: Mono, within: Duration) -> Option<Outgoing> {
        self.give_up_late(now);
        self.due_at().filter(|at| *at <= now)?;
        let alert = self.waiting.pop_front()?;
        if !alert.about.event().is_urgent() {
            if self.begun.len() >= HOOK_RATE {
                self.begun.pop_front();
            }
            self.begun.push_back(now);
        }
        self.deliveries += 1;
        self.sending = Some(now + within + ANSWER_GRACE);
        let dropped = std::mem::take(&mut self.dropped_since);
        Some(Outgoing { number: self.deliveries, alert, dropped })
    }

    /// Notes the end of a delivery. A delivery that already timed out does not count again.
    pub(crate) fn delivered(&mut self, number: u64, sent: bool) {
        if number == self.deliveries && self.sending.take().is_some() {
            if sent {
                self.sent += 1;
            } else {
                self.failed += 1;
            }
        }
    }

    /// Whether the supervisor must wait for this hook before it exits. Notifications that the rate
    /// limit holds back no longer have time.
    pub(crate) fn is_pending(&self, now: Mono) -> bool {
        self.sending.is_some() || self.due_at().is_some_and(|at| at <= now)
    }

    /// The time of the next action for this hook.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.sending.or_else(|| self.due_at())
    }

    pub(crate) fn info(&self) -> HookInfo<'_> {
        let Self { spec, sent, failed, dropped, .. } = self;
        HookInfo { name: &spec.name, sent: *sent, failed: *failed, dropped: *dropped }
    }

    fn give_up_late(&mut self, now: Mono) {
        if self.sending.is_some_and(|until| now >= until) {
            self.sending = None;
            self.failed += 1;
        }
    }

    /// When the next notification may be sent; `None` if the queue is empty or a delivery is in
    /// progress.
    fn due_at(&self) -> Option<Mono> {
        let next = self.waiting.front().filter(|_| self.sending.is_none())?;
        let held = self.begun.front().filter(|_| self.begun.len() >= HOOK_RATE);
        let held = held.filter(|_| !next.about.event().is_urgent());
        Some(held.map_or(Mono::ZERO, |first| *first + HOOK_RATE_TIME))
    }
}
