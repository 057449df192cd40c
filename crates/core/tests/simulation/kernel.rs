//! A hostile kernel: who is alive, who has ended and was not waited for, whose pid is
//! whose. It gives a pid that is free to the next who is born, lets signals take their
//! time, and some don't go even by SIGKILL for a long while.

use std::collections::BTreeMap;
use std::time::Duration;

use supervisor_core::ids::{Member, Pid, ProcId};
use supervisor_core::input::Exit;
use supervisor_core::signal::Signal;
use supervisor_core::time::Mono;

use crate::random::Random;

/// The longest that somebody stays after SIGKILL.
const LONGEST_AFTERLIFE: usize = 25;

#[derive(Default)]
pub(crate) struct Kernel {
    /// The living, and those that have ended and were not waited for.
    table: BTreeMap<i32, Entry>,
    births: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// To whose tree it belongs; `None`: a stranger.
    pub(crate) owner: Option<ProcId>,
    pub(crate) main: bool,
    start: u64,
    group: i32,
    /// We wait for it; somebody else does otherwise.
    ours: bool,
    /// Only SIGKILL ends it.
    stubborn: bool,
    /// Not even that does, for some time.
    iron: bool,
    fate: Option<Fate>,
    pub(crate) dead: Option<Exit>,
}

/// A signal that was sent and has its effect some time from then on.
#[derive(Clone, Copy, Debug)]
struct Fate {
    signal: Signal,
    not_before: Mono,
}

impl Kernel {
    /// A main process.
    pub(crate) fn start(&mut self, proc: ProcId, random: &mut Random) -> Pid {
        let pid = self.free_pid();
        self.born(pid, Some(proc), pid, true, random)
    }

    /// A child of `parent`, in its tree whatever becomes of it.
    pub(crate) fn fork(&mut self, parent: Pid, random: &mut Random) {
        let (pid, parent) = (self.free_pid(), self.table[&parent.0]);
        let group = if random.one_in(3) { pid } else { parent.group };
        self.born(pid, parent.owner, group, false, random);
    }

    /// Somebody who belongs to nobody, and of whose end we hear all the same.
    pub(crate) fn stranger(&mut self, random: &mut Random) {
        let pid = self.free_pid();
        self.born(pid, None, pid, false, random);
    }

    fn free_pid(&self) -> i32 {
        (100..).find(|pid| !self.table.contains_key(pid)).unwrap()
    }

    fn born(
        &mut self,
        pid: i32,
        owner: Option<ProcId>,
        group: i32,
        main: bool,
        random: &mut Random,
    ) -> Pid {
        self.births += 1;
        let entry = Entry {
            owner,
            main,
            start: self.births,
            group,
            ours: main || random.below(4) > 0,
            stubborn: random.one_in(3),
            iron: random.one_in(12),
            fate: None,
            dead: None,
        };
        self.table.insert(pid, entry);
        Pid(pid)
    }

    pub(crate) fn entry(&self, pid: Pid) -> Option<&Entry> {
        self.table.get(&pid.0)
    }

    /// The one that was found once, if it is still there.
    pub(crate) fn member(&self, member: Member) -> Option<&Entry> {
        self.entry(member.pid).filter(|entry| entry.start == member.start)
    }

    pub(crate) fn living(&self) -> Vec<Pid> {
        self.pids(|entry| entry.dead.is_none())
    }

    pub(crate) fn living_of(&self, proc: ProcId) -> Vec<Pid> {
        self.pids(|entry| entry.owner == Some(proc) && entry.dead.is_none())
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

    /// Who of a tree is alive, the main process left out.
    pub(crate) fn census(&self, proc: ProcId) -> Vec<Member> {
        let table = self.table.iter();
        let living = table
            .filter(|(_, entry)| entry.owner == Some(proc) && !entry.main && entry.dead.is_none());
        living.map(|(pid, entry)| Member { pid: Pid(*pid), start: entry.start }).collect()
    }

    pub(crate) fn end(&mut self, pid: Pid, exit: Exit) {
        if let Some(entry) = self.table.get_mut(&pid.0)
            && entry.dead.is_none()
        {
            entry.dead = Some(exit);
        }
    }

    /// Waits for somebody that has ended. `None`: that was somebody else's business. The
    /// pid is free.
    pub(crate) fn reap(&mut self, pid: Pid) -> Option<Exit> {
        let entry = self.table.remove(&pid.0).unwrap();
        entry.dead.filter(|_| entry.ours)
    }

    /// Lets a signal that was sent have its effect, if its time has come.
    pub(crate) fn strike(&mut self, pid: Pid, now: Mono) {
        let entry = self.table.get_mut(&pid.0).unwrap();
        let Some(fate) = entry.fate.filter(|fate| now >= fate.not_before) else { return };
        entry.fate = None;
        let harmless = [Signal::CONT, Signal::WINCH].contains(&fate.signal);
        if entry.dead.is_none() && !harmless && (fate.signal == Signal::KILL || !entry.stubborn) {
            entry.dead = Some(Exit::Signal { signal: fate.signal, core_dumped: false });
        }
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

    /// From now on it is a kernel as one wishes: who is killed goes, and goes to us.
    pub(crate) fn turn_kind(&mut self) {
        for entry in self.table.values_mut() {
            (entry.iron, entry.ours) = (false, true);
            if let Some(fate) = &mut entry.fate {
                fate.not_before = Mono::ZERO;
            }
        }
    }
}

/// SIGKILL outdoes what came before it.
/// What a main process wrote last.
pub(crate) fn last_line(pid: Pid) -> String {
    format!("the last line of {pid}")
}

fn doom(entry: &mut Entry, signal: Signal, now: Mono, random: &mut Random) {
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
