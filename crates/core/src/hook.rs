//! Notifications for hooks: what each says, and when it is sent.
//!
//! ```text
//!   crash, gave_up, … ──> waiting (bounded) ──> sent, one at a time, so many a minute
//! ```
//!
//! Nothing waits for a hook but the end of everything, and that not for long. A notification
//! of the end goes before all that wait and is not held back.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use crate::event::Named;
use crate::health::Unhealthy;
use crate::ids::RunId;
use crate::report::{Next, RunReport};
use crate::spec::hook::{HookEvent, HookSpec};
use crate::time::{Mono, Wall};

/// How long one notification may take to be delivered.
pub const HOOK_LIMIT: Duration = Duration::from_secs(10);

/// How much later than it had to come an answer may come. The world keeps its times; this
/// is for when it doesn't.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// Notifications of one hook that wait at most; then the oldest is dropped.
pub const HOOK_QUEUE: usize = 16;

/// Notifications of one hook in [`HOOK_RATE_TIME`] at most, those of the end left out.
pub const HOOK_RATE: usize = 10;

/// The time that [`HOOK_RATE`] is about.
pub const HOOK_RATE_TIME: Duration = Duration::from_secs(60);

/// How long the end waits for hooks when the supervisor gives up.
pub const HOOK_LAST: Duration = Duration::from_secs(10);

/// How long the end waits for hooks after an order to stop, if it has no budget: a platform
/// counts the seconds.
pub const HOOK_AT_STOP: Duration = Duration::from_secs(1);

/// What a hook is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// When it happened.
    pub at: Wall,
    /// What happened.
    pub about: About,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A run exited by itself, or could not be started.
    Run(Box<RunReport>),
    /// A process survived SIGKILL, and the supervisor gave up on its program.
    Unkillable(Rc<Named>),
    /// A run is unhealthy.
    Unhealthy {
        /// Which process.
        process: Rc<Named>,
        /// Which of its runs.
        run: RunId,
        /// Why.
        unhealthy: Unhealthy,
    },
    /// A run is up, or healthy again.
    Ready {
        /// Which process.
        process: Rc<Named>,
        /// Which of its runs.
        run: RunId,
        /// How long it took to be up; `None`: it was up before, and unhealthy in between.
        up_after: Option<Duration>,
    },
    /// The supervisor was asked to stop everything.
    Stopping,
}

impl About {
    /// Which event it is.
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

    /// Of which process it tells; `None`: of all.
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

/// What is known of a hook.
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

/// A hook, and what it has not been told yet.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) spec: Rc<HookSpec>,
    waiting: VecDeque<Rc<Alert>>,
    /// Until when the answer to the latest delivery must have come.
    sending: Option<Mono>,
    deliveries: u64,
    /// When the latest deliveries began that count for the rate.
    begun: VecDeque<Mono>,
    sent: u64,
    failed: u64,
    dropped: u64,
    /// Of these the next notification tells.
    dropped_since: u64,
}

/// A notification that is to be sent now.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) number: u64,
    pub(crate) alert: Rc<Alert>,
    /// How many were dropped since the one before.
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

    /// Takes a notification if the hook is told of such; whether another had to be dropped for
    /// it, and none had since the last delivery.
    pub(crate) fn take(&mut self, alert: &Rc<Alert>) -> bool {
        let event = alert.about.event();
        if !self.spec.events.contains(&event) {
            return false;
        }
        let full = self.waiting.len() >= HOOK_QUEUE;
        if full {
            // The newest say more of how things are.
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

    /// The next notification, if it may be sent now, within so long.
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

    /// A delivery has ended. One that was given up before does not count again.
    pub(crate) fn delivered(&mut self, number: u64, sent: bool) {
        if number == self.deliveries && self.sending.take().is_some() {
            if sent {
                self.sent += 1;
            } else {
                self.failed += 1;
            }
        }
    }

    /// Whether the end has something to wait for: what the rate holds back has no time any more.
    pub(crate) fn is_pending(&self, now: Mono) -> bool {
        self.sending.is_some() || self.due_at().is_some_and(|at| at <= now)
    }

    /// When there is something to do about it.
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

    /// When the next one may be sent; `None`: there is none, or one is on its way.
    fn due_at(&self) -> Option<Mono> {
        let next = self.waiting.front().filter(|_| self.sending.is_none())?;
        let held = self.begun.front().filter(|_| self.begun.len() >= HOOK_RATE);
        let held = held.filter(|_| !next.about.event().is_urgent());
        Some(held.map_or(Mono::ZERO, |first| *first + HOOK_RATE_TIME))
    }
}
