//! Dependencies between programs: which may start, which never will, and which must not stop yet.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Process, Supervisor, Transition};
use crate::ids::ProcId;
use crate::process::{ByOrder, Standing};
use crate::spec::start::{Dependency, Until};

/// The state of all dependencies of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// All are up.
    There,
    /// These are not up yet. `comes`: all of them will be, if nothing fails.
    Waits { missing: Vec<Dependency>, comes: bool },
    /// This one will never be up.
    Lost(Dependency),
}

impl Outlook {
    /// How a start request treats the dependencies. A request for a single program starts it at
    /// once. A request for several programs starts them in order, as at boot.
    pub(super) fn after_order(self, several: bool) -> ByOrder {
        match self {
            Self::There => ByOrder::Start,
            Self::Waits { comes: true, .. } if several => ByOrder::Wait,
            Self::Waits { missing, .. } => ByOrder::Overrule(missing),
            Self::Lost(dependency) => ByOrder::Overrule(vec![dependency]),
        }
    }
}

impl Supervisor {
    /// The steps of a shutdown if all programs are running: the programs that stop together, and
    /// the longest grace period among them.
    #[must_use]
    pub fn stop_steps(&self) -> Vec<(Vec<&str>, Duration)> {
        let mut left: BTreeSet<ProcId> = self.processes.keys().copied().collect();
        let mut steps = Vec::new();
        while !left.is_empty() {
            let next = self.stops_next(&left);
            left.retain(|proc| !next.contains(proc));
            let specs = next.iter().filter_map(|proc| Some(&self.processes.get(proc)?.spec));
            let longest = specs.clone().map(|spec| spec.stopwaitsecs).max().unwrap_or_default();
            steps.push((specs.map(|spec| spec.name.as_str()).collect(), longest));
        }
        steps
    }

    /// Gives up on programs whose dependencies will never be up. Returns whether there were any.
    pub(super) fn give_up_lost(&mut self, cx: &mut Transition<'_>) -> bool {
        let mut any = false;
        for proc in self.processes.waiting().clone() {
            let Outlook::Lost(dependency) = self.outlook(proc) else { continue };
            if let Some(mut process) = self.processes.get_mut(&proc) {
                process.lost(&dependency, cx);
                self.last_outcome = process.outcome().unwrap_or(self.last_outcome);
                any = true;
            }
        }
        any
    }

    /// Starts waiting programs whose dependencies are up.
    pub(super) fn let_through(&mut self, cx: &mut Transition<'_>) {
        for proc in self.processes.waiting().clone() {
            let outlook = self.outlook(proc);
            let Some(mut process) = self.processes.get_mut(&proc) else { continue };
            match outlook {
                Outlook::There => process.no_longer_waits(cx),
                Outlook::Waits { missing, .. } => process.waits_on(missing, cx),
                // [`Self::give_up_lost`] has just handled it.
                Outlook::Lost(_) => {}
            }
        }
    }

    /// Starts one program of a circle. Returns whether there was a circle. A single configuration
    /// cannot contain one, but active groups may come from several configurations.
    pub(super) fn break_circle(&mut self, cx: &mut Transition<'_>) -> bool {
        let Some(circle) = self.circle() else { return false };
        let name_of = |proc| Some(self.processes.get(proc)?.spec.name.clone());
        let names = circle.iter().chain(circle.first()).filter_map(name_of).collect();
        let first = circle.first().and_then(|first| self.processes.get_mut(first));
        if let Some(mut process) = first {
            process.leaves_circle(names, cx);
        }
        true
    }

    /// Programs that wait only for each other; each waits for the next one.
    fn circle(&self) -> Option<Vec<ProcId>> {
        let waiting = self.processes.waiting();
        if waiting.is_empty() {
            return None;
        }
        let mut seen = BTreeSet::new();
        for proc in self.in_start_order().filter(|proc| waiting.contains(proc)) {
            let (mut way, mut next) = (Vec::new(), Some(proc));
            while let Some(at) = next.filter(|at| seen.insert(*at)) {
                way.push(at);
                next = self.waits_in_turn_for(at, waiting);
            }
            if let Some(from) = way.iter().position(|at| Some(*at) == next) {
                return Some(way.split_off(from));
            }
        }
        None
    }

    /// The first dependency that `proc` waits for, if all of the missing ones wait themselves.
    fn waits_in_turn_for(&self, proc: ProcId, waiting: &BTreeSet<ProcId>) -> Option<ProcId> {
        let mut first = None;
        for dependency in self.dependencies(proc) {
            let ids = self.ids_of(&dependency.program);
            if ids.is_empty() {
                return None;
            }
            if self.standing_of(dependency) == Standing::There {
                continue;
            }
            for id in ids {
                // Of a program that is not lost, a lost process is not needed.
                let settled = |it: &Process| {
                    matches!(it.standing(dependency.until), Standing::There | Standing::Lost)
                };
                if self.processes.get(id).is_some_and(settled) {
                    continue;
                }
                first = first.or_else(|| Some(*id).filter(|id| waiting.contains(id)));
                if !waiting.contains(id) {
                    return None;
                }
            }
        }
        first
    }

    /// The state of the dependencies of `proc`.
    pub(super) fn outlook(&self, proc: ProcId) -> Outlook {
        let (mut missing, mut comes) = (Vec::new(), true);
        for dependency in self.dependencies(proc) {
            match self.standing_of(dependency) {
                Standing::There => continue,
                Standing::Coming => {}
                Standing::Resting => comes = false,
                Standing::Lost => return Outlook::Lost(dependency.clone()),
            }
            missing.push(dependency.clone());
        }
        if missing.is_empty() { Outlook::There } else { Outlook::Waits { missing, comes } }
    }

    /// The state of a program that another one depends on: the best state that enough of its
    /// processes have reached.
    fn standing_of(&self, dependency: &Dependency) -> Standing {
        let processes: Vec<&Process> = self.processes_of(&dependency.program).collect();
        // An operator may have removed its group.
        let Some(first) = processes.first() else { return Standing::Resting };
        let enough = match dependency.until {
            Until::Ready => first.spec.start.enough_of(processes.len()),
            Until::Started | Until::Completed => processes.len(),
        };
        let mut standings: Vec<_> =
            processes.iter().map(|process| process.standing(dependency.until)).collect();
        standings.sort_unstable();
        standings[enough.max(1) - 1]
    }

    /// The programs of `left` to stop next: in the last group, those that no other program depends
    /// on.
    pub(super) fn stops_next(&self, left: &BTreeSet<ProcId>) -> Vec<ProcId> {
        let needs = left.iter().flat_map(|proc| self.dependencies(*proc));
        let needed: BTreeSet<&ProcId> =
            needs.flat_map(|needed| self.ids_of(&needed.program)).collect();
        let of_group = |members: &[ProcId], free: bool| -> Vec<ProcId> {
            let members = members.iter().filter(|proc| left.contains(proc));
            members.filter(|proc| !free || !needed.contains(proc)).copied().collect()
        };
        // Added groups may depend on each other in a circle.
        [true, false]
            .into_iter()
            .flat_map(|free| self.groups.iter().rev().map(move |group| (&group.members, free)))
            .map(|(members, free)| of_group(members, free))
            .find(|members| !members.is_empty())
            .unwrap_or_default()
    }

    /// Sorts `procs` so that each comes after its dependencies and otherwise keeps its position.
    pub(super) fn dependencies_first(&self, procs: Vec<ProcId>) -> Vec<ProcId> {
        let (mut ordered, mut seen) = (Vec::new(), BTreeSet::new());
        let meant: BTreeSet<ProcId> = procs.iter().copied().collect();
        for proc in procs {
            self.put_in_order(proc, &mut seen, &mut ordered);
        }
        ordered.retain(|proc| meant.contains(proc));
        ordered
    }

    fn put_in_order(&self, proc: ProcId, seen: &mut BTreeSet<ProcId>, ordered: &mut Vec<ProcId>) {
        // An explicit stack, because a chain may be as long as the number of programs.
        let mut stack = vec![(proc, false)];
        while let Some((proc, expanded)) = stack.pop() {
            if expanded {
                ordered.push(proc);
            } else if seen.insert(proc) {
                stack.push((proc, true));
                let needs = self.dependencies(proc).iter().rev();
                let ids = needs.flat_map(|needed| self.ids_of(&needed.program).iter().rev());
                stack.extend(ids.map(|id| (*id, false)));
            }
        }
    }

    pub(super) fn dependencies(&self, proc: ProcId) -> &[Dependency] {
        self.processes.get(&proc).map_or(&[], |process| &process.spec.start.depends_on)
    }

    fn ids_of(&self, program: &str) -> &[ProcId] {
        self.by_program.get(program).map_or(&[], Vec::as_slice)
    }

    fn processes_of(&self, program: &str) -> impl Iterator<Item = &Process> {
        self.ids_of(program).iter().filter_map(|proc| self.processes.get(proc))
    }
}
