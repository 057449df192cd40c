//! A hostile kernel with a process table. It reuses a free pid for the next process, delivers
//! signals late, and lets some processes survive SIGKILL for a long time.

use std::collections::BTreeMap;
use std::time::Duration;

use supervisor_core::ids::{Member, Pid, ProcId};
use supervisor_core::input::{Claim, Exit, Traits, TreeProcess};
use supervisor_core::signal::Signal;
use supervisor_core::time::Mono;

use crate::random::Random;

/// The supervisor's pid.
const US: i32 = 1;

/// The longest time that a process exists after SIGKILL, in seconds.
const LONGEST_AFTERLIFE: usize = 25;

#[derive(Default)]
pub(crate) struct Kernel {
    /// Running processes, and exited ones that have not been reaped.
    table: BTreeMap<i32, Entry>,
    births: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The process whose tree it belongs to; `None` for a process that is not related to any
    /// program.
    pub(crate) owner: Option<ProcId>,
    pub(crate) main: bool,
    start: u64,
    pub(crate) group: i32,
    /// The parent, which reaps it.
    parent: i32,
    /// The exit status of its original parent, if the supervisor has become its parent.
    pub(crate) orphaned: Option<Exit>,
    pub(crate) traits: Traits,
    /// It has removed all evidence: only its parent links it to a program.
    hides: bool,
    /// It does not handle stop signals while a child of it is running, as a shell does.
    defers: bool,
    /// Only SIGKILL stops it.
    stubborn: bool,
    /// It survives SIGKILL for some time.
    iron: bool,
    /// It is suspended: until it is continued, only SIGKILL has an effect.
    stopped: bool,
    fate: Option<Fate>,
    pub(crate) dead: Option<Exit>,
}

/// A signal that was sent and takes effect later.
#[derive(Clone, Copy, Debug)]
struct Fate {
    signal: Signal,
    not_before: Mono,
}

impl Entry {
    /// Its identity in a census.
    pub(crate) const fn member_of(&self, pid: Pid) -> Member {
        Member { pid, start: self.start }
    }
}

impl Kernel {
    /// Starts a main process.
    pub(crate) fn start(&mut self, proc: ProcId, random: &mut Random) -> Pid {
        let pid = self.free_pid();
        self.born(pid, Some(proc), (pid, US), true, random)
    }

    /// Forks a child of `parent`, which belongs to the same tree from then on. After a double fork,
    /// the supervisor is its parent at once.
    pub(crate) fn fork(&mut self, parent: Pid, random: &mut Random) {
        let (pid, from) = (self.free_pid(), self.table[&parent.0]);
        let hides = from.hides || random.one_in(8);
        let group = if hides || random.one_in(3) { pid } else { from.group };
        let parent = if random.one_in(4) { US } else { parent.0 };
        self.born(pid, from.owner, (group, parent), false, random);
        let entry = self.table.get_mut(&pid).unwrap();
        entry.hides = hides;
        if parent == US {
            entry.orphaned = Some(Exit::Code(0));
        }
    }

    /// Starts a process that belongs to no program, but whose exit the supervisor observes.
    pub(crate) fn stranger(&mut self, random: &mut Random) {
        let pid = self.free_pid();
        self.born(pid, None, (pid, US), false, random);
    }

    fn free_pid(&self) -> i32 {
        (100..).find(|pid| !self.table.contains_key(pid)).unwrap()
    }

    fn born(
        &mut self,
        pid: i32,
        owner: Option<ProcId>,
        (group, parent): (i32, i32),
        main: bool,
        random: &mut Random,
    ) -> Pid {
        self.births += 1;
        let entry = Entry {
            owner,
            main,
            start: self.births,
            group,
            parent,
            orphaned: None,
            traits: Traits { shell: random.one_in(3), ignores_stopsignal: random.one_in(6) },
            hides: false,
            defers: random.one_in(3),
            stubborn: random.one_in(3),
            iron: random.one_in(12),
            stopped: false,
            fate: None,
            dead: None,
        };
        self.table.insert(pid, entry);
        Pid(pid)
    }

    pub(crate) fn entry(&self, pid: Pid) -> Option<&Entry> {
        self.table.get(&pid.0)
    }

    /// The process from a census, if it still exists.
    pub(crate) fn member(&self, member: Member) -> Option<&Entry> {
        self.entry(member.pid).filter(|entry| entry.start == member.start)
    }

    pub(crate) fn living(&self) -> Vec<Pid> {
        self.pids(|entry| entry.dead.is_none())
    }

    /// The running processes that evidence links to the tree.
    pub(crate) fn living_of(&self, proc: ProcId) -> Vec<Pid> {
        let linked = |entry: &Entry| self.claim(entry) == Claim::Linked;
        self.pids(|entry| entry.owner == Some(proc) && entry.dead.is_none() && linked(entry))
    }

    /// The evidence that links the process to its program.
    pub(crate) fn claim(&self, entry: &Entry) -> Claim {
        match self.table.get(&entry.parent).filter(|parent| parent.dead.is_none()) {
            _ if !entry.hides => Claim::Linked,
            Some(parent) => self.claim(parent),
            None => Claim::Orphan,
        }
    }

    pub(crate) fn unreaped(&self) -> Vec<Pid> {
        self.pids(|entry| entry.dead.is_some())
    }

    pub(crate) fn doomed(&self) -> Vec<Pid> {
        self.pids(|entry| entry.fate.is_some() && entry.dead.is_none())
    }

    fn pids(&self, which: impl Fn(&Entry) -> bool) -> Vec<Pid> {
        self.table.iter().filter(|(_, entry)| which(entry)).map(|(pid, _)| Pid(*pid)).collect()
    }

    /// The running processes of a tree without the main process, and orphans that may belong to it.
    /// After a census has found a process, that process can no longer hide.
    pub(crate) fn census(&mut self, proc: ProcId) -> Vec<TreeProcess> {
        let table = self.table.iter();
        let living = table.filter(|(_, entry)| {
            let may_be = entry.owner == Some(proc) || self.claim(entry) == Claim::Orphan;
            may_be && !entry.main && entry.dead.is_none()
        });
        let seen = |(pid, entry): (&i32, &Entry)| TreeProcess {
            member: Member { pid: Pid(*pid), start: entry.start },
            parent: Pid(entry.parent),
            group: Pid(entry.group),
            claim: self.claim(entry),
            traits: entry.traits,
        };
        let found: Vec<_> = living.map(seen).collect();
        for process in found.iter().filter(|process| process.claim == Claim::Linked) {
            self.table.get_mut(&process.member.pid.0).unwrap().hides = false;
        }
        found
    }

    /// The traits of the main process, if it is running.
    pub(crate) fn main_traits(&self, proc: ProcId) -> Option<Traits> {
        let mut table = self.table.values();
        let main = |entry: &&Entry| entry.owner == Some(proc) && entry.main;
        table.find(|entry| main(entry) && entry.dead.is_none()).map(|entry| entry.traits)
    }

    pub(crate) fn end(&mut self, pid: Pid, exit: Exit) {
        let Some(entry) = self.table.get_mut(&pid.0).filter(|entry| entry.dead.is_none()) else {
            return;
        };
        entry.dead = Some(exit);
        for child in self.table.values_mut().filter(|entry| entry.parent == pid.0) {
            (child.parent, child.orphaned) = (US, Some(exit));
        }
    }

    fn has_children(&self, pid: Pid) -> bool {
        self.table.values().any(|entry| entry.parent == pid.0 && entry.dead.is_none())
    }

    /// Whether its parent is running and belongs to the same tree.
    pub(crate) fn has_parent_of_its_tree(&self, entry: &Entry) -> bool {
        let parent = self.table.get(&entry.parent);
        parent.is_some_and(|parent| parent.owner == entry.owner && parent.dead.is_none())
    }

    /// Its running ancestors in the same tree, the nearest first.
    pub(crate) fn ancestors(&self, entry: &Entry) -> Vec<(Pid, Entry)> {
        let mut above = Vec::new();
        let mut next = entry.parent;
        while let Some(parent) = self.table.get(&next).filter(|parent| parent.dead.is_none()) {
            above.push((Pid(next), *parent));
            next = parent.parent;
        }
        above
    }

    /// Reaps an exited process and frees its pid. Returns `None` if another process is the parent.
    pub(crate) fn reap(&mut self, pid: Pid) -> Option<Exit> {
        let entry = self.table.remove(&pid.0).unwrap();
        entry.dead.filter(|_| entry.parent == US)
    }

    /// Makes a signal take effect if its time has come.
    pub(crate) fn strike(&mut self, pid: Pid, now: Mono) {
        let busy = self.has_children(pid);
        let entry = self.table.get_mut(&pid.0).unwrap();
        let Some(fate) = entry.fate.filter(|fate| now >= fate.not_before) else { return };
        let kills = fate.signal == Signal::KILL;
        // A shell runs its trap only after the foreground child has exited.
        if (entry.stopped || entry.defers && busy) && !kills {
            return;
        }
        entry.fate = None;
        let harmless = [Signal::CONT, Signal::WINCH].contains(&fate.signal);
        if !harmless && (kills || !entry.stubborn) {
            let exit = if entry.defers && !kills {
                Exit::Code(0)
            } else {
                Exit::Signal { signal: fate.signal, core_dumped: false }
            };
            self.end(pid, exit);
        }
    }

    /// Suspends a process.
    pub(crate) fn stop(&mut self, pid: Pid) {
        self.table.get_mut(&pid.0).unwrap().stopped = true;
    }

    /// Continues a process.
    pub(crate) fn resume(&mut self, pid: Pid) {
        self.table.get_mut(&pid.0).unwrap().stopped = false;
    }

    pub(crate) fn signal(&mut self, pid: Pid, signal: Signal, now: Mono, random: &mut Random) {
        let entry = self.table.get_mut(&pid.0).unwrap();
        doom(entry, signal, now, random);
    }

    pub(crate) fn signal_group(
        &mut self,
        leader: Pid,
        signal: Signal,
        now: Mono,
        random: &mut Random,
    ) {
        for entry in self.table.values_mut().filter(|entry| entry.group == leader.0) {
            doom(entry, signal, now, random);
        }
    }

    pub(crate) fn kill_tree(&mut self, proc: ProcId, now: Mono, random: &mut Random) {
        for entry in self.table.values_mut().filter(|entry| entry.owner == Some(proc)) {
            doom(entry, Signal::KILL, now, random);
        }
    }

    /// Makes the kernel friendly: every signal takes effect at once.
    pub(crate) fn turn_kind(&mut self) {
        for entry in self.table.values_mut() {
            (entry.iron, entry.defers, entry.stopped) = (false, false, false);
            if let Some(fate) = &mut entry.fate {
                fate.not_before = Mono::ZERO;
            }
        }
    }
}

/// The last line of output of a main process.
pub(crate) fn last_line(pid: Pid) -> String {
    format!("the last line of {pid}")
}

/// Schedules the effect of a signal. SIGKILL replaces an earlier signal.
fn doom(entry: &mut Entry, signal: Signal, now: Mono, random: &mut Random) {
    entry.stopped &= signal != Signal::CONT;
    let killed = entry.fate.is_some_and(|fate| fate.signal == Signal::KILL);
    if killed || (signal != Signal::KILL && entry.fate.is_some()) {
        return;
    }
    let late = if signal == Signal::KILL && entry.iron {
        random.secs(0, LONGEST_AFTERLIFE)
    } else {
        Duration::ZERO
    };
    entry.fate = Some(Fate { signal, not_before: now + late });
}
