//! The budget of a shutdown: the time for each group.

use std::time::Duration;

use supervisor_core::ids::ProcId;
use supervisor_core::time::Mono;

use super::drain::Drain;
use super::process::{Alive, Cleanup, Phase, Proc};
use super::{End, Model};

/// The reserve at the end of the budget.
const RESERVE: Duration = Duration::from_secs(1);

/// The budget of a shutdown in progress.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    until: Mono,
    /// The processes that are stopping, and the latest time for their SIGKILL.
    share: Option<(Vec<ProcId>, Mono)>,
}

impl Model {
    pub(super) fn affordable(&self, delay: Duration) -> Duration {
        self.stop_budget.map_or(delay, |budget| delay.min(budget.saturating_sub(RESERVE)))
    }

    /// Whether a shutdown with a budget is in progress.
    pub(super) fn is_hurried(&self) -> bool {
        self.stop_budget.is_some() && matches!(self.ending, Some(End::Exit(_)))
    }

    /// Starts the budget when the shutdown begins.
    pub(super) fn begin_budget(&mut self, now: Mono) {
        if let (true, None, Some(total)) = (self.is_hurried(), &self.budget, self.stop_budget) {
            self.budget = Some(Budget { until: now + total, share: None });
        }
    }

    pub(super) fn budget_until(&self) -> Option<Mono> {
        self.budget.as_ref().map(|budget| budget.until)
    }

    /// The latest time for SIGKILL, if the process belongs to the group that stops now.
    pub(super) fn kill_by(&mut self, id: ProcId, now: Mono) -> Option<Mono> {
        if self.stops_from.is_some_and(|from| now < from) {
            return None;
        }
        self.begin_budget(now);
        self.budget.as_ref()?;
        let stays = |proc: &&Proc| {
            // No cleanup is needed for a start that will not happen.
            let for_start = matches!(
                proc.cleanup,
                Cleanup::Tidying { for_end: false, .. } | Cleanup::Awaiting(_)
            );
            proc.is_sweeping() && !for_start
                || match &proc.phase {
                    Phase::Down { .. } => false,
                    Phase::Asked { .. } => true,
                    Phase::Alive(Alive { stop, .. }) => !stop.is_some_and(|stop| stop.stuck),
                }
        };
        let left = self.procs.values().filter(stays).map(|proc| proc.id).collect();
        let together = self.stop_together(left);
        let next = together.first().filter(|procs| procs.contains(&id))?;
        let longest = |procs: &Vec<ProcId>| {
            procs.iter().map(|id| self.procs[id].spec.stopwaitsecs).max().unwrap_or_default()
        };
        let waits: Vec<Duration> = together.iter().map(longest).collect();
        let budget = self.budget.as_mut()?;
        if let Some((procs, kill_by)) = &budget.share
            && procs.iter().any(|id| next.contains(id))
        {
            return Some(*kill_by);
        }
        let total = (budget.until - RESERVE) - now;
        let kill_by = now + largest(&waits, total);
        budget.share = Some((next.clone(), kill_by));
        Some(kill_by)
    }

    /// Splits the processes into the steps of the shutdown. Each step stops the processes of the
    /// last group that no remaining process depends on.
    fn stop_together(&self, mut left: Vec<ProcId>) -> Vec<Vec<ProcId>> {
        let mut together = Vec::new();
        while !left.is_empty() {
            let needed = |id: &ProcId| {
                let program = &self.procs[id].spec.program;
                let needs = |other: &ProcId| {
                    let needs = &self.procs[other].spec.start.depends_on;
                    needs.iter().any(|needed| needed.program == *program)
                };
                left.iter().any(needs)
            };
            let free = |id: &&ProcId| left.contains(id) && !needed(id);
            let groups = self.groups.iter().rev();
            let mut groups =
                groups.map(|group| group.members.iter().filter(free).copied().collect());
            let next: Vec<ProcId> =
                groups.find(|members: &Vec<ProcId>| !members.is_empty()).unwrap();
            left.retain(|id| !next.contains(id));
            together.push(next);
        }
        together
    }

    /// Shortens the grace periods of processes in this group that are already stopping.
    pub(super) fn cap_stops(&mut self, members: &[ProcId], now: Mono) {
        for id in members {
            let Some(kill_by) = self.kill_by(*id, now) else { continue };
            self.with(*id, |proc| {
                let owned = |drain: &&mut Drain| !(drain.forwarded && drain.lead.is_none());
                let cut = proc.drain.as_mut().filter(owned).is_some_and(|drain| {
                    let cut = kill_by < drain.until;
                    drain.until = drain.until.min(kill_by);
                    cut
                });
                // A deadline that has passed because of the cap is handled by the next tick.
                if let Some(stop) = proc.alive_mut().and_then(|alive| alive.stop.as_mut()) {
                    stop.fresh |= cut;
                }
                if let Cleanup::Busy { forced: false, asked_at, grace, .. } = proc.cleanup
                    && kill_by < asked_at.unwrap_or(now) + grace
                {
                    let earlier = proc.kill_by.map_or(kill_by, |by| by.min(kill_by));
                    proc.kill_by = Some(earlier);
                }
            });
        }
    }
}

/// The largest cap that makes the sum fit into `total`.
fn largest(waits: &[Duration], total: Duration) -> Duration {
    if waits.iter().sum::<Duration>() <= total {
        return Duration::MAX;
    }
    // A process that needs less than an equal share leaves the rest to the others.
    let mut modest: Vec<Duration> = Vec::new();
    loop {
        let others = u32::try_from(waits.len() - modest.len()).unwrap();
        let even = (total - modest.iter().sum::<Duration>()) / others;
        let found: Vec<_> = waits.iter().copied().filter(|wait| *wait <= even).collect();
        if found.len() == modest.len() {
            return even;
        }
        modest = found;
    }
}
