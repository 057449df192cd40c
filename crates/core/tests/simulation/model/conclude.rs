//! Checks after all effects of an input have been carried out.

use std::collections::BTreeSet;
use std::time::Duration;

use supervisor_core::ids::ProcId;
use supervisor_core::spec::RemoveLeftovers;
use supervisor_core::spec::health::{Action, Ready};
use supervisor_core::time::{Mono, Now};
use supervisor_core::{Condition, Effect, HealthStatus, StateName, Supervisor};

use super::Model;
use super::gate::Outlook;
use super::orders::Asked;
use super::pools::Pool;
use super::process::{Alive, Cleanup, Phase, Proc};
use crate::invariants::hold;
use crate::kernel::Kernel;

impl Model {
    /// Checks the state after all effects have been carried out.
    pub(crate) fn concludes(
        &mut self,
        now: Now,
        effects: &[Effect],
        core: &Supervisor,
        kernel: &Kernel,
    ) {
        self.settle(true);
        self.let_through();
        if self.ending.is_some() && self.finished_at.is_none() {
            self.begin_budget(now.mono);
            self.stop_all(now.mono, effects);
        }
        self.check_updates();
        self.check_stops(now.mono);
        let ends = self.ending.is_some();
        for proc in self.procs.values_mut() {
            proc.check_drain();
            proc.count_wait(now.mono, ends);
        }
        for proc in self.procs.values_mut() {
            check_shown(proc, core);
        }
        for proc in self.procs.values() {
            self.check_process(proc, now.mono, core);
        }
        let down = self.procs.values().all(|proc| !proc.is_active());
        self.check_hooks(down, core, now.mono);
        self.check_whole(effects, core);
        self.check_readiness(core);
        self.check_answers(effects, kernel);
        self.check_rolling();
        self.check_post(effects, now);
        self.check_job(effects);
        if !self.over {
            self.check_deadline(now.mono, core);
        }
    }

    /// Continues a shutdown: nothing starts, and the last active group stops.
    fn stop_all(&mut self, now: Mono, effects: &[Effect]) {
        for proc in self.procs.values_mut() {
            proc.cut_short();
        }
        if self.stops_from.is_some_and(|from| now < from) {
            return;
        }
        let Some(members) = self.last_active() else { return };
        let drains = self.drains(&members, effects, now);
        self.cap_stops(&members, now);
        if drains {
            return;
        }
        for id in members {
            self.with(id, |proc| match &mut proc.phase {
                Phase::Asked { stop } => *stop = true,
                Phase::Alive(alive) => alive.to_stop |= alive.stop.is_none(),
                Phase::Down { .. } => {}
            });
        }
    }

    /// Expects a start of each process whose dependencies are up by now.
    fn let_through(&mut self) {
        let ids: Vec<ProcId> = self.procs.keys().copied().collect();
        for id in ids.into_iter().filter(|_| self.booted && self.ending.is_none()) {
            let outlook = self.outlook(id);
            let proc = self.procs.get_mut(&id).unwrap();
            if proc.waits_for_others() {
                hold!(
                    outlook != Outlook::Lost,
                    FailsTheLost,
                    "{id:?} waits for something that cannot happen"
                );
                proc.waits = outlook != Outlook::There;
            }
        }
    }

    /// The processes that stop next: in the last group, those that no running process depends on.
    fn last_active(&self) -> Option<Vec<ProcId>> {
        let free = |id: &&ProcId| self.procs[id].is_active() && !self.is_needed(**id);
        let groups = self.groups.iter().rev();
        let mut groups = groups.map(|group| group.members.iter().filter(free).copied().collect());
        groups.find(|members: &Vec<ProcId>| !members.is_empty())
    }

    fn check_stops(&self, now: Mono) {
        let early = self.stops_from.is_some_and(|from| now < from);
        let none = self.stopped.is_empty();
        hold!(none || !early, StopsInOrder, "{:?} before {:?}", self.stopped, self.stops_from);
        let last = self.last_active().filter(|_| self.ending.is_some()).unwrap_or_default();
        for id in &self.stopped {
            let in_turn = last.contains(id);
            let unhealthy =
                self.procs[id].alive().is_some_and(|alive| alive.health.condemned.is_some());
            hold!(
                in_turn || !unhealthy,
                LookedIntoFirst,
                "{id:?} is unhealthy, and is stopped without diagnostics"
            );
            hold!(in_turn, StopsInOrder, "{id:?} is stopped, it is the turn of {last:?}");
        }
        // The process that starts first stops last.
        let priorities: Vec<_> =
            self.stopped.iter().map(|id| self.procs[id].spec.priority).collect();
        let falling = priorities.is_sorted_by(|a, b| a >= b);
        hold!(falling, StopsInOrder, "priorities {priorities:?}");
    }

    fn check_process(&self, proc: &Proc, now: Mono, core: &Supervisor) {
        let id = proc.id;
        let Some(info) = core.process(id) else {
            hold!(false, GroupsAsTold, "the core has no {id:?}");
            return;
        };
        let waits = proc.state_name() == StateName::Fatal && info.waits_for.is_some();
        hold!(!waits, FailsTheLost, "{id:?} waits for {:?}, which can't come", info.waits_for);
        hold!(
            (info.condition.state, proc.told) == (proc.state_name(), proc.state_name()),
            StateAsExpected,
            "{id:?} is {:?}, reported {:?}, and not {:?}: {:?}",
            info.condition.state,
            proc.told,
            proc.state_name(),
            proc.phase
        );
        let pid = proc.alive().map(|alive| alive.pid);
        hold!(info.pid == pid, AgreesOnTheLiving, "{id:?} has {:?} and not {pid:?}", info.pid);
        hold!(info.runs == proc.run, StateAsExpected, "{id:?} has {} runs", info.runs);
        hold!(proc.forwards.is_empty(), SignalsForAReason, "{id:?} lacks {:?}", proc.forwards);
        let asks = proc
            .targets
            .is_some_and(|targets| !(targets.reached || self.ticked && now >= targets.due()));
        let held_back = proc.waits || asks;
        hold!(
            info.waits_for.is_some() == (proc.is_held_back() && self.ending.is_none())
                || proc.alive().is_some(),
            StateAsExpected,
            "{id:?} is said to wait for {:?}",
            info.waits_for
        );
        proc.check_place(self.ending.is_some(), held_back, now);
        let waited = proc.waited + proc.waits_since.map_or(Duration::ZERO, |since| now - since);
        let counted = info.history.waited;
        let all = counted == waited || proc.waits_since.is_some();
        let holds = proc.waited <= counted && counted <= waited && all;
        hold!(holds, CountsWaits, "{id:?} has waited {waited:?} and not {counted:?}");
        let due = proc.pending.filter(|_| proc.cleanup == Cleanup::Clear && !held_back);
        let overdue = due.is_some_and(|due| due.latest <= now) && self.ending.is_none();
        hold!(!overdue, StartsWhatIsDue, "{id:?}: {:?}", proc.pending);
        self.check_files(proc);
        let reported = proc.report.is_none() || proc.is_sweeping();
        hold!(reported, ReportsOnce, "{id:?} lacks a report: {:?}", proc.report);
        if let Some(alive) = proc.alive() {
            hold!(!alive.to_stop || alive.stop.is_some(), StopsWhenAsked, "{id:?} is not stopped");
            self.check_alive(proc, alive, now);
            let ready = alive.is_ready();
            let told = info.condition.ready;
            hold!(told == ready, UpWhenReady, "{id:?} is reported as ready: {told}");
        }
    }

    fn check_files(&self, proc: &Proc) {
        let id = proc.id;
        let tidies = match &proc.spec.tidy {
            _ if self.ending.is_none() => proc.is_tidied_for_start(),
            Some(_) => proc.removes() != RemoveLeftovers::No,
            None => false,
        };
        hold!(!(proc.turn.to_tidy && tidies), MakesClean, "{id:?} has no cleanup");
        if let Cleanup::Tidying { for_end, .. } = proc.cleanup {
            let ending = self.ending.is_some();
            hold!(for_end == ending, MakesClean, "the cleanup of {id:?} is for the end: {for_end}");
        }
        let looked = proc.removes() == RemoveLeftovers::No || proc.files_seen.is_some();
        hold!(
            !proc.turn.came_up || looked,
            LooksAtFiles,
            "{id:?} is up, and its files are not recorded"
        );
    }

    fn check_alive(&self, proc: &Proc, alive: &Alive, now: Mono) {
        let id = proc.id;
        if let Some(stop) = alive.stop {
            // A stop without a grace period is handled by the next tick.
            let until = proc.drain.as_ref().map(|drain| drain.until);
            let over = until.is_some_and(|until| now >= until);
            let due = (self.ticked && over && !stop.fresh) || stop.hurried;
            hold!(!due || stop.killed_at.is_some(), KillsWhenDue, "{id:?} is not killed");
            return;
        }
        if let Some(condemned) = alive.health.condemned {
            let due = condemned.collected || (self.ticked && now >= condemned.by);
            hold!(
                !due,
                UnhealthyIsActedUpon,
                "{id:?} keeps running, and is {:?}",
                condemned.unhealthy
            );
            return;
        }
        if let Some(until) = alive.health.looking {
            let due = self.ticked && now >= until;
            hold!(!due, UnhealthyIsActedUpon, "{id:?} is silent, and no action follows");
            return;
        }
        if !proc.turn.watched {
            return;
        }
        let spec = &proc.spec.health;
        if alive.up_at.is_none() {
            let long = now >= alive.since + proc.spec.startsecs;
            let up = alive.ready || (spec.ready == Ready::Startsecs && long);
            hold!(!up, StateAsExpected, "{id:?} is not RUNNING yet");
            let late = alive.ready_by.is_some_and(|by| now >= by);
            hold!(!late, UnhealthyIsActedUpon, "{id:?} is not ready in time");
        }
        let over = alive.health.uses_too_much();
        hold!(!over, UnhealthyIsActedUpon, "{id:?} uses too much memory: {:?}", alive.health);
        let observed = spec.action == Action::Observe;
        let known = observed && alive.health.told;
        let unhealthy = alive.is_unhealthy(spec, now) && !known;
        hold!(!unhealthy, UnhealthyIsActedUpon, "{id:?} is unhealthy: {:?}", alive.health);
        let well = alive.health.told && !alive.health.borne && !alive.is_unhealthy(spec, now);
        hold!(
            !well,
            HealthAsTold,
            "{id:?} is healthy again, which nothing says: {:?}",
            alive.health
        );
        hold!(!alive.health.overdue(now), AsksInTime, "{id:?} is not checked: {:?}", alive.health);
    }

    fn check_whole(&self, effects: &[Effect], core: &Supervisor) {
        let ends = self.ending.is_some();
        hold!(ends == core.is_ending(), EndsWhenItShould, "{:?}", self.ending);
        let ids: BTreeSet<_> = core.processes().map(|info| info.named.proc).collect();
        let known: BTreeSet<_> = self.procs.keys().copied().collect();
        hold!(ids == known, GroupsAsTold, "{ids:?} and not {known:?}");
        self.check_reported(effects);
    }

    fn check_deadline(&self, now: Mono, core: &Supervisor) {
        let own = self.procs.values().filter_map(|proc| {
            let due = proc.due()?;
            // A process that still waits for its start then never starts.
            let starts = matches!(proc.phase, Phase::Down { .. }) && !proc.is_sweeping();
            (!starts || self.ending.is_none()).then_some(due)
        });
        let late = self.late_at.filter(|_| self.ending.is_none());
        let stops = self.stops_from.filter(|from| *from > now && self.ending.is_some());
        let all = own.chain(self.tick_due()).chain(self.pools_due()).chain(stops).chain(late);
        let all = all.filter(|_| self.finished_at.is_none());
        let Some(due) = all.chain(self.hooks_due()).min() else { return };
        let deadline = core.next_deadline();
        // A budget may have ended earlier.
        let covered = deadline.is_some_and(|deadline| deadline <= due.max(now));
        hold!(covered, NoMissingDeadline, "something is due at {due}, next is {deadline:?}");
    }

    /// Checks the state after the system has settled.
    pub(crate) fn check_calm(&self, core: &Supervisor) {
        for proc in self.procs.values() {
            let calm = is_calm(proc);
            hold!(calm, SettlesDown, "{:?}: {:?} {:?}", proc.id, proc.phase, proc.cleanup);
        }
        let rightly = |asked: &Asked| {
            let mut pending = asked.pending();
            pending.all(|id| self.procs.get(&id).is_some_and(|proc| proc.waits))
        };
        hold!(self.requests.iter().all(rightly), SettlesDown, "{:?}", self.requests);
        let waiting: usize = self.pools().map(Pool::waiting).sum();
        hold!(waiting == core.waiting_events(), SettlesDown, "{waiting} events wait");
        for group in &self.groups {
            let Some(pool) = &group.pool else { continue };
            let stays = pool.has_ready() && pool.waiting() > 0;
            let up = group
                .members
                .iter()
                .any(|id| self.procs[id].alive().is_some_and(|alive| alive.stop.is_none()));
            hold!(!(stays && up), SettlesDown, "{} events are not sent", pool.waiting());
        }
    }

    /// Whether the system has settled.
    pub(crate) fn is_calm(&self) -> bool {
        self.procs.values().all(is_calm)
    }
}

/// Checks the condition of a process as operators see it.
fn check_shown(proc: &mut Proc, core: &Supervisor) {
    let id = proc.id;
    let Some(info) = core.process(id) else { return };
    let Condition { ready, health, .. } = info.condition;
    let unhealthy = matches!(health, HealthStatus::Unhealthy(_));
    if let Some(alive) = proc.alive() {
        let ill = alive.health.told || alive.health.condemned.is_some();
        hold!(
            unhealthy == ill || alive.stop.is_some(),
            HealthAsTold,
            "{id:?} is shown as {health:?}, and is unhealthy: {ill}"
        );
        // Without other information, the state shows whether the process is ready.
        let none = HealthStatus::None;
        let known = health != none || proc.noticed.is_some_and(|(_, told)| told != none.name());
        let shown = Some((ready, health.name()));
        hold!(
            !known || proc.noticed == shown,
            HealthAsTold,
            "{id:?} is {shown:?}, reported {:?}",
            proc.noticed
        );
    } else {
        hold!(!unhealthy && !ready, HealthAsTold, "{id:?} does not run, and is {health:?}");
        proc.noticed = None;
    }
    let last = info.history.runs.iter().next_back();
    let ended = !matches!(proc.phase, Phase::Asked { .. } | Phase::Alive(_));
    let shown = last.map_or((0, true), |last| (last.run.0, last.end.is_some()));
    hold!(shown == (proc.run, ended), RunsAsTheyWere, "{id:?} ran {}, {last:?}", proc.run);
}

fn is_calm(proc: &Proc) -> bool {
    let calm = match &proc.phase {
        // A process that waits for dependencies waits until they are up.
        Phase::Down { .. } => proc.pending.is_none() || proc.waits,
        Phase::Asked { .. } => false,
        Phase::Alive(alive) => alive.up_at.is_some() && alive.stop.is_none(),
    };
    calm && !proc.is_sweeping() && !proc.is_stuck() && proc.report.is_none()
}
