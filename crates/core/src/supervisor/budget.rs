//! One budget for a shutdown: groups stop one after the other, and a platform kills all
//! that is left when its own time is over.
//!
//! Each group gets its longest grace period, cut to a cap `c` so that the sum over all
//! groups fits. Time that a group doesn't use passes on to those after it.

use std::time::Duration;

use super::Supervisor;
use crate::time::Mono;
use crate::tree::UNKILLABLE_AFTER;

/// What stays at the end for SIGKILL to take effect, and for the last output.
const RESERVE: Duration = Duration::from_secs(1);

/// What SIGKILL may take however little is left: a process that needs milliseconds is not
/// unkillable.
const KILL_TAKES: Duration = Duration::from_millis(200);

/// The budget of a shutdown that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// All must be over by then.
    until: Mono,
    /// Of the group that stops at present.
    share: Option<Share>,
}

/// What one group gets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Share {
    group: String,
    /// SIGKILL follows by then.
    kill_by: Mono,
    /// What no group after it gets more of.
    cap: Duration,
}

impl Supervisor {
    /// The delay before the first stop signal: a budget leaves no more than itself.
    pub(super) fn affordable(&self, delay: Duration) -> Duration {
        self.stop_budget.map_or(delay, |budget| delay.min(budget.saturating_sub(RESERVE)))
    }

    /// The shutdown begins, if it hasn't.
    pub(super) fn begin_budget(&mut self, now: Mono) {
        if let (None, Some(total)) = (&self.budget, self.stop_budget) {
            self.budget = Some(Budget { until: now + total, share: None });
        }
    }

    /// The time by which SIGKILL follows for this group, whose turn it is; `None`: there is
    /// no budget.
    pub(super) fn share_of(&mut self, group: &str, now: Mono) -> Option<Mono> {
        let Budget { until, share } = self.budget.as_ref()?;
        if let Some(share) = share
            && share.group == group
        {
            return Some(share.kill_by);
        }
        let waits = self.waits().map(|(_, wait)| wait).collect();
        let cap = cap(waits, (*until - RESERVE) - now);
        let share = Share { group: group.to_owned(), kill_by: now + cap, cap };
        let kill_by = share.kill_by;
        if let Some(budget) = &mut self.budget {
            budget.share = Some(share);
        }
        Some(kill_by)
    }

    /// How long a process may be seen after SIGKILL: what the groups after it don't need.
    pub(super) fn unkillable_after(&self, now: Mono) -> Duration {
        let Some(Budget { until, share: Some(share) }) = &self.budget else {
            return UNKILLABLE_AFTER;
        };
        let others = self.waits().filter(|(group, _)| *group != share.group);
        let promised: Duration = others.map(|(_, wait)| wait.min(share.cap)).sum();
        UNKILLABLE_AFTER.min((*until - now).saturating_sub(promised)).max(KILL_TAKES)
    }

    /// The longest grace period of each group of which something is left.
    fn waits(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.groups.iter().filter_map(|group| {
            let members = group.members.iter().filter_map(|proc| self.processes.get(proc));
            let active = members.filter(|process| process.is_active());
            let wait = active.map(|process| process.spec.stopwaitsecs).max()?;
            Some((group.spec.name.as_str(), wait))
        })
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
