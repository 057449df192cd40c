//! The delays of restarts, as documented.

use std::time::Duration;

use supervisor_core::report::Next;
use supervisor_core::spec::Backoff;
use supervisor_core::time::Mono;

use super::process::{Pending, Proc, Report};
use crate::invariants::hold;

/// The maximum number of starts within a second.
const STARTS_A_SECOND: usize = 5;

const SECOND: Duration = Duration::from_secs(1);

/// The shortest and the longest delay of a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) least: Duration,
    pub(crate) most: Duration,
}

impl Wait {
    pub(crate) const NONE: Self = Self { least: Duration::ZERO, most: Duration::ZERO };

    pub(crate) const fn is_zero(self) -> bool {
        self.most.is_zero()
    }

    fn holds(self, wait: Duration) -> bool {
        self.least <= wait && wait <= self.most
    }
}

impl Proc {
    /// The delay after the failures that count; zero after the first failure of a run that was up.
    pub(super) fn wait_by_rule(&self) -> Wait {
        let step = self.row.len() - usize::from(self.row[0]);
        if step == 0 {
            return Wait::NONE;
        }
        match self.spec.backoff {
            Backoff::Linear => {
                let wait = Duration::from_secs(step as u64);
                Wait { least: wait, most: wait }
            }
            Backoff::Exponential { first, factor, most, jitter } => {
                let growth = (f64::from(factor) / 1000.0).powi(i32::try_from(step - 1).unwrap());
                let longest = first.mul_f64(growth).min(most);
                let least = longest.mul_f64(1.0 - f64::from(jitter) / 1000.0);
                Wait { least, most: longest }
            }
        }
    }

    /// The same delay, with the limit of starts within one second.
    pub(super) fn paced(&self, wait: Wait, now: Mono) -> Wait {
        let fifth = self.starts.len().checked_sub(STARTS_A_SECOND).map(|at| self.starts[at]);
        let floor = fifth.map_or(Duration::ZERO, |fifth| (fifth + SECOND) - now);
        Wait { least: wait.least.max(floor), most: wait.most.max(floor) }
    }

    /// Notes a start.
    pub(super) fn note_start(&mut self, now: Mono) {
        let by_rule = self.pending.is_some_and(|pending| pending.by_rule);
        let within = self.starts.iter().rev().take_while(|at| now - **at < SECOND).count();
        hold!(
            !by_rule || within < STARTS_A_SECOND,
            PacesRestarts,
            "{:?} is restarted for the sixth time since {now} - 1 s: {:?}",
            self.id,
            self.starts
        );
        self.starts.push(now);
    }

    /// Takes the delay of the restart from the report of a run.
    pub(super) fn learn_wait(&mut self, expected: &mut Report, told: Next) {
        let (Next::Restart(_), Next::Restart(wait)) = (expected.next, told) else { return };
        let (id, range) = (self.id, expected.wait);
        hold!(range.holds(wait), WaitsAsItsRule, "{id:?} waits {wait:?}, and not {range:?}");
        expected.next = told;
        if let Some(pending @ Pending { by_rule: true, .. }) = &mut self.pending {
            (pending.not_before, pending.latest) = (expected.at + wait, expected.at + wait);
        }
    }
}
