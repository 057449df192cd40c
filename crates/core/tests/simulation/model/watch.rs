//! Checks each effect.

use supervisor_core::RECOUNT_EVERY;
use supervisor_core::files::FILES_EVERY;
use supervisor_core::ids::{Member, Pid, ProcId, RunId};
use supervisor_core::input::{Claim, TreeProcess};
use supervisor_core::report::{Cause, Next, RunReport};
use supervisor_core::signal::Signal;
use supervisor_core::spec::{RemoveLeftovers, StopTarget};
use supervisor_core::time::Mono;
use supervisor_core::{Effect, SignalTarget};

use super::drain::Drain;
use super::gate::Outlook;
use super::health::Condemned;
use super::process::{Alive, Cleanup, Intent, Phase, Proc, Stop};
use super::{End, Model};
use crate::invariants::hold;
use crate::kernel::{Entry, Kernel, last_line};

impl Model {
    pub(super) fn time_passed(&mut self, now: Mono) {
        let late = self.procs.values().filter(|proc| proc.waited_too_long(now));
        let late: Vec<ProcId> = late.map(|proc| proc.id).collect();
        let ending = self.ending.is_some();
        for id in late.into_iter().filter(|_| !ending) {
            let outcome = self.procs.get_mut(&id).map(Proc::cannot_start);
            self.note(id, outcome);
        }
        if self.late_at.is_some_and(|at| now >= at) && self.ending.is_none() {
            self.end(End::Exit(1));
        }
        for proc in self.procs.values_mut() {
            proc.drain_ticked(now);
            proc.must_count |= proc.recount_at.is_some_and(|at| now >= at);
            proc.place_ticked(now);
        }
    }

    /// Checks an effect.
    #[expect(clippy::too_many_lines, reason = "a table with an arm for each effect")]
    pub(crate) fn sees(&mut self, now: Mono, effect: &Effect, kernel: &Kernel) {
        self.notes_for_hooks(effect);
        match effect {
            Effect::Deliver { delivery, alert, dropped, .. } => {
                self.delivers(*delivery, alert, *dropped, now);
            }
            Effect::Spawn { proc, run } => self.spawns(*proc, *run, now, kernel),
            Effect::Signal { target: SignalTarget::Process(pid), signal } => {
                self.signals(*pid, false, *signal, now, kernel);
            }
            Effect::Signal { target: SignalTarget::Group(pid), signal } => {
                self.signals(*pid, true, *signal, now, kernel);
            }
            Effect::Signal { target: SignalTarget::Member(member), signal } => {
                self.signals_member(*member, *signal, now, kernel);
            }
            Effect::KillTree { proc } => self.kills_tree(*proc, now),
            Effect::Census { proc, .. } => self.counts(*proc, now),
            Effect::LookAtLoad { proc, .. } => {
                let delayed = self.stops_from.is_some_and(|from| now < from);
                let meant = self.idle.as_ref().is_some_and(|(_, looks)| looks.contains_key(proc));
                hold!(delayed && meant, AsksInTime, "the requests of {proc:?} are counted");
            }
            Effect::Check { proc, run, find_listener } => self.asks(*proc, *run, |alive, spec| {
                alive.health.check_asked(&spec.health, now, *find_listener);
            }),
            Effect::LookAtProgress { proc, run } => self.asks(*proc, *run, |alive, spec| {
                alive.health.progress_asked(&spec.health, now);
            }),
            Effect::CountTree { proc, run } => self.asks(*proc, *run, |alive, spec| {
                alive.health.tree_asked(&spec.health, now);
            }),
            Effect::MeasureMemory { proc, run } => self.asks(*proc, *run, |alive, spec| {
                alive.health.memory_asked(&spec.health, now);
            }),
            Effect::LookAtOutput { proc, run } => self.asks(*proc, *run, |alive, spec| {
                let up = alive.up_at.is_some();
                let late = alive.ready_by.is_some_and(|by| now >= by) && !up;
                alive.health.look_at_output(&spec.health, now, (up, late));
            }),
            Effect::Collect { proc, run, unhealthy } => self.asks(*proc, *run, |alive, spec| {
                let late = alive.ready_by.is_some_and(|by| now >= by) && alive.up_at.is_none();
                let up = alive.up_at.is_some();
                alive.health.condemn(&spec.health, *unhealthy, now, (up, late));
            }),
            Effect::LookAtFiles { proc, run } => self.looks_at_files(*proc, *run, now),
            Effect::Tidy { proc, run, occasion } => self.tidies(*proc, *run, *occasion, now),
            Effect::LookAtDevices { proc, run, users } => {
                self.looks_at_devices(*proc, *run, *users, now);
            }
            Effect::LookAtPort { proc, run, after, within, .. } => {
                self.looks_at_port(*proc, *run, (*after, *within), now);
            }
            Effect::Connect { proc, run } => self.connects(*proc, *run, now),
            Effect::Report(report) => self.reports(report),
            Effect::Log(line) => self.says(line, now),
            Effect::Emit(event) => self.tells(event, now, kernel),
            Effect::Notice(notice) => self.notices(notice),
            Effect::Exit { code } => self.exits(End::Exit(*code), kernel),
            Effect::Restart => self.exits(End::Restart, kernel),
            Effect::Proceed => self.exits(End::Proceed, kernel),
            Effect::Suspend { .. }
            | Effect::Resume { .. }
            | Effect::Tell { .. }
            | Effect::Print { .. }
            | Effect::Reply { .. }
            | Effect::AwaitEnd { .. }
            | Effect::AddGroup { .. }
            | Effect::ReopenLogs => {}
            Effect::UpdateGroup { group, procs } => self.sees_update(group, procs),
            Effect::RemoveProcesses { procs } => self.sees_removal(procs, now, kernel),
        }
    }

    fn asks(
        &mut self,
        proc: ProcId,
        run: RunId,
        act: impl FnOnce(&mut Alive, &supervisor_core::spec::ProcessSpec),
    ) {
        let of_run = self.procs.get_mut(&proc).filter(|proc| proc.run == run.0);
        let Some((spec, alive)) = of_run.and_then(|proc| {
            let spec = std::rc::Rc::clone(&proc.spec);
            proc.well_alive().filter(|alive| alive.health.condemned.is_none()).map(|a| (spec, a))
        }) else {
            hold!(false, AsksInTime, "{proc:?} is checked, and does not run or is condemned");
            return;
        };
        act(alive, &spec);
    }

    fn spawns(&mut self, id: ProcId, run: RunId, now: Mono, kernel: &Kernel) {
        // An update may start a process before another one begins the shutdown in the same turn.
        let changes = self.group_changes > 0 || self.rules_changed;
        let comes = changes && self.procs.get(&id).is_some_and(|p| !p.turn.ending);
        hold!(self.ending.is_none() || comes, NoStartAtTheEnd, "{id:?} is started");
        let there = self.outlook(id) == Outlook::There;
        let Some(proc) = self.procs.get_mut(&id) else {
            hold!(false, GroupsAsTold, "{id:?} is started, which is not there");
            return;
        };
        hold!(!proc.waits || there, StartsInOrder, "{id:?} does not wait for what it depends on");
        let reached = proc.targets.is_some_and(|targets| targets.reached);
        let waits = proc.spec.start.wait_for.is_some();
        hold!(!waits || reached, StartsInOrder, "{id:?} does not wait for its servers");
        (proc.waits, proc.targets) = (false, None);
        let down = matches!(proc.phase, Phase::Down { .. });
        hold!(down, OneCopy, "{id:?} is started and is {:?}", proc.phase);
        let living = kernel.living_of(id);
        let left = proc.spec.killtree && !living.is_empty();
        let main = living.iter().any(|pid| kernel.entry(*pid).is_some_and(|entry| entry.main));
        hold!(!left && !main, OneCopy, "{id:?} is started beside {living:?}");
        let awaits = matches!(proc.cleanup, Cleanup::Awaiting(_)) || proc.awaits_port();
        let awaits = awaits || proc.awaits_memory(now);
        hold!(!awaits, AwaitsPlace, "{id:?} is started, which awaits {:?}", proc.cleanup);
        let clean = !matches!(proc.cleanup, Cleanup::Tidying { .. });
        let clean = clean && !proc.clears_first();
        hold!(clean, MakesClean, "{id:?} is started before its place is clean");
        proc.note_start(now);
        let due = proc.pending.is_some_and(|pending| pending.not_before <= now);
        hold!(due, StartsOnlyWhenDue, "{id:?} is started, and {:?}", proc.pending);
        hold!(run.0 == proc.run + 1, StartsOnlyWhenDue, "{run:?} follows {}", proc.run);
        proc.run = run.0;
        proc.files_seen = None;
        proc.known.clear();
        proc.deaths.clear();
        (proc.drain, proc.kill_by) = (None, None);
        (proc.pending, proc.recount_at, proc.devices.left_at) = (None, None, None);
        proc.port_unseen = false;
        proc.phase = Phase::Asked { stop: false };
    }

    fn signals(&mut self, pid: Pid, group: bool, signal: Signal, now: Mono, kernel: &Kernel) {
        let main = kernel.entry(pid).and_then(|entry| entry.owner.filter(|_| entry.main));
        let id = self.main(pid).filter(|id| Some(*id) == main);
        let Some(id) = id else {
            hold!(false, SignalsOwnOnly, "{pid} is signalled");
            return;
        };
        let hurry = self.hurry;
        let forwarded = !group && self.procs[&id].forwards.contains(&signal);
        let kill_by = if forwarded { None } else { self.kill_by(id, now) };
        let proc = self.procs.get_mut(&id).unwrap();
        if let Some(at) = proc.forwards.iter().position(|other| *other == signal && !group) {
            proc.forwards.remove(at);
            return;
        }
        let (spec, tidied) = (std::rc::Rc::clone(&proc.spec), proc.cleanup);
        let until = proc.drain.as_ref().map(|drain| drain.until);
        let Phase::Alive(alive) = &mut proc.phase else { return };
        if let Some(stop) = &mut alive.stop {
            if signal != Signal::KILL {
                let target =
                    if group { SignalTarget::Group(pid) } else { SignalTarget::Process(pid) };
                return proc.drain_asks(&target, signal, kernel.entry(pid).unwrap(), kernel);
            }
            let due = until.is_none_or(|until| now >= until) || stop.hurried;
            hold!(due, KillsAfterPatience, "{id:?} is killed before {until:?}");
            let once = stop.killed_at.is_none();
            hold!(once, SignalsForAReason, "{id:?} is killed twice, {tidied:?}");
            let target = if group { StopTarget::Group } else { StopTarget::Main };
            hold!(target == spec.kill_target, StopsWhenAsked, "{id:?} is killed: {target:?}");
            stop.killed_at = Some(now);
            proc.drain = None;
            return;
        }
        let same = (signal, group) == (spec.stopsignal, spec.stop_target == StopTarget::Group);
        hold!(same, SignalsForAReason, "{id:?} gets {signal}, group: {group}");
        let watched = proc.turn.watched;
        let looked = |unhealthy: &Condemned| unhealthy.collected || watched && now >= unhealthy.by;
        let mut intent = Intent::Rest;
        if alive.to_stop {
            alive.to_stop = false;
            if std::mem::take(&mut alive.to_restart) {
                intent = Intent::Run;
            }
        } else if let Some(condemned) = alive.health.condemned.filter(looked) {
            intent = Intent::Fail(condemned.unhealthy);
            proc.turn.failed = true;
        } else {
            self.stopped.push(id);
        }
        // A hung process has a shorter grace period.
        let wait = match intent {
            Intent::Fail(_) => spec.stopwaitsecs.min(spec.health_stop),
            Intent::Rest | Intent::Run => spec.stopwaitsecs,
        };
        let wait = kill_by.map_or(wait, |by| wait.min(by - now));
        proc.drain = Some(Drain::new(now, wait, (signal, group)));
        alive.stop =
            Some(Stop { killed_at: None, hurried: hurry, stuck: false, fresh: true, intent });
    }

    fn signals_member(&mut self, member: Member, signal: Signal, now: Mono, kernel: &Kernel) {
        // An orphan may have counted as part of another tree before.
        let owners = self.procs.values_mut().filter(|proc| proc.known.contains(&member));
        let owner = owners.min_by_key(|proc| !proc.must_ask.contains(&member));
        let Some(proc) = owner else {
            hold!(false, SignalsOwnOnly, "{member:?} is signalled, whom no census found");
            return;
        };
        let another =
            |entry: &&Entry| entry.owner != Some(proc.id) && kernel.claim(entry) == Claim::Linked;
        let others = kernel.member(member).filter(another);
        hold!(others.is_none(), SignalsOwnOnly, "{member:?} is signalled");
        let kills = signal == Signal::KILL;
        if proc.drain.is_some() {
            let Some(entry) = kernel.member(member) else { return };
            return proc.drain_asks(&SignalTarget::Member(member), signal, entry, kernel);
        }
        match (&mut proc.cleanup, &proc.phase) {
            (Cleanup::Busy { forced, asked_at, killed_at, grace, .. }, Phase::Down { .. }) => {
                let grace = *grace;
                let cut = proc.kill_by.is_some_and(|kill_by| now >= kill_by);
                let patient = asked_at.is_some_and(|at| now >= at + grace) || cut;
                hold!(!kills || *forced || patient, KillsAfterPatience, "{member:?} is killed");
                hold!(
                    kills || !*forced,
                    KillsWhenDue,
                    "{member:?} gets the stop signal, and not SIGKILL"
                );
                let at = if kills { killed_at } else { asked_at };
                *at = at.or(Some(now));
                *forced |= kills;
            }
            (_, Phase::Alive(Alive { stop: Some(Stop { killed_at: Some(_), .. }), .. })) => {
                hold!(kills, SignalsForAReason, "{member:?} gets {signal}");
            }
            // The process was forked too late to get the earlier SIGKILL.
            (Cleanup::Stuck { .. }, Phase::Down { .. }) if kills => {}
            _ => hold!(false, SignalsForAReason, "{member:?} gets {signal}"),
        }
    }

    /// Whether no other program can have started an orphan that still exists.
    pub(super) fn takes_orphans(&self, id: ProcId) -> bool {
        !self.spared && self.procs.values().all(|proc| proc.id == id || proc.starts_no_orphans())
    }

    fn counts(&mut self, id: ProcId, now: Mono) {
        let ticked = self.ticked;
        self.with(id, |proc| {
            let asked_for = std::mem::take(&mut proc.must_count);
            proc.recount_at = None;
            proc.counted(ticked, asked_for, now);
        });
    }
}

impl Proc {
    fn starts_no_orphans(&self) -> bool {
        let down = matches!(self.phase, Phase::Down { .. } | Phase::Asked { .. });
        let swept = matches!(self.cleanup, Cleanup::Draining | Cleanup::Busy { .. });
        self.run == 0 || self.spec.killtree && down && !swept
    }

    /// The processes of a census that count as its own.
    pub(super) fn own_of(
        &mut self,
        members: &[TreeProcess],
        takes_orphans: bool,
    ) -> Vec<TreeProcess> {
        let is_taken = |one: &&TreeProcess| {
            one.claim == Claim::Orphan && (takes_orphans || self.taken.contains(&one.member))
        };
        self.taken = members.iter().filter(is_taken).map(|one| one.member).collect();
        let own =
            |one: &&TreeProcess| one.claim == Claim::Linked || self.taken.contains(&one.member);
        members.iter().filter(own).copied().collect()
    }

    fn counted(&mut self, ticked: bool, asked_for: bool, now: Mono) {
        match (&self.phase, &mut self.cleanup) {
            (Phase::Down { .. }, Cleanup::Busy { counting, .. }) => *counting = true,
            (Phase::Down { .. }, Cleanup::Stuck { recount_at }) if ticked && now >= *recount_at => {
                *recount_at = now + RECOUNT_EVERY;
            }
            (Phase::Down { .. }, Cleanup::Stuck { .. }) if asked_for => {}
            // A stuck process has exited, or a request asks for another census.
            (Phase::Down { .. }, cleanup @ Cleanup::Stuck { .. }) => {
                *cleanup = Cleanup::forced(true)
            }
            _ => {}
        }
    }
}

impl Model {
    fn kills_tree(&mut self, id: ProcId, now: Mono) {
        let Some(proc) = self.procs.get(&id) else { return };
        let killed = |stop: &Stop| stop.killed_at.is_some();
        let main = proc.alive().and_then(|alive| alive.stop).is_some_and(|stop| killed(&stop));
        let patient = match proc.cleanup {
            Cleanup::Busy { forced, asked_at, grace, .. } => {
                let cut = proc.kill_by.is_some_and(|kill_by| now >= kill_by);
                forced || cut || asked_at.is_some_and(|at| now >= at + grace)
            }
            Cleanup::Draining
            | Cleanup::Clear
            | Cleanup::Stuck { .. }
            | Cleanup::Tidying { .. }
            | Cleanup::Awaiting(_) => false,
        };
        hold!(main || patient, KillsAfterPatience, "the tree of {id:?} is killed");
        hold!(proc.spec.killtree, SignalsForAReason, "the tree of {id:?} is its own business");
    }

    fn looks_at_files(&mut self, id: ProcId, run: RunId, now: Mono) {
        self.with(id, |proc| {
            let wanted = proc.removes() != RemoveLeftovers::No && proc.run == run.0;
            hold!(wanted, LooksAtFiles, "{id:?}, {run:?}: {:?}", proc.phase);
            let recent = proc.files_seen.is_some_and(|at| now < at + FILES_EVERY);
            hold!(!recent, LooksAtFiles, "{id:?} was looked at {:?}", proc.files_seen);
            proc.files_seen = Some(now);
        });
    }

    fn reports(&mut self, report: &RunReport) {
        let id = report.process.proc;
        self.with(id, |proc| {
            let Some(mut expected) = proc.report.take() else {
                hold!(false, ReportsOnce, "{id:?} is reported: {report:?}");
                return;
            };
            if report.cause == Cause::Unkillable && proc.cleanup != Cleanup::Clear {
                (expected.class, expected.next) = (report.cause.class(), Next::GiveUp);
            }
            proc.learn_wait(&mut expected, report.next);
            let told = (report.run, report.cause.class(), report.exit, report.next, report.uptime);
            let run = RunId(expected.run);
            let truth = (run, expected.class, expected.exit, expected.next, expected.uptime);
            hold!(told == truth, ReportsTheTruth, "{told:?} and not {truth:?}");
            let line = expected.pid.map(last_line);
            let told = (report.pid, report.last_line.clone());
            let truth = (expected.pid, line);
            hold!(told == truth, ReportsTheTruth, "{told:?} and not {truth:?}");
            let told = report.forerunner.as_ref().map(|forerunner| forerunner.death.pid);
            let truth = expected.forerunner;
            hold!(told == truth, ReportsTheTruth, "the end of {told:?} came before, not {truth:?}");
        });
    }
}
