//! Applies a new configuration to a group. New rules take effect at once; a different command or
//! environment needs a restart.
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

/// A group that is stopping for an update or a removal.
#[derive(Clone, Debug)]
pub(super) struct Update {
    group: String,
    /// The configuration that replaces it; `None`: the group is removed.
    next: Option<Rc<GroupSpec>>,
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
        if let Some(update) = self.updates.iter_mut().find(|update| update.group == name) {
            update.next = next;
            update.asked.push(id);
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
            (Change::Live, Some(next)) => self.change_rules(next, cx),
            (Change::Restart | Change::Remove, next) => {
                self.stop_for_update(name, cx);
                self.updates.push(Update { group: name.to_owned(), next, asked: vec![id] });
                return Ok(None);
            }
            (Change::Nothing | Change::Add | Change::Live, _) => {}
        }
        Ok(Some(change))
    }

    /// Checks that an operator may start a process. During an update of its group, the update
    /// itself starts or removes the process.
    pub(super) fn not_being_updated(&self, proc: ProcId) -> Result<(), Rejection> {
        let group = self.processes.get(&proc).map(|process| &process.named.group);
        match self.updates.iter().find(|update| Some(&update.group) == group) {
            None => Ok(()),
            Some(Update { next: Some(_), .. }) => Err(Rejection::AlreadyStarted),
            Some(Update { next: None, .. }) => Err(Rejection::BadName),
        }
    }

    /// Starts or removes groups that have stopped for an update. During a shutdown, no group
    /// starts.
    pub(super) fn finish_updates(&mut self, cx: &mut Transition<'_>) {
        let ending = self.is_ending();
        for update in std::mem::take(&mut self.updates) {
            let members = self.group(&update.group).map(|group| group.members.clone());
            let members = members.unwrap_or_default();
            let any = |test: fn(&Process) -> bool| {
                members.iter().filter_map(|proc| self.processes.get(proc)).any(test)
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
                let change = if update.next.is_some() { Change::Restart } else { Change::Remove };
                let _ = self.remove_group(&update.group, cx);
                if let Some(next) = update.next {
                    self.begin_group(next, cx);
                }
                Ok(Reply::Updated(change))
            };
            for id in update.asked {
                cx.effects.push(Effect::Reply { id, result: result.clone() });
            }
        }
    }

    fn stop_for_update(&mut self, name: &str, cx: &mut Transition<'_>) {
        let members = self.group(name).map(|group| group.members.clone()).unwrap_or_default();
        for proc in self.stop_order(members) {
            if let Some(mut process) = self.processes.get_mut(&proc) {
                // A process that is not running needs no stop.
                let _ = process.stop_by_order(cx);
            }
        }
    }

    /// Applies new rules to the processes of a group. Processes that changed and are not running
    /// start, as they do when their group is added again.
    fn change_rules(&mut self, next: Rc<GroupSpec>, cx: &mut Transition<'_>) {
        let Some(at) = self.groups.iter().position(|group| group.spec.name == next.name) else {
            return;
        };
        let Group { spec: _, members: old, pool } = self.groups.remove(at);
        let mut members = Vec::new();
        let mut to_start = Vec::new();
        for spec in &next.processes {
            let is_its = |proc: &&ProcId| {
                self.processes.get(proc).is_some_and(|process| process.named.name == spec.name)
            };
            let Some(proc) = old.iter().find(is_its).copied() else { continue };
            members.push(proc);
            if let Some(mut process) = self.processes.get_mut(&proc)
                && process.change_rules(spec, cx)
                && spec.autostart
                && !process.is_started()
            {
                to_start.push(proc);
            }
        }
        let name = next.name.clone();
        let (group, procs) = (Rc::clone(&next), members.clone());
        self.put(Group { spec: next, members, pool });
        cx.effects.push(Effect::UpdateGroup { group, procs });
        cx.log(Line::Updated { name });
        for proc in to_start {
            let outlook = self.outlook(proc);
            if let Some(mut process) = self.processes.get_mut(&proc) {
                // A process that survived SIGKILL prevents the start; that was already reported.
                let _ = process.start_by_order(outlook.after_order(true), cx);
            }
        }
    }
}
