//! The shutdown: what triggers it, the order of stops, and what follows.

use std::time::Duration;

use super::{Process, Supervisor, Transition};
use crate::effect::Effect;
use crate::event::Event;
use crate::failure::Class;
use crate::hook::About;
use crate::ids::ProcId;
use crate::input::Exit;
use crate::line::{GaveUp, Line, NotPrepared};
use crate::signal::Signal;
use crate::spec::{SignalRule, WhenDone};
use crate::time::Mono;

/// Interval at which the log reports the programs that a shutdown waits for.
const WAITING_REPORT_EVERY: Duration = Duration::from_secs(3);

/// A second stop request counts only this long after the first. A signal to a whole process group,
/// or one that a platform sends twice, is therefore one request.
const SECOND_REQUEST_AFTER: Duration = Duration::from_secs(1);

/// The phase of the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has been started yet.
    Booting,
    /// Programs run according to their rules.
    Running,
    /// A shutdown is in progress; the first stop signal follows at `from`, and `end` at its end.
    /// `announced`: observers have been notified.
    Ending { end: End, from: Mono, report_at: Mono, announced: bool },
    /// All programs have exited, at `at`. The supervisor may be waiting for hooks.
    Finished { end: End, at: Mono },
    /// The final effect was emitted.
    Over,
}

/// Why the supervisor keeps running after all programs have exited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Idle {
    /// An operator removed a group, and no program has run since. Some clients update a program by
    /// stopping, removing and adding it, so the supervisor must not exit in between.
    pub(super) removed: bool,
    /// The supervisor has logged what it waits for.
    told: bool,
}

impl Phase {
    /// When the shutdown has something to do, apart from the deadlines of processes.
    pub(super) fn deadline(self) -> Option<Mono> {
        match self {
            // Until `from`, the shutdown waits for no program.
            Self::Ending { from, report_at, .. } => Some(report_at.max(from)),
            Self::Booting | Self::Running | Self::Finished { .. } | Self::Over => None,
        }
    }
}

/// The action at the end of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Exit { code: u8 },
    Restart,
    Proceed,
}

impl Supervisor {
    pub(super) fn signalled(&mut self, signal: Signal, cx: &mut Transition<'_>) {
        let ends = [Signal::TERM, Signal::INT, Signal::QUIT].contains(&signal);
        match self.signals {
            SignalRule::StopOrForward if ends => self.asked_to_stop(signal, 0, cx),
            SignalRule::StopOrForward | SignalRule::ForwardAll if !ends && self.prepares() => {
                cx.log(Line::IgnoredSignal { signal });
            }
            SignalRule::StopOrForward if is_passed_on(signal) => self.forward(signal, cx),
            SignalRule::StopOrForward => cx.log(Line::IgnoredSignal { signal }),
            // If no program can get the signal, the supervisor behaves as the program would.
            SignalRule::ForwardAll if ends && self.stands_in() => {
                let exit = Exit::Signal { signal, core_dumped: false };
                // A process that is waiting to start has not failed.
                let waits = self.processes.values().any(|process| process.waits_for().is_some());
                let code = if waits { 0 } else { exit.status() };
                self.asked_to_stop(signal, code, cx);
            }
            SignalRule::ForwardAll => {
                self.forward(signal, cx);
                if ends {
                    self.told_to_end(signal, cx);
                }
            }
            SignalRule::Supervisord if ends => self.asked_to_exit(signal, cx),
            SignalRule::Supervisord if signal == Signal::HUP => self.asked_to_restart(cx),
            SignalRule::Supervisord if signal == Signal::USR2 => {
                cx.log(Line::ReopenRequest { signal });
                cx.effects.push(Effect::ReopenLogs);
            }
            SignalRule::Supervisord => cx.log(Line::IgnoredSignal { signal }),
        }
    }

    /// Whether this stage prepares another one.
    const fn prepares(&self) -> bool {
        matches!(self.when_done, WhenDone::Proceed { .. })
    }

    /// Whether no program can get a signal.
    fn stands_in(&self) -> bool {
        self.prepares() || self.processes.values().all(|process| process.pid().is_none())
    }

    /// Handles a stop signal as supervisord does: repeated signals do not shorten grace periods.
    fn asked_to_exit(&mut self, signal: Signal, cx: &mut Transition<'_>) {
        cx.log(Line::ExitRequest { signal });
        self.end_by_order(End::Exit { code: 0 }, cx);
    }

    fn asked_to_restart(&mut self, cx: &mut Transition<'_>) {
        let ignored = matches!(self.phase, Phase::Ending { end: End::Exit { .. }, .. });
        cx.log(Line::RestartRequest { signal: Signal::HUP, ignored });
        self.end_by_order(End::Restart, cx);
    }

    fn forward(&self, signal: Signal, cx: &mut Transition<'_>) {
        // The core no longer learns about exits, so another process may have the pid by now.
        if matches!(self.phase, Phase::Finished { .. }) {
            return cx.log(Line::IgnoredSignal { signal });
        }
        let alive = |process: &&Process| process.spec.main && process.pid().is_some();
        for process in self.processes.values().filter(alive) {
            let sent = process.spec.signal_map.sent(signal);
            cx.log(Line::PassedOn { name: process.spec.name.clone(), signal, sent });
            if let Some(sent) = sent {
                process.forward(sent, cx);
            }
        }
    }

    fn asked_to_stop(&mut self, signal: Signal, code: u8, cx: &mut Transition<'_>) {
        match self.asked_at {
            None => {
                self.asked_at = Some(cx.now);
                cx.log(Line::ExitRequest { signal });
                self.end_by_order(End::Exit { code }, cx);
            }
            Some(_)
                if let Phase::Ending { from, .. } = &mut self.phase
                    && cx.now < *from =>
            {
                cx.log(Line::PrestopCut { signal });
                *from = cx.now;
            }
            Some(_) if cx.now - self.programs_asked_at() < SECOND_REQUEST_AFTER => {}
            Some(_) => {
                cx.log(Line::KillRequest { signal });
                self.abandon_hooks();
                let finished = matches!(self.phase, Phase::Finished { .. });
                if !finished {
                    self.processes.for_each(|process| process.hurry(cx));
                }
            }
        }
    }

    /// When the stop of the programs began or was requested.
    fn programs_asked_at(&self) -> Mono {
        let from = match self.phase {
            Phase::Ending { from, .. } => from,
            Phase::Booting | Phase::Running | Phase::Finished { .. } | Phase::Over => Mono::ZERO,
        };
        self.asked_at.map_or(from, |asked_at| asked_at.max(from))
    }

    /// Begins a shutdown on request. Clients may need time to notice it, so the configured delay
    /// comes first.
    pub(super) fn end_by_order(&mut self, end: End, cx: &mut Transition<'_>) {
        self.ordered_at.get_or_insert(cx.now);
        let delay = self.affordable(self.prestop_delay);
        let from = cx.now + delay;
        if !delay.is_zero() && !self.is_ending() {
            cx.log(Line::Prestop { delay });
            self.begin_prestop(from, cx);
        }
        self.end(end, from, from);
    }

    /// Begins a shutdown, unless one is in progress; an exit may still replace a restart. From
    /// `report_at` on, the log reports the programs that the shutdown waits for.
    fn end(&mut self, end: End, from: Mono, report_at: Mono) {
        match (&mut self.phase, end) {
            (phase @ (Phase::Booting | Phase::Running), end) => {
                *phase = Phase::Ending { end, from, report_at, announced: false };
            }
            (
                Phase::Ending { end: restart @ End::Restart, .. }
                | Phase::Finished { end: restart @ End::Restart, .. },
                End::Exit { .. },
            ) => *restart = end,
            (Phase::Ending { .. } | Phase::Finished { .. } | Phase::Over, _) => {}
        }
    }

    pub(super) fn report_waiting(&mut self, cx: &mut Transition<'_>) {
        let Phase::Ending { report_at, from, .. } = &mut self.phase else { return };
        if cx.now < (*report_at).max(*from) {
            return;
        }
        *report_at = cx.now + WAITING_REPORT_EVERY;
        let order = self.groups.iter().flat_map(|group| &group.members);
        let active = order.filter_map(|proc| self.processes.get(proc)).filter(|p| p.is_active());
        let names = active.map(|process| process.spec.name.clone()).collect::<Vec<_>>();
        if !names.is_empty() {
            cx.log(Line::Waiting { names });
        }
    }

    pub(super) fn end_with_the_essential(&mut self, cx: &mut Transition<'_>) {
        let over = |process: &&Process| {
            let failed = process.gave_up() || process.is_stuck();
            let ended = process.spec.main && process.outcome().is_some() && !process.is_active();
            (process.spec.essential && (failed || ended)) || process.ends_all()
        };
        let Some(over) = self.processes.affected().find(over) else { return };
        let name = over.spec.name.clone();
        if over.is_stuck() {
            let why = GaveUp::Unkillable;
            cx.log(Line::GaveUp { name, why, because: None, ends_all: true });
            Self::note_unkillable(over, cx);
        } else if !over.gave_up() && self.programs().any(Process::is_active) {
            cx.log(Line::EndsWith { name });
        }
        // The exit status of its main process does not cover processes that survived SIGKILL.
        let code = if over.is_stuck() {
            over.spec.failure.exit_code(Class::Unkillable)
        } else {
            over.outcome().unwrap_or(1)
        };
        self.end(End::Exit { code }, cx.now, cx.now + WAITING_REPORT_EVERY);
    }

    /// Exits if no program is running and none will start again. Event listeners do not prevent the
    /// exit. A program that an operator stopped or removed does, because the operator may start or
    /// add it again.
    pub(super) fn end_if_done(&mut self, cx: &mut Transition<'_>) {
        if self.programs().any(Process::is_active) {
            self.idle = Idle::default();
            return;
        }
        if self.when_done == WhenDone::Stay || self.waits_for_operator(cx) {
            return;
        }
        let end = match self.when_done {
            WhenDone::Stay => return,
            WhenDone::Exit => End::Exit { code: self.last_outcome },
            WhenDone::Proceed { .. } if self.last_outcome == 0 => End::Proceed,
            WhenDone::Proceed { .. } => {
                self.not_prepared(NotPrepared::Failed(self.last_outcome), cx);
                End::Exit { code: 1 }
            }
        };
        self.end(end, cx.now, cx.now + WAITING_REPORT_EVERY);
    }

    /// Whether the supervisor waits for an operator. Logs that once.
    fn waits_for_operator(&mut self, cx: &mut Transition<'_>) -> bool {
        let held = self.programs().filter(|process| process.is_held());
        let stopped: Vec<String> = held.map(|process| process.spec.name.clone()).collect();
        let waits = self.idle.removed || !stopped.is_empty();
        if waits && !std::mem::replace(&mut self.idle.told, true) {
            cx.log(Line::WaitsForOperator { stopped });
        }
        waits
    }

    /// Stops a preparation stage that takes too long.
    pub(super) fn give_up_if_late(&mut self, cx: &mut Transition<'_>) {
        if let WhenDone::Proceed { within } = self.when_done
            && self.phase == Phase::Running
            && self.late_at.is_some_and(|at| cx.now >= at)
        {
            self.not_prepared(NotPrepared::TooLong(within), cx);
            self.end(End::Exit { code: 1 }, cx.now, cx.now + WAITING_REPORT_EVERY);
        }
    }

    fn not_prepared(&self, why: NotPrepared, cx: &mut Transition<'_>) {
        let names = self.processes.values().map(|process| process.spec.name.clone()).collect();
        cx.log(Line::NotPrepared { names, why });
    }

    /// All processes except event listeners.
    pub(super) fn programs(&self) -> impl Iterator<Item = &Process> {
        let groups = self.groups.iter().filter(|group| group.pool.is_none());
        groups.flat_map(|group| &group.members).filter_map(|proc| self.processes.get(proc))
    }

    /// Continues a shutdown: nothing starts, and from `from` on everything stops.
    pub(super) fn proceed_to(&mut self, end: End, from: Mono, cx: &mut Transition<'_>) {
        if let Phase::Ending { announced: announced @ false, .. } = &mut self.phase {
            *announced = true;
            self.processes.affect_all();
            cx.emit(Event::SupervisorStopping);
            if self.ordered_at.is_some() {
                cx.happened.push(About::Stopping);
            }
        }
        if let End::Exit { .. } = end {
            self.begin_budget(cx.now);
        }
        self.processes
            .for_each_affected(Process::may_start_again, |process| process.cancel_start(cx));
        if cx.now >= from || self.processes.active().is_empty() {
            self.stop_next(end, cx);
        }
    }

    /// Stops groups one after the other, the last started one first, and each program before its
    /// dependencies. Programs of other groups may exit by themselves in the meantime.
    fn stop_next(&mut self, end: End, cx: &mut Transition<'_>) {
        let next = self.stops_next(self.processes.active());
        if next.is_empty() {
            self.phase = Phase::Finished { end, at: cx.now };
            return;
        }
        let drains = self.drains(&next, cx);
        cx.kill_by = self.share_of(&next, cx.now);
        let is_to_stop = |process: &Process| process.is_to_stop() && !drains;
        let concerned = |proc: &ProcId| {
            cx.kill_by.is_some() || self.processes.get(proc).is_some_and(is_to_stop)
        };
        let next = next.into_iter().filter(concerned).collect();
        for proc in self.stop_order(next) {
            if let Some(mut process) = self.processes.get_mut(&proc) {
                if !drains {
                    process.stop(cx);
                }
                process.cap_stop(cx);
            }
        }
        cx.kill_by = None;
    }

    /// Whether the next processes to stop are event listeners with waiting events.
    fn drains(&mut self, next: &[ProcId], cx: &Transition<'_>) -> bool {
        let is_running = |proc| self.processes.get(&proc).is_some_and(Process::is_running);
        let mut drains = false;
        for group in &mut self.groups {
            let Some(pool) = &mut group.pool else { continue };
            if group.members.iter().any(|proc| next.contains(proc)) {
                drains = pool.drains(cx.effects, is_running, cx.now);
            } else {
                pool.drains_no_more();
            }
        }
        drains
    }

    /// Sorts processes into stop order: the last started first, members of a group by priority.
    pub(super) fn stop_order(&self, members: Vec<ProcId>) -> Vec<ProcId> {
        let mut members = self.by_priority(members);
        members.reverse();
        members
    }

    /// Sorts processes by their own priority. It counts for requests only; at boot, the members of
    /// a group start as listed.
    pub(super) fn by_priority(&self, mut members: Vec<ProcId>) -> Vec<ProcId> {
        members.sort_by_key(|proc| self.processes.get(proc).map(|process| process.spec.priority));
        members
    }

    /// Emits the final effect. If a process survived SIGKILL, the supervisor exits instead of
    /// restarting.
    pub(super) fn finish(&mut self, end: End, cx: &mut Transition<'_>) {
        self.phase = Phase::Over;
        let stuck = self.processes.values().find(|process| process.is_stuck());
        cx.effects.push(match (stuck, end) {
            (Some(stuck), _) => {
                Effect::Exit { code: stuck.spec.failure.exit_code(Class::Unkillable) }
            }
            (None, End::Exit { code }) => Effect::Exit { code },
            (None, End::Restart) => Effect::Restart,
            (None, End::Proceed) => Effect::Proceed,
        });
    }
}

/// Whether the signal means something to a server but nothing to its supervisor.
fn is_passed_on(signal: Signal) -> bool {
    [Signal::HUP, Signal::USR1, Signal::USR2, Signal::WINCH, Signal::CONT].contains(&signal)
        || signal.is_real_time()
}
