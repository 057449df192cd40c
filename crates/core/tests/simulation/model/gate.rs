//! The conditions that delay a start: other programs, and servers elsewhere.

use std::time::Duration;

use supervisor_core::ids::{ProcId, RunId};
use supervisor_core::spec::start::Until;
use supervisor_core::time::Mono;
use supervisor_core::{CONNECT_LIMIT, Readiness, StateName, Supervisor};

use super::Model;
use super::process::{Alive, Cleanup, Intent, Phase, Proc, Why};
use crate::invariants::hold;

/// Time between two attempts to reach servers, and the maximum delay of an answer.
const SECOND: Duration = Duration::from_secs(1);

/// A wait for servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets {
    /// The deadline of the wait.
    pub(crate) by: Mono,
    /// An attempt is in progress; its deadline.
    asked: Option<Mono>,
    /// When the next attempt starts.
    next: Mono,
    pub(crate) reached: bool,
}

/// The state of a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    There,
    Coming,
    Resting,
    Lost,
}

/// The state of all dependencies of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    There,
    /// `comes`: all missing dependencies will be up.
    Waits {
        comes: bool,
    },
    Lost,
}

impl Targets {
    /// When the wait has something to do.
    pub(crate) fn due(&self) -> Mono {
        self.asked.unwrap_or(self.next).min(self.by)
    }
}

impl Model {
    pub(crate) fn outlook(&self, id: ProcId) -> Outlook {
        let Some(proc) = self.procs.get(&id) else { return Outlook::There };
        let mut outlook = Outlook::There;
        for dependency in &proc.spec.start.depends_on {
            let meant = || self.procs.values().filter(|p| p.spec.program == dependency.program);
            let standings: Vec<_> = meant().map(|p| standing(p, dependency.until)).collect();
            let number = |which: Standing| standings.iter().filter(|s| **s == which).count();
            let needs = meant().next().and_then(|p| p.spec.start.ready_processes);
            let needs = needs.filter(|_| dependency.until == Until::Ready).unwrap_or(u32::MAX);
            let needs = standings.len().min(needs as usize);
            let (there, coming) = (number(Standing::There), number(Standing::Coming));
            if needs + number(Standing::Lost) > standings.len() {
                return Outlook::Lost;
            }
            let comes = !standings.is_empty() && there + coming >= needs;
            if standings.is_empty() || there < needs {
                let before = outlook != Outlook::Waits { comes: false };
                outlook = Outlook::Waits { comes: comes && before };
            }
        }
        outlook
    }

    /// The readiness of everything is that of each program that counts.
    pub(super) fn check_readiness(&self, core: &Supervisor) {
        let all = || self.procs.values().filter(|proc| !proc.listens);
        let essential = all().any(|proc| proc.spec.essential);
        let counted =
            || all().filter(|p| if essential { p.spec.essential } else { p.spec.autostart });
        let is_ready = |proc: &Proc| {
            proc.alive().is_some_and(Alive::is_ready)
                || standing(proc, Until::Completed) == Standing::There
        };
        let enough = |of: &Proc| {
            let set = || counted().filter(|proc| proc.spec.program == of.spec.program);
            let needs = of.spec.start.ready_processes.map_or(usize::MAX, |needs| needs as usize);
            set().filter(|proc| is_ready(proc)).count() >= needs.min(set().count())
        };
        let ready = self.ending.is_none() && counted().count() > 0 && counted().all(enough);
        let readiness = core.readiness();
        hold!(ready == (readiness == Readiness::Ready), ReadyAsAWhole, "{readiness}");
    }

    /// Gives up on programs whose dependencies will never be up, and on programs that depend on
    /// them.
    pub(super) fn give_up_the_lost(&mut self) {
        loop {
            if self.ending.is_some() || !self.booted || self.ends_now() {
                return;
            }
            let mut any = false;
            let ids: Vec<ProcId> = self.procs.keys().copied().collect();
            for id in ids {
                if self.procs[&id].waits_for_others() && self.outlook(id) == Outlook::Lost {
                    any = true;
                    let outcome = self.procs.get_mut(&id).map(Proc::cannot_start);
                    self.note(id, outcome);
                }
            }
            if !any {
                return;
            }
            self.settle_failures();
        }
    }

    /// Whether the exit of a program stops everything.
    fn ends_now(&self) -> bool {
        let tidies =
            |proc: &Proc| proc.spec.killtree && proc.is_tidied_for_start() && proc.turn.came_down;
        self.procs.values().any(|proc| proc.ends_with_it().is_some() && !tidies(proc))
    }

    /// Sorts processes so that each comes after its dependencies.
    pub(super) fn dependencies_first(&self, ids: Vec<ProcId>) -> Vec<ProcId> {
        let (mut left, mut ordered) = (ids, Vec::new());
        while !left.is_empty() {
            let needs = |id: &ProcId, other: &ProcId| {
                let needed = &self.procs[other].spec.program;
                self.reaches(*id, needed)
            };
            let free = left.iter().position(|id| !left.iter().any(|o| o != id && needs(id, o)));
            ordered.push(left.remove(free.unwrap_or(0)));
        }
        ordered
    }

    /// Whether a process depends on a program, directly or indirectly.
    fn reaches(&self, id: ProcId, program: &str) -> bool {
        self.procs[&id].spec.start.depends_on.iter().any(|needed| {
            let by_way = |p: &&Proc| p.spec.program == needed.program;
            needed.program == program
                || self.procs.values().filter(by_way).any(|p| self.reaches(p.id, program))
        })
    }

    /// Whether an active process depends on it.
    pub(super) fn is_needed(&self, id: ProcId) -> bool {
        let program = &self.procs[&id].spec.program;
        self.procs
            .values()
            .filter(|proc| proc.is_active())
            .any(|proc| proc.spec.start.depends_on.iter().any(|needed| needed.program == *program))
    }

    /// Checks an attempt to reach the servers that a start waits for.
    pub(super) fn connects(&mut self, id: ProcId, run: RunId, now: Mono) {
        let there = self.outlook(id) == Outlook::There;
        let Some(proc) = self.procs.get_mut(&id) else {
            hold!(false, GroupsAsTold, "{id:?} is to be started and does not exist");
            return;
        };
        // The shutdown may have begun earlier in this turn.
        hold!(!proc.turn.ending, NoStartAtTheEnd, "{id:?} is to be started");
        hold!(!proc.waits || there, StartsInOrder, "{id:?} does not wait for what it depends on");
        proc.waits = false;
        let down = matches!(proc.phase, Phase::Down { .. }) && proc.cleanup == Cleanup::Clear;
        let due = proc.pending.is_some_and(|pending| pending.not_before <= now);
        hold!(down && due, AsksInTime, "{id:?} is not about to start: {:?}", proc.pending);
        hold!(run.0 == proc.run + 1, AsksInTime, "{run:?} follows {}", proc.run);
        let Some(wait) = &proc.spec.start.wait_for else {
            hold!(false, AsksInTime, "{id:?} waits for no server");
            return;
        };
        let asked = Some(now + CONNECT_LIMIT + SECOND);
        match &mut proc.targets {
            Some(targets) => {
                let due = targets.asked.unwrap_or(targets.next);
                hold!(now >= due, AsksInTime, "{id:?} asks too often: {targets:?}");
                targets.asked = asked;
            }
            none @ None => {
                let by = now + wait.timeout;
                *none = Some(Targets { by, asked, next: now, reached: false });
            }
        }
    }
}

impl Proc {
    /// Whether it waits only for its dependencies.
    pub(crate) fn waits_for_others(&self) -> bool {
        let down = matches!(self.phase, Phase::Down { .. });
        // The cleanup comes first.
        let tidies = self.turn.to_tidy && self.is_tidied_for_start();
        self.waits && down && !self.is_sweeping() && !tidies
    }

    /// Whether a due start is delayed.
    pub(crate) const fn is_held_back(&self) -> bool {
        self.waits || self.targets.is_some()
    }

    /// Ends the wait if no start is due.
    pub(crate) fn forget_waits(&mut self) {
        let again = self.alive().is_some_and(|alive| {
            alive.to_restart || alive.stop.is_some_and(|stop| stop.intent == Intent::Run)
        });
        if self.pending.is_none() && !again {
            (self.waits, self.targets) = (false, None);
            self.stop_awaiting();
        }
    }

    /// Takes the result of an attempt to reach servers.
    pub(crate) fn connected(&mut self, run: RunId, reached: bool, now: Mono) {
        let next_run = self.run + 1;
        let Some(targets) = self.targets.as_mut().filter(|targets| targets.asked.is_some()) else {
            return;
        };
        if run.0 == next_run {
            targets.asked = None;
            targets.next = now + SECOND;
            targets.reached = reached;
        }
    }

    /// Adds to the time that it has waited for servers. `ends`: nothing starts again.
    pub(crate) fn count_wait(&mut self, now: Mono, ends: bool) {
        if self.targets.is_some() && !ends {
            self.waits_since.get_or_insert(now);
        } else if let Some(since) = self.waits_since.take() {
            self.waited += now - since;
        }
    }

    /// Whether the wait for servers has timed out.
    pub(crate) fn waited_too_long(&self, now: Mono) -> bool {
        self.targets.is_some_and(|targets| now >= targets.by && !targets.reached)
    }
}

fn standing(proc: &Proc, until: Until) -> Standing {
    match &proc.phase {
        Phase::Down { why: Why::GaveUp(_) | Why::Unhealthy(..), .. } if proc.pending.is_none() => {
            Standing::Lost
        }
        Phase::Down { .. } if proc.pending.is_some() => Standing::Coming,
        Phase::Down { state_name: StateName::Exited, why: Why::Ended } => match until {
            Until::Started => Standing::There,
            Until::Completed if proc.ended_as_expected() && proc.cleanup == Cleanup::Clear => {
                Standing::There
            }
            Until::Completed if proc.ended_as_expected() => Standing::Coming,
            Until::Completed | Until::Ready => Standing::Lost,
        },
        Phase::Down { .. } | Phase::Asked { stop: true } => Standing::Resting,
        Phase::Asked { stop: false } => Standing::Coming,
        Phase::Alive(alive) => match (alive.intent(), until) {
            (Some(Intent::Rest), _) => Standing::Resting,
            (None, Until::Started) if alive.up_at.is_some() || proc.turn.comes_up => {
                Standing::There
            }
            (None, Until::Ready) if alive.is_ready() || proc.turn.comes_up => Standing::There,
            (_, _) => Standing::Coming,
        },
    }
}
