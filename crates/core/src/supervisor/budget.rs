//! A time budget for the shutdown. Groups of programs stop one after the other, after the programs
//! that depend on them, and the platform kills whatever is left when its own grace period is over.
//!
//! Programs that stop together get the longest grace period among them, at most a cap `c` that
//! makes the sum fit. Time that they don't use is left for the next ones.

use std::time::Duration;

use super::Supervisor;
use super::groups::Group;
use crate::ids::ProcId;
use crate::time::Mono;
use crate::tree::UNKILLABLE_AFTER;

/// Part of the budget that is reserved for SIGKILL and the last output.
pub const STOP_RESERVE: Duration = Duration::from_secs(1);

/// Minimum time for SIGKILL to take effect: a process that needs milliseconds to exit must not
/// count as unkillable.
const KILL_TAKES: Duration = Duration::from_millis(200);

/// The durations of a shutdown of all programs that fits into the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// The delay before the first stop signal.
    pub delay: Duration,
    /// The cap of each grace period.
    pub cap: Duration,
}

/// The budget of a shutdown that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// When the shutdown must be complete.
    until: Mono,
    /// The share of the programs that are stopping now.
    share: Option<Share>,
}

/// The share of programs that stop together.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Share {
    procs: Vec<ProcId>,
    /// The latest time for SIGKILL.
    kill_by: Mono,
    /// The cap for each later step.
    cap: Duration,
}

impl Supervisor {
    /// How a shutdown fits into the budget if all programs are running; `None` without a budget.
    #[must_use]
    pub fn fitted(&self) -> Option<Fitted> {
        let budget = self.stop_budget?;
        let delay = self.affordable(self.prestop_delay);
        let waits = self.stop_steps().into_iter().map(|(_, longest)| longest).collect();
        let left = budget.saturating_sub(STOP_RESERVE).saturating_sub(delay);
        Some(Fitted { delay, cap: cap(waits, left) })
    }

    /// The delay before the first stop signal, at most the budget.
    pub(super) fn affordable(&self, delay: Duration) -> Duration {
        self.stop_budget.map_or(delay, |budget| delay.min(budget.saturating_sub(STOP_RESERVE)))
    }

    /// Starts the budget, unless it is running.
    pub(super) fn begin_budget(&mut self, now: Mono) {
        if let (None, Some(total)) = (&self.budget, self.stop_budget) {
            self.budget = Some(Budget { until: now + total, share: None });
        }
    }

    /// When all programs must be gone; `None` without a budget.
    pub(super) fn budget_end(&self) -> Option<Mono> {
        self.budget.as_ref().map(|budget| budget.until - KILL_TAKES)
    }

    /// The latest time for SIGKILL to `procs`, which stop next; `None` without a budget.
    pub(super) fn share_of(&mut self, procs: &[ProcId], now: Mono) -> Option<Mono> {
        let Budget { until, share } = self.budget.as_ref()?;
        if let Some(share) = share
            && procs.iter().any(|proc| share.procs.contains(proc))
        {
            return Some(share.kill_by);
        }
        let waits = self.waits(&[]);
        let cap = cap(waits, (*until - STOP_RESERVE) - now);
        let share = Share { procs: procs.to_owned(), kill_by: now + cap, cap };
        let kill_by = share.kill_by;
        if let Some(budget) = &mut self.budget {
            budget.share = Some(share);
        }
        Some(kill_by)
    }

    /// The time after SIGKILL until a process counts as unkillable, without the shares of later
    /// steps.
    pub(super) fn unkillable_after(&self, now: Mono) -> Duration {
        let Some(Budget { until, share: Some(share) }) = &self.budget else {
            return UNKILLABLE_AFTER;
        };
        let others = self.waits(&share.procs).into_iter();
        let promised: Duration = others.map(|wait| wait.min(share.cap)).sum();
        UNKILLABLE_AFTER.min((*until - now).saturating_sub(promised)).max(KILL_TAKES)
    }

    /// The longest grace period of each remaining step, without these programs.
    fn waits(&self, without: &[ProcId]) -> Vec<Duration> {
        let mut left = self.processes.active().clone();
        left.retain(|proc| !without.contains(proc));
        let grace = |proc: &ProcId| Some(self.processes.get(proc)?.spec.stopwaitsecs);
        if left.iter().all(|proc| self.dependencies(*proc).is_empty()) {
            let of_group = |group: &Group| {
                group.members.iter().filter(|proc| left.contains(proc)).filter_map(grace).max()
            };
            return self.groups.iter().filter_map(of_group).collect();
        }
        let mut waits = Vec::new();
        while !left.is_empty() {
            let next = self.stops_next(&left);
            waits.extend(next.iter().filter_map(grace).max());
            left.retain(|proc| !next.contains(proc));
        }
        waits
    }
}

/// The cap that makes the sum of `waits` fit into `total`.
fn cap(mut waits: Vec<Duration>, total: Duration) -> Duration {
    waits.sort_unstable();
    let mut left = total;
    let mut groups = u32::try_from(waits.len()).unwrap_or(u32::MAX);
    for wait in waits {
        if wait.saturating_mul(groups) > left {
            return left / groups;
        }
        left -= wait;
        groups -= 1;
    }
    Duration::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capped(waits: &[u64], total: u64) -> Option<u64> {
        let waits = waits.iter().copied().map(Duration::from_secs).collect();
        let cap = cap(waits, Duration::from_secs(total));
        (cap != Duration::MAX).then_some(cap.as_secs())
    }

    #[test]
    fn grace_periods_within_the_budget_are_not_cut() {
        assert_eq!(capped(&[30, 10], 40), None);
        assert_eq!(capped(&[], 0), None);
    }

    #[test]
    fn long_grace_periods_are_cut_before_short_ones() {
        assert_eq!(capped(&[30, 10], 30), Some(20));
        assert_eq!(capped(&[30, 30], 30), Some(15));
        assert_eq!(capped(&[30, 2, 30], 10), Some(4));
        assert_eq!(capped(&[30], 0), Some(0));
    }
}
