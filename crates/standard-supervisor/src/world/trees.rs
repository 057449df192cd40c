//! Who is signalled, and who belongs to whom.

use supervisor_core::Target;
use supervisor_core::ids::{Member, Pid, ProcId, RunId};
use supervisor_core::input::Input;
use supervisor_core::level::Level;
use supervisor_core::signal::Signal;

use super::World;
use crate::cgroup::Cgroup;
use crate::sys::process_table::Family;
use crate::sys::signal;
use crate::tree::Root;

impl World {
    /// The roots of the trees of all programs, and whose they are.
    pub(crate) fn roots(&self, family: &Family) -> Vec<(Pid, ProcId)> {
        let mains = self.slots.iter().filter_map(|(proc, slot)| {
            let (pid, alive) = slot.main?;
            Some((pid, (*proc, alive)))
        });
        self.parts.roster.roots(family, &mains.collect())
    }

    pub(super) fn signal(&self, target: &Target, signal: Signal) {
        let sent = match target {
            Target::Process(pid) => signal::send(*pid, signal),
            Target::Group(pid) => signal::send_to_group(*pid, signal),
            Target::Member(member) => signal::send_to_member(*member, signal),
        };
        if let Err(error) = sent {
            let message = format!("cannot send {signal} to {target:?}: {error}");
            self.parts.journal.say(Level::Error, &message);
        }
    }

    pub(super) fn census(&mut self, proc: ProcId, run: RunId) {
        let members = self.members(proc);
        self.answers.push_back(Input::Census { proc, run, members });
    }

    /// Who lives in a process's tree, its main process left out.
    pub(super) fn members(&mut self, proc: ProcId) -> Vec<Member> {
        let mut members = Vec::new();
        let slot = self.slots.get(&proc);
        if let Some((slot, (pid, alive))) = slot.and_then(|slot| Some((slot, slot.main?))) {
            let living = self.slots.values().filter_map(|slot| slot.main);
            let living = living.filter(|(_, alive)| *alive).map(|(pid, _)| pid);
            let others: Vec<Pid> = living.filter(|other| *other != pid).collect();
            let grouped = slot.cgroup.as_ref().map(Cgroup::members);
            let root = Root { proc, pid, alive };
            members = self.parts.roster.census(root, &others, &grouped.unwrap_or_default());
        }
        members
    }
}
