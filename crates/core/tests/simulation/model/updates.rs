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

/// A group that is stopping for an update.
#[derive(Debug)]
pub(crate) struct Update {
    group: String,
    next: Option<Rc<GroupSpec>>,
    members: Vec<ProcId>,
}

impl Model {
    /// Handles a request to update a group. `None`: the reply follows at the end of the update.
    pub(super) fn update(&mut self, name: &str, now: Mono) -> Result<Option<Change>, Rejection> {
        let next = self.asked_for(name);
        if let Some(update) = self.updates.iter_mut().find(|update| update.group == name) {
            update.next = next;
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
            (Some(old), Some(next)) if continues(&old, &next) => {
                self.change_rules(next, now);
                Ok(Some(Change::Live))
            }
            (Some(_), next) => {
                let members = self.members_of(name);
                for id in &members {
                    let proc = self.procs.get_mut(id).unwrap();
                    let _ = proc.order_stop();
                    proc.forget_waits();
                }
                self.updates.push(Update { group: name.to_owned(), next, members });
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

    /// Rejects a start while an update of the process's group is in progress.
    pub(super) fn not_being_updated(&self, id: ProcId) -> Result<(), Rejection> {
        match self.updates.iter().find(|update| update.members.contains(&id)) {
            None => Ok(()),
            Some(update) if update.next.is_some() => Err(Rejection::AlreadyStarted),
            Some(_) => Err(Rejection::BadName),
        }
    }

    /// Handles the removal of processes. In an update, the new group starts.
    pub(super) fn sees_removal(&mut self, procs: &[ProcId], now: Mono, kernel: &Kernel) {
        let Some(at) = self.updates.iter().position(|update| update.members == procs) else {
            return;
        };
        let Update { group, next, .. } = self.updates.remove(at);
        // Answer requests that waited for the exit of these processes first.
        self.look_at_goals(kernel);
        let removed = self.remove(&group);
        hold!(removed.is_ok(), GroupsAsTold, "{group} is removed: {removed:?}");
        let change = if next.is_some() { Change::Restart } else { Change::Remove };
        if let Some(next) = next {
            self.begin(next, now);
        }
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
        let (mut members, mut to_start) = (Vec::new(), Vec::new());
        for spec in &next.processes {
            let is_its = |id: &&ProcId| self.procs[id].spec.name == spec.name;
            let id = *self.groups[at].members.iter().find(is_its).unwrap();
            members.push(id);
            let proc = self.procs.get_mut(&id).unwrap();
            if proc.change_rules(spec, now) && spec.autostart && !proc.is_wanted() {
                to_start.push(id);
            }
        }
        (self.groups[at].spec, self.groups[at].members) = (next, members);
        self.rules_changed = true;
        self.groups
            .sort_by(|a, b| (a.spec.priority, &a.spec.name).cmp(&(b.spec.priority, &b.spec.name)));
        for id in to_start {
            let waits = self.outlook(id) == Outlook::Waits { comes: true };
            let _ = self.procs.get_mut(&id).unwrap().order_start(waits, now);
        }
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

/// Whether running processes of `old` continue with the rules of `new`. Programs are executed,
/// become ready and count for the whole as before.
fn continues(old: &GroupSpec, new: &GroupSpec) -> bool {
    let execution = |spec: &ProcessSpec| {
        let ProcessSpec { name, program, launch, main, essential, killtree, health, .. } = spec;
        let health = (health.ready.clone(), health.watchdog);
        (name.clone(), program.clone(), launch.clone(), (*main, *essential, *killtree), health)
    };
    let alike = |old: &ProcessSpec| {
        let new = new.processes.iter().find(|new| new.name == old.name);
        new.is_some_and(|new| execution(old) == execution(new))
    };
    let same = (&old.pool, old.processes.len()) == (&new.pool, new.processes.len());
    same && old.processes.iter().all(|old| alike(old))
}
