//! All processes of the supervisor, found by their pid, their deadline and what they wait for.
//!
//! An input usually changes one process. Its cost must not grow with the number of programs, so the
//! supervisor visits only the processes that an input may affect. A process is affected if its
//! deadline has passed, or if it was borrowed for a change during this input or the one before. All
//! other processes are as they were at the end of the previous input, and nothing was left to do
//! for them.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};

use crate::ids::{Pid, ProcId};
use crate::per_process::PerProcess;
use crate::process::Process;
use crate::time::Mono;

/// All processes.
#[derive(Clone, Debug, Default)]
pub(super) struct Processes {
    all: PerProcess<Entry>,
    index: Index,
    /// The processes that the current input may affect.
    affected: BTreeSet<ProcId>,
    /// The processes that were borrowed for a change during the current input.
    borrowed: BTreeSet<ProcId>,
}

/// A process, and the keys under which the index lists it.
#[derive(Clone, Debug)]
struct Entry {
    process: Process,
    keys: Keys,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Keys {
    deadline: Option<Mono>,
    pid: Option<Pid>,
    waits: bool,
    active: bool,
}

/// Processes by their keys.
#[derive(Clone, Debug, Default)]
struct Index {
    deadlines: BTreeSet<(Mono, ProcId)>,
    pids: BTreeSet<(Pid, ProcId)>,
    waiting: BTreeSet<ProcId>,
    active: BTreeSet<ProcId>,
}

/// A process that is borrowed for a change. The index is updated when the borrow ends.
#[derive(Debug)]
pub(super) struct Borrowed<'a> {
    proc: ProcId,
    entry: &'a mut Entry,
    index: &'a mut Index,
}

impl Processes {
    /// Begins an input at the time `now`.
    pub(super) fn begin(&mut self, now: Mono) {
        self.affected = std::mem::take(&mut self.borrowed);
        self.affected.extend(self.index.due(now));
    }

    pub(super) fn insert(&mut self, proc: ProcId, process: Process) {
        self.all.insert(proc, Entry { process, keys: Keys::default() });
        // Lists it in the index.
        drop(self.get_mut(&proc));
    }

    pub(super) fn remove(&mut self, proc: &ProcId) -> Option<Process> {
        let Entry { process, mut keys } = self.all.remove(proc)?;
        self.index.list(*proc, &mut keys, Keys::default());
        Some(process)
    }

    pub(super) fn get(&self, proc: &ProcId) -> Option<&Process> {
        self.all.get(proc).map(|entry| &entry.process)
    }

    /// Borrows a process for a change.
    pub(super) fn get_mut(&mut self, proc: &ProcId) -> Option<Borrowed<'_>> {
        let entry = self.all.get_mut(proc)?;
        self.affected.insert(*proc);
        self.borrowed.insert(*proc);
        Some(Borrowed { proc: *proc, entry, index: &mut self.index })
    }

    /// Visits all processes in this input.
    pub(super) fn affect_all(&mut self) {
        self.affected = self.keys().copied().collect();
    }

    /// Changes all processes, in the order of their ids.
    pub(super) fn for_each(&mut self, mut change: impl FnMut(&mut Process)) {
        for proc in self.keys().copied().collect::<Vec<_>>() {
            if let Some(mut process) = self.get_mut(&proc) {
                change(&mut process);
            }
        }
    }

    /// Changes the affected processes for which `applies` holds, in the order of their ids.
    pub(super) fn for_each_affected(
        &mut self,
        applies: impl Fn(&Process) -> bool,
        mut change: impl FnMut(&mut Process),
    ) {
        let applies = |process: &&Process| applies(process);
        let procs: Vec<_> = self.affected().filter(applies).map(|it| it.named.proc).collect();
        for proc in procs {
            if let Some(mut process) = self.get_mut(&proc) {
                change(&mut process);
            }
        }
    }

    /// The affected processes, in the order of their ids.
    pub(super) fn affected(&self) -> impl Iterator<Item = &Process> {
        self.affected.iter().filter_map(|proc| self.get(proc))
    }

    pub(super) fn contains_key(&self, proc: &ProcId) -> bool {
        self.all.contains_key(proc)
    }

    /// The ids of all processes, in order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &ProcId> {
        self.all.keys()
    }

    /// All processes, in the order of their ids.
    pub(super) fn values(&self) -> impl Iterator<Item = &Process> {
        self.all.values().map(|entry| &entry.process)
    }

    /// The process whose main process has this pid.
    pub(super) fn with_pid(&self, pid: Pid) -> Option<ProcId> {
        let mut found = self.index.pids.range((pid, ProcId(0))..=(pid, ProcId(usize::MAX)));
        found.next().map(|(_, proc)| *proc)
    }

    /// The processes that wait for other programs.
    pub(super) const fn waiting(&self) -> &BTreeSet<ProcId> {
        &self.index.waiting
    }

    /// The processes that run or will start by themselves.
    pub(super) const fn active(&self) -> &BTreeSet<ProcId> {
        &self.index.active
    }

    /// The earliest deadline of a process.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.index.deadlines.first().map(|(at, _)| *at)
    }
}

impl Index {
    /// The processes whose deadline has passed.
    fn due(&self, now: Mono) -> impl Iterator<Item = ProcId> {
        self.deadlines.range(..=(now, ProcId(usize::MAX))).map(|(_, proc)| *proc)
    }

    /// Lists a process under the keys `new` instead of `keys`.
    fn list(&mut self, proc: ProcId, keys: &mut Keys, new: Keys) {
        if *keys == new {
            return;
        }
        let old = std::mem::replace(keys, new);
        let deadline = |keys: Keys| keys.deadline.map(|at| (at, proc));
        replace(&mut self.deadlines, deadline(old), deadline(new));
        let pid = |keys: Keys| keys.pid.map(|pid| (pid, proc));
        replace(&mut self.pids, pid(old), pid(new));
        let waiting = |keys: Keys| keys.waits.then_some(proc);
        replace(&mut self.waiting, waiting(old), waiting(new));
        let active = |keys: Keys| keys.active.then_some(proc);
        replace(&mut self.active, active(old), active(new));
    }
}

fn replace<T: Ord>(set: &mut BTreeSet<T>, old: Option<T>, new: Option<T>) {
    if old != new {
        old.map(|old| set.remove(&old));
        set.extend(new);
    }
}

impl Keys {
    fn of(process: &Process) -> Self {
        Self {
            deadline: process.deadline(),
            pid: process.pid(),
            waits: process.waits_for_others(),
            active: process.is_active(),
        }
    }
}

impl Deref for Borrowed<'_> {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.entry.process
    }
}

impl DerefMut for Borrowed<'_> {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.entry.process
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let new = Keys::of(&self.entry.process);
        self.index.list(self.proc, &mut self.entry.keys, new);
    }
}
