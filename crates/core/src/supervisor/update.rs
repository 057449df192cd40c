//! Applies a new configuration to a group. New rules take effect at once; a different command or
//! environment needs a restart. If only the set of processes differs, processes are added or
//! removed, and the others continue.
//!
//! An update that has begun always completes, even if its client disconnects. Processes that stop
//! for an update start again, unless a shutdown begins.

use std::rc::Rc;

use super::groups::Group;
use super::{Process, Supervisor, Transition};
use crate::command::{Rejection, Reply};
use crate::effect::Effect;
use crate::ids::{ProcId, RequestId};
use crate::line::Line;
use crate::spec::{Change, GroupSpec};

/// A group in which processes are stopping for an update or a removal.
#[derive(Clone, Debug)]
pub(super) struct Update {
    group: String,
    /// The configuration that replaces it; `None`: the group is removed.
    next: Option<Rc<GroupSpec>>,
    /// The processes that stop and are removed; the others continue.
    stopping: Vec<ProcId>,
    /// The requests to answer at the end.
    pub(super) asked: Vec<RequestId>,
}

/// A group that differs between the active and the latest configuration.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    /// The active configuration; `None`: the group is not active.
    pub old: Option<&'a GroupSpec>,
    /// The new configuration; `None`: the group is removed.
    pub new: Option<&'a GroupSpec>,
    /// How an update takes effect.
    pub change: Change,
}

impl Supervisor {
    /// The differences that an update of all groups would apply; removed groups come last.
    pub fn changed(&self) -> impl Iterator<Item = Changed<'_>> {
        let asked = self.available.iter().map(|new| {
            let old = self.group(&new.name).map(|group| &*group.spec);
            let change = old.map_or(Change::Add, |old| old.change_to(new));
            Changed { old, new: Some(&**new), change }
        });
        let goes = |group: &&Group| self.asked_for(&group.spec.name).is_none();
        let gone = self.groups.iter().filter(goes);
        let gone = gone.map(|group| Changed {
            old: Some(&*group.spec),
            new: None,
            change: Change::Remove,
        });
        asked.filter(|changed| changed.change != Change::Nothing).chain(gone)
    }

    /// Applies the latest configuration to a group. Returns `None` if the reply follows at the end
    /// of the update.
    pub(super) fn update_group(
        &mut self,
        id: RequestId,
        name: &str,
        cx: &mut Transition<'_>,
    ) -> Result<Option<Change>, Rejection> {
        let next = self.asked_for(name);
        let stopping = self.replaced_by(name, next.as_deref());
        if let Some(at) = self.updates.iter().position(|update| update.group == name) {
            self.stop_for_update(at, stopping, cx);
            self.updates[at].next = next;
            self.updates[at].asked.push(id);
            return Ok(None);
        }
        let change = match (self.group(name), &next) {
            (None, None) => return Err(Rejection::BadName),
            (None, Some(_)) => Change::Add,
            (Some(_), None) => Change::Remove,
            (Some(group), Some(next)) => group.spec.change_to(next),
        };
        match (change, next) {
            (Change::Add, Some(next)) => self.begin_group(next, cx),
            (Change::Live, Some(next)) => self.change_rules(next, 0, cx),
            (Change::Scale, Some(next)) if stopping.is_empty() => self.change_rules(next, 0, cx),
            (Change::Scale | Change::Restart | Change::Remove, next) => {
                let (group, asked) = (name.to_owned(), vec![id]);
                self.updates.push(Update { group, next, stopping: Vec::new(), asked });
                self.stop_for_update(self.updates.len() - 1, stopping, cx);
                return Ok(None);
            }
            (Change::Nothing | Change::Add | Change::Live, _) => {}
        }
        Ok(Some(change))
    }

    /// The processes of a group that do not continue when `next` replaces it.
    fn replaced_by(&self, name: &str, next: Option<&GroupSpec>) -> Vec<ProcId> {
        let Some(group) = self.group(name) else { return Vec::new() };
        let change = next.map_or(Change::Remove, |next| group.spec.change_to(next));
        let goes = |proc: &ProcId| match change {
            Change::Restart | Change::Remove => true,
            Change::Scale => !self.is_in(*proc, next),
            Change::Nothing | Change::Live | Change::Add => false,
        };
        group.members.iter().copied().filter(goes).collect()
    }

    /// Whether `next` has a process with the name of this one.
    fn is_in(&self, proc: ProcId, next: Option<&GroupSpec>) -> bool {
        let process = self.processes.get(&proc);
        process.zip(next).is_some_and(|(it, next)| next.process(&it.named.name).is_some())
    }

    /// Checks that an operator may start a process. If the process stops for an update, the update
    /// itself starts or removes it.
    pub(super) fn not_being_updated(&self, proc: ProcId) -> Result<(), Rejection> {
        match self.updates.iter().find(|update| update.stopping.contains(&proc)) {
            None => Ok(()),
            Some(it) if self.is_in(proc, it.next.as_deref()) => Err(Rejection::AlreadyStarted),
            Some(_) => Err(Rejection::BadName),
        }
    }

    /// Applies updates whose processes have stopped. During a shutdown, nothing starts.
    pub(super) fn finish_updates(&mut self, cx: &mut Transition<'_>) {
        let ending = self.is_ending();
        for update in std::mem::take(&mut self.updates) {
            let any = |test: fn(&Process) -> bool| {
                update.stopping.iter().filter_map(|proc| self.processes.get(proc)).any(test)
            };
            let active = any(Process::is_active);
            let result = if active && !ending {
                self.updates.push(update);
                continue;
            } else if !active && any(Process::is_stuck) {
                // More specific than the shutdown, which may have this reason.
                Err(Rejection::Unkillable)
            } else if ending {
                Err(Rejection::ShuttingDown)
            } else {
                Ok(Reply::Updated(self.replace(&update.group, update.stopping, update.next, cx)))
            };
            for id in update.asked {
                cx.effects.push(Effect::Reply { id, result: result.clone() });
            }
        }
    }

    /// Replaces the processes of a group that have stopped for an update. If others of the group
    /// continue, the group itself stays.
    fn replace(
        &mut self,
        name: &str,
        stopped: Vec<ProcId>,
        next: Option<Rc<GroupSpec>>,
        cx: &mut Transition<'_>,
    ) -> Change {
        let all = self.group(name).is_none_or(|group| group.members.len() == stopped.len());
        match next {
            Some(next) if !all => {
                let removed = stopped.len();
                self.idle.removed |= self.group(name).is_some_and(|group| group.pool.is_none());
                self.forget(stopped, cx);
                self.change_rules(next, removed, cx);
                Change::Scale
            }
            Some(next) => {
                let _ = self.remove_group(name, cx);
                self.begin_group(next, cx);
                Change::Restart
            }
            None => {
                let _ = self.remove_group(name, cx);
                Change::Remove
            }
        }
    }

    /// Stops processes for an update, except those that it has stopped already.
    fn stop_for_update(&mut self, update: usize, procs: Vec<ProcId>, cx: &mut Transition<'_>) {
        let stopping = &mut self.updates[update].stopping;
        let procs: Vec<_> = procs.into_iter().filter(|proc| !stopping.contains(proc)).collect();
        stopping.extend(&procs);
        for proc in self.stop_order(procs) {
            if let Some(mut process) = self.processes.get_mut(&proc) {
                // A process that is not running needs no stop.
                let _ = process.stop_by_order(cx);
            }
        }
    }

    /// Applies new rules to the processes of a group, and creates those that it does not have.
    /// Processes that changed and are not running start, as they do when their group is added
    /// again. `removed`: the number of processes that were removed before.
    fn change_rules(&mut self, next: Rc<GroupSpec>, removed: usize, cx: &mut Transition<'_>) {
        let Some(at) = self.groups.iter().position(|group| group.spec.name == next.name) else {
            return;
        };
        let Group { spec: _, members: old, mut pool } = self.groups.remove(at);
        let (mut members, mut added, mut to_start) = (Vec::new(), Vec::new(), Vec::new());
        for spec in &next.processes {
            let is_its = |proc: &&ProcId| {
                self.processes.get(proc).is_some_and(|process| process.named.name == spec.name)
            };
            let known = old.iter().find(is_its).copied();
            let proc = known.unwrap_or_else(|| self.create(&next.name, spec));
            members.push(proc);
            if known.is_none() {
                added.push(proc);
                continue;
            }
            if let Some(mut process) = self.processes.get_mut(&proc)
                && process.change_rules(spec, cx)
                && spec.autostart
                && !process.is_started()
            {
                to_start.push(proc);
            }
        }
        if let Some(pool) = &mut pool {
            pool.set_listeners(self.named(&members));
        }
        cx.effects.push(Effect::UpdateGroup { group: Rc::clone(&next), procs: members.clone() });
        cx.log(Line::Updated { name: next.name.clone(), added: added.len(), removed });
        self.put(Group { spec: next, members, pool });
        self.start_added(added, cx);
        for proc in to_start {
            let outlook = self.outlook(proc);
            if let Some(mut process) = self.processes.get_mut(&proc) {
                // A process that survived SIGKILL prevents the start; that was already reported.
                let _ = process.start_by_order(outlook.after_order(true), cx);
            }
        }
    }
}
