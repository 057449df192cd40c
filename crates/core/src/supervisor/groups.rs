//! Adds and removes groups and processes.

use std::rc::Rc;

use super::{Process, Supervisor, Transition};
use crate::command::{Difference, Rejection};
use crate::effect::Effect;
use crate::event::{Event, Named};
use crate::ids::ProcId;
use crate::listener::Pool;
use crate::spec::{GroupSpec, ProcessSpec};

/// An active group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) spec: Rc<GroupSpec>,
    /// The processes in start order.
    pub(super) members: Vec<ProcId>,
    /// The pool, if the processes are event listeners.
    pub(super) pool: Option<Pool>,
}

impl Supervisor {
    pub(super) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.spec.name == name)
    }

    /// Creates the processes of a group without starting them.
    pub(super) fn insert(&mut self, spec: Rc<GroupSpec>) {
        let mut members = Vec::new();
        for process in &spec.processes {
            members.push(self.create(&spec.name, process));
        }
        let pool = spec.pool.as_ref();
        let pool = pool.map(|pool| Pool::new(&spec.name, pool, self.named(&members)));
        self.put(Group { spec, members, pool });
    }

    /// Creates a process of a group without starting it.
    pub(super) fn create(&mut self, group: &str, spec: &Rc<ProcessSpec>) -> ProcId {
        let proc = self.next_proc;
        self.next_proc = ProcId(proc.0 + 1);
        let named = Rc::new(Named { proc, name: spec.name.clone(), group: group.to_owned() });
        self.by_program.entry(spec.program.clone()).or_default().push(proc);
        self.processes.insert(proc, Process::new(named, Rc::clone(spec)));
        proc
    }

    /// The ids and names of these processes.
    pub(super) fn named(&self, procs: &[ProcId]) -> impl Iterator<Item = Rc<Named>> {
        let processes = procs.iter().filter_map(|proc| self.processes.get(proc));
        processes.map(|process| Rc::clone(&process.named))
    }

    /// Inserts a group at its position in start order.
    pub(super) fn put(&mut self, group: Group) {
        let place = |other: &Group| {
            (other.spec.priority, &other.spec.name) <= (group.spec.priority, &group.spec.name)
        };
        let at = self.groups.partition_point(place);
        self.groups.insert(at, group);
    }

    /// Announces the groups of the first configuration to the daemon and to event listeners.
    pub(super) fn announce_groups(&self, cx: &mut Transition<'_>) {
        for group in &self.groups {
            announce(group, cx);
        }
        cx.emit(Event::SupervisorRunning);
    }

    pub(super) fn add_group(
        &mut self,
        name: &str,
        cx: &mut Transition<'_>,
    ) -> Result<(), Rejection> {
        if self.group(name).is_some() {
            return Err(Rejection::AlreadyAdded);
        }
        let spec = self.asked_for(name);
        self.begin_group(spec.ok_or(Rejection::BadName)?, cx);
        Ok(())
    }

    /// The group with this name in the latest configuration.
    pub(super) fn asked_for(&self, name: &str) -> Option<Rc<GroupSpec>> {
        self.available.iter().find(|group| group.name == name).cloned()
    }

    /// Adds a group and starts its processes with autostart.
    pub(super) fn begin_group(&mut self, spec: Rc<GroupSpec>, cx: &mut Transition<'_>) {
        let name = spec.name.clone();
        self.insert(spec);
        let Some(group) = self.group(&name) else { return };
        announce(group, cx);
        self.start_added(group.members.clone(), cx);
    }

    /// Starts those of the new processes that have autostart.
    pub(super) fn start_added(&mut self, procs: Vec<ProcId>, cx: &mut Transition<'_>) {
        for proc in procs {
            if let Some(mut process) = self.processes.get_mut(&proc)
                && process.spec.autostart
            {
                process.start_with_others(cx);
            }
        }
    }

    pub(super) fn remove_group(
        &mut self,
        name: &str,
        cx: &mut Transition<'_>,
    ) -> Result<(), Rejection> {
        let at = self.groups.iter().position(|group| group.spec.name == name);
        let at = at.ok_or(Rejection::BadName)?;
        let members = &self.groups[at].members;
        let lives = |process: &Process| process.is_active() || process.is_stuck();
        if members.iter().filter_map(|proc| self.processes.get(proc)).any(lives) {
            return Err(Rejection::StillRunning);
        }
        let group = self.groups.remove(at);
        self.idle.removed |= group.pool.is_none();
        cx.emit(Event::GroupRemoved { group: group.spec.name.clone() });
        self.forget(group.members, cx);
        Ok(())
    }

    /// Removes processes that have stopped. The caller removes them from their group.
    pub(super) fn forget(&mut self, procs: Vec<ProcId>, cx: &mut Transition<'_>) {
        for proc in &procs {
            let removed = self.processes.remove(proc);
            self.spared_trees |= removed.is_some_and(|it| it.runs() > 0 && !it.spec.killtree);
        }
        self.by_program.retain(|_, procs| {
            procs.retain(|proc| self.processes.contains_key(proc));
            !procs.is_empty()
        });
        cx.effects.push(Effect::RemoveProcesses { procs });
    }

    /// Stores a configuration that was read again. Returns its differences from the active groups.
    pub(super) fn reread(&mut self, groups: Vec<GroupSpec>) -> Difference {
        self.available = groups.into_iter().map(Rc::new).collect();
        let mut difference = Difference::default();
        for spec in &self.available {
            match self.group(&spec.name) {
                None => difference.added.push(spec.name.clone()),
                Some(group) if group.spec.is_same_as(spec) => {}
                Some(_) => difference.changed.push(spec.name.clone()),
            }
        }
        let gone = |group: &&Group| self.available.iter().all(|spec| spec.name != group.spec.name);
        let gone = self.groups.iter().filter(gone);
        difference.removed = gone.map(|group| group.spec.name.clone()).collect();
        difference
    }
}

fn announce(group: &Group, cx: &mut Transition<'_>) {
    if let Some(first) = group.members.first() {
        let spec = Rc::clone(&group.spec);
        cx.effects.push(Effect::AddGroup { group: spec, first: *first });
    }
    cx.emit(Event::GroupAdded { group: group.spec.name.clone() });
}
