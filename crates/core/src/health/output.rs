//! Whether a silent program can write its output. If it can't, because the reader stands still,
//! a restart does not help: the next run would wait in the same way.

use super::{ANSWER_GRACE, Block, Health, REMIND_EVERY, Unhealthy, Watchdog};
use crate::spec::health::Action;
use crate::time::Mono;

/// What is known of why it is silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OutputSeen {
    /// Nothing: it isn't, or its output is not to blame.
    #[default]
    Nothing,
    /// It is being looked whether its output is to blame for this. Without an answer by then
    /// it isn't.
    Asked { unhealthy: Unhealthy, until: Mono, was_blocked: Option<Mono> },
    /// Its output is, as was said at this time. It has given no sign of the contrary since.
    Blocked { unhealthy: Unhealthy, told_at: Mono },
}

impl Health {
    /// The program did something. If it was blocked because it did not do that, it no longer is.
    pub(super) fn shows_life(&mut self, ends: impl Fn(Unhealthy) -> bool) {
        if let OutputSeen::Asked { unhealthy, .. } | OutputSeen::Blocked { unhealthy, .. } =
            self.output
            && ends(unhealthy)
        {
            self.output = OutputSeen::Nothing;
        }
    }

    /// Whether its silence is put down to its output.
    pub(crate) const fn is_borne(&self) -> bool {
        matches!(self.output, OutputSeen::Blocked { .. })
    }

    /// Notes that the program is unhealthy; whether the core must first ask if its output is to
    /// blame. If it is known not to be, the core need not ask.
    pub(crate) fn ask_for_output(
        &mut self,
        unhealthy: Unhealthy,
        action: Action,
        now: Mono,
    ) -> bool {
        // A program that is only observed stays unhealthy. A start that takes too long fails in
        // any case.
        let known = action == Action::Observe
            && self.unhealthy.is_some_and(|unhealthy| !unhealthy.is_block())
            && !matches!(unhealthy, Unhealthy::NotReady { .. });
        let was_blocked = match self.output {
            OutputSeen::Blocked { told_at, .. } => Some(told_at),
            OutputSeen::Nothing | OutputSeen::Asked { .. } => None,
        };
        if known || !unhealthy.is_silence() {
            return false;
        }
        self.output = OutputSeen::Asked { unhealthy, until: now + ANSWER_GRACE, was_blocked };
        true
    }

    /// By when it is known whether its output is to blame, if that is being looked at.
    pub(crate) const fn output_asked_until(&self) -> Option<Mono> {
        match self.output {
            OutputSeen::Asked { until, .. } => Some(until),
            OutputSeen::Nothing | OutputSeen::Blocked { .. } => None,
        }
    }

    /// Its output is not to blame.
    pub(crate) const fn output_is_free(&mut self) {
        self.output = OutputSeen::Nothing;
    }

    /// Its output is to blame. Nothing is known of what the program would do otherwise, so once
    /// it can write, all its times begin again. Returns whether the block is to be logged.
    pub(crate) fn bear(&mut self, block: Block, now: Mono) -> bool {
        let OutputSeen::Asked { unhealthy, was_blocked, .. } = self.output else { return false };
        let new = was_blocked.is_none_or(|at| now - at >= REMIND_EVERY);
        let told_at = was_blocked.filter(|_| !new).unwrap_or(now);
        self.output = OutputSeen::Blocked { unhealthy, told_at };
        self.unhealthy = Some(Unhealthy::Blocked(block));
        if let Some(check) = &mut self.check {
            check.excused();
        }
        if let Some(progress) = &mut self.progress {
            progress.restart();
        }
        if let Some(Watchdog { within, .. }) = self.watchdog {
            self.watchdog = Some(Watchdog { at: now + within, within });
        }
        new
    }
}
