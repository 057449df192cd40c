//! Checks log lines, events and notices.

use supervisor_core::event::Event;
use supervisor_core::failure::Class;
use supervisor_core::health::Unhealthy;
use supervisor_core::ids::ProcId;
use supervisor_core::input::Claim;
use supervisor_core::line::{GaveUp, Line};
use supervisor_core::spec::health::Ready;
use supervisor_core::time::Mono;
use supervisor_core::{Effect, Notice, StateName};
use supervisor_core::{RECOUNT_EVERY, UNKILLABLE_AFTER};

use super::process::{Alive, Cleanup, Phase, Proc, Why};
use super::{End, Model};
use crate::invariants::hold;
use crate::kernel::Kernel;

impl Model {
    pub(super) fn says(&mut self, line: &Line, now: Mono) {
        match line {
            Line::GaveUp { name, why: GaveUp::Hopeless, .. } => {
                let mut named = self.procs.values().filter(|proc| proc.spec.name == *name);
                let rightly = named.any(|proc| proc.turn.lost);
                hold!(rightly, RetriesWhatMayWork, "{name} is given up: its devices are there");
            }
            Line::GaveUp { name, why: GaveUp::Repeated, .. } => {
                let mut named = self.procs.values().filter(|proc| proc.spec.name == *name);
                let rightly = named.any(|proc| proc.turn.repeated);
                hold!(rightly, RetriesWhatMayWork, "{name} is given up: a restart may help");
            }
            Line::Bug { what } => hold!(false, NoBug, "{what}"),
            Line::Unhealthy { name, unhealthy: Unhealthy::Blocked(_), .. } => {
                let mut procs = self.procs.values().filter(|proc| proc.spec.name == *name);
                let borne = procs.any(|proc| proc.alive().is_some_and(|alive| alive.health.borne));
                hold!(borne, UnhealthyForACause, "{name} is reported as blocked");
            }
            Line::RollingStep { name, number, of } => self.rolls(name, (*number, *of), now),
            Line::MemoryHigh { name, .. } | Line::MemoryUnseen { name } => {
                let mut procs = self.procs.values_mut().filter(|proc| proc.spec.name == *name);
                let alive = procs.find_map(Proc::alive_mut);
                let news = alive.is_some_and(|alive| std::mem::take(&mut alive.health.memory_news));
                hold!(news, UnhealthyForACause, "{name} is reported to use much memory");
            }
            Line::Unhealthy { name, observe: true, .. } => self.finds(name, true, now),
            Line::Recovered { name } => self.finds(name, false, now),
            Line::CheckedWrongly { name, .. } => {
                let mut procs = self.procs.values_mut();
                let alive = procs.find(|proc| proc.spec.name == *name).and_then(Proc::alive_mut);
                let wrong = alive.filter(|alive| alive.health.is_asked_wrongly());
                let by = wrong.and_then(|alive| alive.ready_by.take());
                let due = by.is_some_and(|by| now >= by);
                hold!(due, UnhealthyForACause, "the check of {name} is reported as wrong");
            }
            Line::Unkillable { name, pids, .. } => {
                let hurried = self.is_hurried();
                let mut procs = self.procs.values_mut();
                let Some(proc) = procs.find(|proc| proc.spec.name == *name) else {
                    return;
                };
                let at = match (&mut proc.phase, &mut proc.cleanup) {
                    (Phase::Alive(Alive { stop: Some(stop), .. }), _) => {
                        stop.stuck = true;
                        stop.killed_at
                    }
                    (Phase::Down { .. }, cleanup @ Cleanup::Busy { .. }) => {
                        let Cleanup::Busy { killed_at, .. } = *cleanup else { return };
                        *cleanup = Cleanup::Stuck { recount_at: now + RECOUNT_EVERY };
                        killed_at
                    }
                    (Phase::Down { .. } | Phase::Asked { .. } | Phase::Alive(_), _) => None,
                };
                // A budget shortens the time until a process counts as unkillable.
                let long = at.is_some_and(|at| now >= at + UNKILLABLE_AFTER) || hurried;
                hold!(long, KillsAfterPatience, "{pids:?} of {name} are called unkillable");
            }
            _ => {}
        }
    }

    /// Checks a line about a program that is only observed: it became unhealthy or healthy.
    fn finds(&mut self, name: &str, unhealthy: bool, now: Mono) {
        let mut procs = self.procs.values_mut();
        let Some(proc) = procs.find(|proc| proc.spec.name == name) else { return };
        let spec = std::rc::Rc::clone(&proc.spec);
        let Some(alive) = proc.alive_mut() else { return };
        let truth = alive.is_unhealthy(&spec.health, now);
        let health = &mut alive.health;
        let new = health.told != unhealthy || (unhealthy && health.told_block);
        let borne = !unhealthy && health.borne;
        hold!(
            truth == unhealthy && new && !borne,
            UnhealthyForACause,
            "{name} is reported as unhealthy: {unhealthy}"
        );
        (health.told, health.told_block) = (unhealthy, false);
    }

    pub(super) fn tells(&mut self, event: &Event, now: Mono, kernel: &Kernel) {
        let Event::State { process, from, to } = event else { return };
        let (id, to) = (process.proc, to.state_name());
        let ticked = self.ticked;
        let ending = self.ending.is_some();
        let Some(proc) = self.procs.get_mut(&id) else {
            hold!(false, GroupsAsTold, "{id:?} is reported and does not exist");
            return;
        };
        hold!(
            *from == proc.told && is_legal(*from, to),
            LegalTransitions,
            "{id:?} goes from {from:?}, reported {:?}, to {to:?}",
            proc.told
        );
        if to == StateName::Running {
            may_be_up(proc, ticked, now, kernel);
        }
        let cause = cause(proc, (*from, to), ending);
        self.diagram.took(*from, cause, to);
        proc.told = to;
    }

    pub(super) fn notices(&mut self, notice: &Notice) {
        let Notice::Health { process, condition } = notice else { return };
        let id = process.proc;
        let alive = self.procs.get_mut(&id).filter(|proc| proc.alive().is_some());
        hold!(alive.is_some(), HealthAsTold, "{id:?} does not run: {condition:?}");
        let told = Some((condition.ready, condition.health.name()));
        let known = alive.map(|proc| std::mem::replace(&mut proc.noticed, told));
        hold!(known != Some(told), HealthAsTold, "{id:?} is unchanged: {condition:?}");
    }

    pub(super) fn exits(&mut self, end: End, kernel: &Kernel) {
        let code_of = |proc: &Proc| proc.spec.failure.exit_code(Class::Unkillable);
        let of_stuck = self.procs.values().find(|proc| proc.is_stuck()).map(code_of);
        let stuck = of_stuck.is_some();
        // If a program's tree is not stopped, orphans may always belong to it.
        let spares = |proc: &Proc| proc.run > 0 && !proc.spec.killtree;
        let spared = stuck || self.spared || self.procs.values().any(spares);
        let mut left = kernel.living();
        left.retain(|pid| {
            let Some(entry) = kernel.entry(*pid) else { return false };
            let Some(owner) = entry.owner else { return false };
            if kernel.claim(entry) == Claim::Orphan {
                return !spared;
            }
            self.procs.get(&owner).is_some_and(|proc| {
                proc.spec.killtree && !proc.is_stuck() || proc.alive().is_some() && !proc.is_stuck()
            })
        });
        hold!(left.is_empty(), EndsChildless, "{left:?} are left");
        self.settle(true);
        let expected = of_stuck.map(End::Exit).or(self.ending);
        hold!(Some(end) == expected, ExitCode, "{end:?} and not {expected:?}");
        self.over = true;
    }

    /// Checks the events that are independent of pools.
    pub(super) fn check_reported(&self, effects: &[Effect]) {
        let count = |which: fn(&Event) -> bool| {
            let emitted = effects.iter().filter_map(|effect| match effect {
                Effect::Emit(event) => Some(event),
                _ => None,
            });
            emitted.filter(|event| which(event)).count()
        };
        let remote = count(|event| matches!(event, Event::Remote { .. }));
        hold!(remote == self.remote_events, LegalTransitions, "{remote} events from outside");
        let groups =
            count(|event| matches!(event, Event::GroupAdded { .. } | Event::GroupRemoved { .. }));
        hold!(
            groups == self.group_changes,
            GroupsAsTold,
            "{groups} changes of groups are reported"
        );
        let gone = effects.iter().filter_map(|effect| match effect {
            Effect::RemoveProcesses { procs } => Some(procs.clone()),
            _ => None,
        });
        let gone: Vec<ProcId> = gone.flatten().collect();
        hold!(gone == self.removed, GroupsAsTold, "{gone:?} go, and not {:?}", self.removed);
    }
}

/// Checks that the process may be RUNNING.
fn may_be_up(proc: &mut Proc, ticked: bool, now: Mono, kernel: &Kernel) {
    let id = proc.id;
    match &proc.phase {
        Phase::Alive(alive) => {
            let by_time = proc.spec.health.ready == Ready::Startsecs;
            let long = by_time && now >= alive.since + proc.spec.startsecs;
            hold!(long || alive.ready, UpWhenReady, "{id:?} was started at {}", alive.since);
            let dead = kernel.entry(alive.pid).is_none_or(|entry| entry.dead.is_some());
            hold!(!(ticked && dead), DeadAreNotUp, "{id:?} is dead");
            proc.up(now);
        }
        Phase::Down { .. } => hold!(proc.turn.had_been_up, DeadAreNotUp, "{id:?} has ended"),
        Phase::Asked { .. } => hold!(false, UpWhenReady, "{id:?} was not even started"),
    }
}

const fn is_legal(from: StateName, to: StateName) -> bool {
    use StateName as L;
    matches!(
        (from, to),
        (L::Stopped | L::Exited | L::Backoff | L::Fatal, L::Starting)
            | (L::Starting, L::Running | L::Backoff | L::Stopping | L::Stopped)
            | (L::Running, L::Exited | L::Stopping)
            | (L::Exited, L::Backoff)
            | (L::Backoff, L::Fatal | L::Stopped)
            | (L::Stopping, L::Stopped | L::Backoff | L::Exited | L::Fatal)
            | (L::Fatal, L::Stopped)
            | (L::Stopped, L::Fatal)
    )
}

/// The cause of a state change, for the diagram.
fn cause(proc: &Proc, change: (StateName, StateName), ending: bool) -> &'static str {
    use StateName as L;
    let gave_up = matches!(proc.phase, Phase::Down { why: Why::GaveUp(_), .. });
    match change {
        (_, L::Starting) => proc.pending.map_or("?", |pending| pending.cause),
        (L::Starting, L::Running) if proc.spec.health.ready == Ready::Startsecs => {
            "startsecs are over"
        }
        (L::Starting, L::Running) => "it is ready",
        (L::Starting, L::Stopped) => "its start failed, and a stop was requested",
        (L::Starting, L::Backoff) => "its start failed, or it exited too early",
        (_, L::Stopping) => match proc.alive() {
            Some(alive) if alive.to_stop => "stop",
            Some(alive) if alive.health.condemned.is_some() => "it is unhealthy",
            Some(_) | None => "shutdown",
        },
        (L::Running, L::Exited) => "it exited",
        (L::Stopped, L::Fatal) => "its dependency or server is not available",
        (L::Exited, L::Backoff) if proc.turn.not_begun => {
            "its dependency or server is not available"
        }
        (L::Exited, L::Backoff) => "its exit counts as a failure",
        (L::Backoff, L::Fatal) if gave_up || !ending => "the supervisor gives up on it",
        (L::Backoff, L::Fatal) => "shutdown",
        (L::Backoff, L::Stopped) => "stop",
        (L::Stopping, L::Stopped) => "it exited",
        (L::Stopping, L::Backoff | L::Exited | L::Fatal) => "it exited after it was unhealthy",
        (L::Fatal, L::Stopped) => "start, which must wait",
        _ => "?",
    }
}
