//! Detects a silent program that is only blocked on its output. If the reader has stalled, a
//! restart does not help: the next run would block in the same way.

use super::{ANSWER_GRACE, Block, Health, REMIND_EVERY, Unhealthy, Watchdog};
use crate::spec::health::Action;
use crate::time::Mono;

/// Whether a stalled reader explains the program's silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OutputSeen {
    /// The program is not silent, or its output does not explain it.
    #[default]
    Nothing,
    /// The core has asked. Without an answer at `until`, the output does not explain the silence.
    Asked { unhealthy: Unhealthy, until: Mono, was_blocked: Option<Mono> },
    /// The output is blocked, as logged at `told_at`. The program has shown no activity since.
    Blocked { unhealthy: Unhealthy, told_at: Mono },
}

impl Health {
    /// Notes activity. `ends` decides whether it disproves the reason for which the program was
    /// blocked.
    pub(super) fn shows_life(&mut self, ends: impl Fn(Unhealthy) -> bool) {
        if let OutputSeen::Asked { unhealthy, .. } | OutputSeen::Blocked { unhealthy, .. } =
            self.output
            && ends(unhealthy)
        {
            self.output = OutputSeen::Nothing;
        }
    }

    /// Whether a stalled reader explains the silence.
    pub(crate) const fn is_borne(&self) -> bool {
        matches!(self.output, OutputSeen::Blocked { .. })
    }

    /// Notes that the program is unhealthy. Returns whether the core must first ask about its
    /// output.
    pub(crate) fn ask_for_output(
        &mut self,
        unhealthy: Unhealthy,
        action: Action,
        now: Mono,
    ) -> bool {
        // If the supervisor only observes the program, it asks once. A start that takes too long
        // fails in any case.
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

    /// When the question about the output expires, if it has been asked.
    pub(crate) const fn output_asked_until(&self) -> Option<Mono> {
        match self.output {
            OutputSeen::Asked { until, .. } => Some(until),
            OutputSeen::Nothing | OutputSeen::Blocked { .. } => None,
        }
    }

    /// Notes that the output does not explain the silence.
    pub(crate) const fn output_is_free(&mut self) {
        self.output = OutputSeen::Nothing;
    }

    /// Notes that the output is blocked. Once the program can write, all of its deadlines begin
    /// again, because the silence says nothing about its health. Returns whether to log the block.
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
