//! The effects of an update of a group, and that it completes.

use std::rc::Rc;

use supervisor_core::command::{Rejection, Reply};
use supervisor_core::ids::ProcId;
use supervisor_core::spec::health::Ready;
use supervisor_core::spec::{Change, GroupSpec, ProcessSpec};
use supervisor_core::time::Mono;

use super::Model;
use super::gate::Outlook;
use super::process::{Cleanup, Phase, Proc};
use crate::invariants::hold;
use crate::kernel::Kernel;

/// A group in which processes are stopping for an update.
#[derive(Debug)]
pub(crate) struct Update {
    group: String,
    next: Option<Rc<GroupSpec>>,
    /// The processes that stop.
    members: Vec<ProcId>,
}

impl Model {
    /// Handles a request to update a group. `None`: the reply follows at the end of the update.
    pub(super) fn update(&mut self, name: &str, now: Mono) -> Result<Option<Change>, Rejection> {
        let next = self.asked_for(name);
        let goes = self.goes(name, next.as_deref());
        if let Some(at) = self.updates.iter().position(|update| update.group == name) {
            let known = &self.updates[at].members;
            let more: Vec<_> = goes.into_iter().filter(|id| !known.contains(id)).collect();
            self.order_stops(&more);
            self.updates[at].members.extend(more);
            self.updates[at].next = next;
            return Ok(None);
        }
        let old = self.groups.iter().find(|group| group.spec.name == name);
        let old = old.map(|group| Rc::clone(&group.spec));
        match (old, next) {
            (None, None) => Err(Rejection::BadName),
            (None, Some(next)) => {
                self.begin(next, now);
                Ok(Some(Change::Add))
            }
            (Some(old), Some(next)) if old == next => Ok(Some(Change::Nothing)),
            (Some(old), Some(next)) if goes.is_empty() && continues(&old, &next) => {
                let grows = next.processes.len() > old.processes.len();
                self.change_rules(next, now);
                Ok(Some(if grows { Change::Scale } else { Change::Live }))
            }
            (Some(_), next) => {
                self.order_stops(&goes);
                self.updates.push(Update { group: name.to_owned(), next, members: goes });
                Ok(None)
            }
        }
    }

    /// Whether an update of this group would change only rules.
    pub(crate) fn would_change_rules(&self, name: &str) -> bool {
        let old = self.groups.iter().find(|group| group.spec.name == name);
        let next = self.asked_for(name);
        old.zip(next).is_some_and(|(old, next)| continues(&old.spec, &next))
    }

    /// The processes of a group that an update stops.
    fn goes(&self, name: &str, next: Option<&GroupSpec>) -> Vec<ProcId> {
        let Some(old) = self.groups.iter().find(|group| group.spec.name == name) else {
            return Vec::new();
        };
        let stays = next.filter(|next| *old.spec == **next || continues(&old.spec, next));
        let named = |id: &ProcId, spec: &ProcessSpec| self.procs[id].spec.name == spec.name;
        let stays = |id: &ProcId| stays.is_some_and(|it| it.processes.iter().any(|p| named(id, p)));
        old.members.iter().filter(|id| !stays(id)).copied().collect()
    }

    fn order_stops(&mut self, ids: &[ProcId]) {
        for id in ids {
            let proc = self.procs.get_mut(id).unwrap();
            let _ = proc.order_stop();
            proc.forget_waits();
        }
    }

    /// Rejects a start of a process that stops for an update.
    pub(super) fn not_being_updated(&self, id: ProcId) -> Result<(), Rejection> {
        let update = self.updates.iter().find(|update| update.members.contains(&id));
        let Some(update) = update else { return Ok(()) };
        let mut again = update.next.iter().flat_map(|next| &next.processes);
        let again = again.any(|spec| spec.name == self.procs[&id].spec.name);
        Err(if again { Rejection::AlreadyStarted } else { Rejection::BadName })
    }

    /// Handles the removal of processes. In an update, the new group starts, or the new processes
    /// of a group that continues.
    pub(super) fn sees_removal(&mut self, procs: &[ProcId], now: Mono, kernel: &Kernel) {
        // The processes of a whole group are removed in its order, others in the order of their
        // stops.
        let is_its = |update: &Update| {
            update.members.len() == procs.len()
                && update.members.iter().all(|id| procs.contains(id))
        };
        let Some(at) = self.updates.iter().position(is_its) else { return };
        let Update { group, next, .. } = self.updates.remove(at);
        // Answer requests that waited for the exit of these processes first.
        self.look_at_goals(kernel);
        let all = self.members_of(&group) == procs;
        let change = match next {
            Some(next) if !all => {
                self.forget(procs);
                self.change_rules(next, now);
                self.judge_the_watched(now);
                Change::Scale
            }
            next => {
                let removed = self.remove(&group);
                hold!(removed.is_ok(), GroupsAsTold, "{group} is removed: {removed:?}");
                let change = if next.is_some() { Change::Restart } else { Change::Remove };
                next.into_iter().for_each(|next| self.begin(next, now));
                change
            }
        };
        // A program of the new group may depend on one that never comes up. The core looks for that
        // when all updates that can complete have done so.
        let completes = |update: &Update| {
            let mut members = update.members.iter().map(|id| &self.procs[id]);
            !members.any(|proc| proc.is_active() || proc.is_stuck())
        };
        if !self.updates.iter().any(completes) {
            self.give_up_the_lost();
        }
        self.updated(&group, &Ok(Reply::Updated(change)));
    }

    /// Checks that each update in progress can complete, but is not complete.
    pub(super) fn check_updates(&mut self) {
        for update in std::mem::take(&mut self.updates) {
            let procs = update.members.iter().map(|id| &self.procs[id]);
            let (active, stuck) =
                (procs.clone().any(Proc::is_active), procs.clone().any(Proc::is_stuck));
            let why = match (active, self.ending.is_some()) {
                (true, true) => Rejection::ShuttingDown,
                (true, false) => {
                    self.updates.push(update);
                    continue;
                }
                // An unkillable process may be the reason for the shutdown, and is the more
                // specific reply.
                (false, _) if stuck => Rejection::Unkillable,
                (false, ending) => {
                    let group = &update.group;
                    hold!(ending, UpdatesAtLast, "{group} is down, and does not begin again");
                    Rejection::ShuttingDown
                }
            };
            self.updated(&update.group, &Err(why));
        }
    }

    fn change_rules(&mut self, next: Rc<GroupSpec>, now: Mono) {
        let at = self.groups.iter().position(|group| group.spec.name == next.name).unwrap();
        let old = std::mem::take(&mut self.groups[at].members);
        let (mut members, mut added, mut to_start) = (Vec::new(), Vec::new(), Vec::new());
        for spec in &next.processes {
            let is_its =
                |id: &&ProcId| self.procs.get(id).is_some_and(|it| it.spec.name == spec.name);
            let Some(id) = old.iter().find(is_its).copied() else {
                let id = self.create(&next, spec);
                members.push(id);
                added.push(id);
                continue;
            };
            members.push(id);
            let proc = self.procs.get_mut(&id).unwrap();
            if proc.change_rules(spec, now) && spec.autostart && !proc.is_wanted() {
                to_start.push(id);
            }
        }
        self.groups[at].pool.iter_mut().for_each(|pool| pool.set_members(&members));
        (self.groups[at].spec, self.groups[at].members) = (next, members);
        self.rules_changed = true;
        self.groups
            .sort_by(|a, b| (a.spec.priority, &a.spec.name).cmp(&(b.spec.priority, &b.spec.name)));
        for id in added {
            let proc = self.procs.get_mut(&id).unwrap();
            if proc.spec.autostart {
                proc.start_with_others(now);
            }
        }
        for id in to_start {
            let waits = self.outlook(id) == Outlook::Waits { comes: true };
            let _ = self.procs.get_mut(&id).unwrap().order_start(waits, now);
        }
    }

    /// Checks that an updated group has its old processes, apart from removed ones, and new ones.
    pub(super) fn sees_update(&self, group: &GroupSpec, procs: &[ProcId]) {
        let members = self.members_of(&group.name);
        hold!(members == procs, KeepsTheOthers, "{procs:?} and not {members:?}");
    }
}

impl Proc {
    /// Whether no stop and no cleanup is in progress.
    pub(crate) fn is_steady(&self) -> bool {
        let stops = match &self.phase {
            Phase::Down { .. } => false,
            Phase::Asked { stop } => *stop,
            Phase::Alive(alive) => alive.stop.is_some() || alive.to_stop,
        };
        !stops && self.cleanup == Cleanup::Clear
    }

    /// Applies new rules. Returns whether they differ.
    fn change_rules(&mut self, spec: &Rc<ProcessSpec>, now: Mono) -> bool {
        let old = std::mem::replace(&mut self.spec, Rc::clone(spec));
        self.targets = self.targets.filter(|_| old.start.wait_for == spec.start.wait_for);
        if let Some(alive) = self.well_alive() {
            let starting = alive.up_at.is_none();
            alive.health.change_rules(&old.health, &spec.health, starting, now);
            // The new rules judge the known facts at once, and count an overdue answer as late.
            let by_time = spec.health.ready == Ready::Startsecs && starting;
            let long = by_time && now >= alive.since + spec.startsecs;
            let free = alive.health.looking.is_none() && alive.health.condemned.is_none();
            (self.turn.watched, self.turn.comes_up) = (true, long && free);
        }
        old != *spec
    }
}

/// Whether running processes of `old` continue with the rules of `new`, apart from those that `new`
/// does not have. Programs are executed, become ready and count for the whole as before.
fn continues(old: &GroupSpec, new: &GroupSpec) -> bool {
    let execution = |spec: &ProcessSpec| {
        let ProcessSpec { name, program, launch, main, essential, killtree, health, .. } = spec;
        let health = (health.ready.clone(), health.watchdog);
        (name.clone(), program.clone(), launch.clone(), (*main, *essential, *killtree), health)
    };
    let both: Vec<_> = old
        .processes
        .iter()
        .filter_map(|old| Some((old, new.processes.iter().find(|new| new.name == old.name)?)))
        .collect();
    let none = old.processes.is_empty() && new.processes.is_empty();
    let alike = both.iter().all(|(old, new)| execution(old) == execution(new));
    old.pool == new.pool && alike && (none || !both.is_empty())
}
