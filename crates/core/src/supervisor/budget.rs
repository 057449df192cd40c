//! One budget for a shutdown: programs stop one group after the other, and after those that
//! depend on them, and a platform kills all that is left when its own time is over.
//!
//! Those that stop together get the longest grace period among them, cut to a cap `c` so that
//! the sum fits. Time that they don't use passes on to those after them.

use std::time::Duration;

use super::Supervisor;
use super::groups::Group;
use crate::ids::ProcId;
use crate::time::Mono;
use crate::tree::UNKILLABLE_AFTER;

/// Time of a budget that stays at the end for SIGKILL to take effect, and for the last output.
pub const STOP_RESERVE: Duration = Duration::from_secs(1);

/// What SIGKILL may take however little is left: a process that needs milliseconds is not
/// unkillable.
const KILL_TAKES: Duration = Duration::from_millis(200);

/// The budget of a shutdown that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// All must be over by then.
    until: Mono,
    /// Of those that stop at present.
    share: Option<Share>,
}

/// What those get that stop together.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Share {
    procs: Vec<ProcId>,
    /// SIGKILL follows by then.
    kill_by: Mono,
    /// The most that each group after them gets.
    cap: Duration,
}

impl Supervisor {
    /// The delay before the first stop signal: a budget leaves no more than itself.
    pub(super) fn affordable(&self, delay: Duration) -> Duration {
        self.stop_budget.map_or(delay, |budget| delay.min(budget.saturating_sub(STOP_RESERVE)))
    }

    /// The shutdown begins, if it hasn't.
    pub(super) fn begin_budget(&mut self, now: Mono) {
        if let (None, Some(total)) = (&self.budget, self.stop_budget) {
            self.budget = Some(Budget { until: now + total, share: None });
        }
    }

    /// By when all is over, but for the last output; `None`: there is no budget.
    pub(super) fn budget_end(&self) -> Option<Mono> {
        self.budget.as_ref().map(|budget| budget.until - KILL_TAKES)
    }

    /// The time by which SIGKILL follows for these, whose turn it is; `None`: there is no
    /// budget.
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

    /// How long a process may be seen after SIGKILL: what those after it don't need.
    pub(super) fn unkillable_after(&self, now: Mono) -> Duration {
        let Some(Budget { until, share: Some(share) }) = &self.budget else {
            return UNKILLABLE_AFTER;
        };
        let others = self.waits(&share.procs).into_iter();
        let promised: Duration = others.map(|wait| wait.min(share.cap)).sum();
        UNKILLABLE_AFTER.min((*until - now).saturating_sub(promised)).max(KILL_TAKES)
    }

    /// The longest grace period of each that stop together, of what is left without these.
    fn waits(&self, without: &[ProcId]) -> Vec<Duration> {
        let mut left = self.active();
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

/// The cap with which all of these, one after the other, fit into `total`.
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
    fn what_fits_is_not_cut() {
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
