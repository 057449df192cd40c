//! All processes together: what reaches whom, in which order they start and
//! stop, and when it is over.

use std::time::Duration;

use crate::effect::Effect;
use crate::ids::{Pid, ProcId};
use crate::input::{Exit, Input};
use crate::line::{GaveUp, Line};
use crate::process::{Process, Turn};
use crate::signal::Signal;
use crate::spec::{SignalRule, Spec, WhenDone};
use crate::time::Mono;

/// How often it is said who is being waited for while everything stops.
const WAITING_REPORT_EVERY: Duration = Duration::from_secs(3);

/// A second request to stop counts only this long after the first, so that a
/// signal sent to a whole process group or twice by a nervous platform is one.
const SECOND_REQUEST_AFTER: Duration = Duration::from_secs(1);

/// The decisions of one supervisor. See the [crate documentation](crate) for the contract.
#[derive(Clone, Debug)]
pub struct Supervisor {
    /// In start order. A [`ProcId`] is a position in this list.
    processes: Vec<Process>,
    /// Positions of each group's processes; groups in start order.
    groups: Vec<Vec<ProcId>>,
    signals: SignalRule,
    when_done: WhenDone,
    mood: Mood,
    /// When the supervisor was first asked to stop.
    asked_at: Option<Mono>,
    /// The status that speaks for the process that ended last.
    last_outcome: u8,
}

/// What the supervisor as a whole is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// Nothing has been started yet.
    Booting,
    /// Processes are kept as their rules say.
    Running,
    /// Everything is being stopped; then comes `end`.
    Ending { end: End, report_at: Mono },
    /// The end was ordered.
    Over,
}

/// What follows once everything has been stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Exit { code: u8 },
    Restart,
}

impl Supervisor {
    /// A supervisor that has not been told to boot.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        let mut processes = Vec::new();
        let mut groups = Vec::new();
        for group in spec.groups {
            let first = processes.len();
            for process in group.processes {
                processes.push(Process::new(ProcId(processes.len()), process));
            }
            groups.push((first..processes.len()).map(ProcId).collect());
        }
        Self {
            processes,
            groups,
            signals: spec.signals,
            when_done: spec.when_done,
            mood: Mood::Booting,
            asked_at: None,
            last_outcome: 0,
        }
    }

    /// Takes one input at the time `now` and returns what is to be done about it.
    #[must_use = "effects must be carried out, in order"]
    pub fn handle(&mut self, now: Mono, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.mood == Mood::Over {
            return effects;
        }
        let turn = &mut Turn { now, effects: &mut effects };
        match input {
            Input::Boot => self.boot(turn),
            Input::Tick => self.tick(turn),
            Input::Spawned { proc, run, pid } => {
                self.with(proc, turn, |process, turn| process.spawned(run, pid, turn));
            }
            Input::SpawnFailed { proc, run, error } => {
                self.with(proc, turn, |process, turn| process.spawn_failed(run, error, turn));
            }
            Input::Reaped { pid, exit } => self.reaped(pid, exit, turn),
            Input::Census { proc, run, members } => {
                self.with(proc, turn, |process, turn| process.counted(run, members, turn));
            }
            Input::Signalled(signal) => self.signalled(signal, turn),
        }
        self.settle(turn);
        self.report_waiting(turn);
        effects
    }

    /// When [`Input::Tick`] is due, if nothing else happens before. What is due is
    /// served by a tick, or by a few where one leads to the next (a stop that waits for
    /// nothing): a caller that obeys cannot spin.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        let report = match self.mood {
            Mood::Ending { report_at, .. } => Some(report_at),
            Mood::Booting | Mood::Running => None,
            Mood::Over => return None,
        };
        self.processes.iter().filter_map(Process::deadline).chain(report).min()
    }

    /// The process whose main process has this pid at present.
    #[must_use]
    pub fn main_process(&self, pid: Pid) -> Option<ProcId> {
        self.processes.iter().position(|process| process.pid() == Some(pid)).map(ProcId)
    }

    fn boot(&mut self, turn: &mut Turn<'_>) {
        if self.mood != Mood::Booting {
            return;
        }
        self.mood = Mood::Running;
        for process in self.processes.iter_mut().filter(|process| process.spec.autostart) {
            process.start(turn);
        }
        if self.when_done == WhenDone::Exit && !self.processes.iter().any(Process::is_active) {
            turn.log(Line::NothingToRun);
        }
    }

    fn tick(&mut self, turn: &mut Turn<'_>) {
        for process in &mut self.processes {
            process.tick(turn);
        }
    }

    /// Hands an input to the process it is for.
    fn with(
        &mut self,
        proc: ProcId,
        turn: &mut Turn<'_>,
        act: impl FnOnce(&mut Process, &mut Turn<'_>),
    ) {
        let Some(process) = self.processes.get_mut(proc.0) else {
            return turn.log(Line::Bug { what: format!("there is no process {}", proc.0) });
        };
        let before = process.outcome();
        act(process, turn);
        if let (None, Some(outcome)) = (before, process.outcome()) {
            self.last_outcome = outcome;
        }
    }

    fn reaped(&mut self, pid: Pid, exit: Exit, turn: &mut Turn<'_>) {
        if let Some(proc) = self.main_process(pid) {
            return self.with(proc, turn, |process, turn| process.reaped(exit, turn));
        }
        match self.processes.iter_mut().find(|process| process.left_behind(pid)) {
            Some(process) => process.leftover_reaped(pid, turn),
            None => turn.log(Line::ReapedUnknown { pid, exit }),
        }
    }

    fn signalled(&mut self, signal: Signal, turn: &mut Turn<'_>) {
        let ends = [Signal::TERM, Signal::INT, Signal::QUIT].contains(&signal);
        match self.signals {
            SignalRule::StopOrForward if ends => self.asked_to_stop(signal, 0, turn),
            SignalRule::StopOrForward if is_passed_on(signal) => self.forward(signal, turn),
            SignalRule::StopOrForward => turn.log(Line::IgnoredSignal { signal }),
            // With nobody to pass it on to, the supervisor stands in for the program.
            SignalRule::ForwardAll if ends && self.processes.iter().all(|p| p.pid().is_none()) => {
                let exit = Exit::Signal { signal, core_dumped: false };
                self.asked_to_stop(signal, exit.status(), turn);
            }
            SignalRule::ForwardAll => self.forward(signal, turn),
            SignalRule::Supervisord if ends => self.asked_to_exit(signal, turn),
            SignalRule::Supervisord if signal == Signal::HUP => self.asked_to_restart(turn),
            SignalRule::Supervisord if signal == Signal::USR2 => {
                turn.log(Line::ReopenRequest { signal });
                turn.effects.push(Effect::ReopenLogs);
            }
            SignalRule::Supervisord => turn.log(Line::IgnoredSignal { signal }),
        }
    }

    /// As in supervisord, however often it is asked: patience does not end.
    fn asked_to_exit(&mut self, signal: Signal, turn: &mut Turn<'_>) {
        turn.log(Line::ExitRequest { signal });
        self.end(End::Exit { code: 0 }, turn.now);
    }

    fn asked_to_restart(&mut self, turn: &mut Turn<'_>) {
        let ignored = matches!(self.mood, Mood::Ending { end: End::Exit { .. }, .. });
        turn.log(Line::RestartRequest { signal: Signal::HUP, ignored });
        self.end(End::Restart, turn.now);
    }

    fn forward(&self, signal: Signal, turn: &mut Turn<'_>) {
        for process in &self.processes {
            process.forward(signal, turn);
        }
    }

    fn asked_to_stop(&mut self, signal: Signal, code: u8, turn: &mut Turn<'_>) {
        match self.asked_at {
            None => {
                self.asked_at = Some(turn.now);
                turn.log(Line::ExitRequest { signal });
                self.end(End::Exit { code }, turn.now);
            }
            Some(asked_at) if turn.now - asked_at >= SECOND_REQUEST_AFTER => {
                turn.log(Line::KillRequest { signal });
                for process in &mut self.processes {
                    process.hurry(turn);
                }
            }
            Some(_) => {}
        }
    }

    /// Begins to stop everything, unless that has begun already; an exit may still take
    /// the place of a restart. From `report_at` on it is said who is waited for.
    fn end(&mut self, end: End, report_at: Mono) {
        match (&mut self.mood, end) {
            (mood @ (Mood::Booting | Mood::Running), end) => {
                *mood = Mood::Ending { end, report_at };
            }
            (Mood::Ending { end: restart @ End::Restart, .. }, End::Exit { .. }) => *restart = end,
            (Mood::Ending { .. } | Mood::Over, _) => {}
        }
    }

    fn report_waiting(&mut self, turn: &mut Turn<'_>) {
        let Mood::Ending { report_at, .. } = &mut self.mood else { return };
        if turn.now < *report_at {
            return;
        }
        *report_at = turn.now + WAITING_REPORT_EVERY;
        let active = self.processes.iter().filter(|process| process.is_active());
        let names = active.map(|process| process.spec.name.clone()).collect::<Vec<_>>();
        if !names.is_empty() {
            turn.log(Line::Waiting { names });
        }
    }

    /// Does what follows from the states as they are.
    fn settle(&mut self, turn: &mut Turn<'_>) {
        if self.mood == Mood::Running {
            self.give_up_if_essential_failed(turn);
        }
        match self.mood {
            Mood::Booting | Mood::Over => {}
            Mood::Running => {
                for process in &mut self.processes {
                    process.start_if_due(turn);
                }
                self.exit_if_done(turn);
            }
            Mood::Ending { end, .. } => self.stop_next_group(end, turn),
        }
    }

    fn give_up_if_essential_failed(&mut self, turn: &mut Turn<'_>) {
        let mut essential = self.processes.iter().filter(|process| process.spec.essential);
        let Some(failed) = essential.find(|process| process.gave_up() || process.is_stuck()) else {
            return;
        };
        if failed.is_stuck() {
            turn.log(Line::GaveUp { name: failed.spec.name.clone(), why: GaveUp::Unkillable });
        }
        let code = failed.outcome().unwrap_or(1);
        self.end(End::Exit { code }, turn.now + WAITING_REPORT_EVERY);
    }

    fn exit_if_done(&mut self, turn: &mut Turn<'_>) {
        match self.when_done {
            WhenDone::Stay => {}
            WhenDone::Exit if self.processes.iter().any(Process::is_active) => {}
            WhenDone::Exit => self.finish(End::Exit { code: self.last_outcome }, turn),
        }
    }

    /// Groups stop one after another, the last started first. Those whose turn has
    /// not come may end by themselves, but nothing starts any more.
    fn stop_next_group(&mut self, end: End, turn: &mut Turn<'_>) {
        for process in &mut self.processes {
            process.cancel_start(turn);
        }
        let active = |id: &ProcId| self.processes[id.0].is_active();
        let Some(group) = self.groups.iter().rposition(|group| group.iter().any(active)) else {
            return self.finish(end, turn);
        };
        let mut members = self.groups[group].clone();
        members.sort_by_key(|id| self.processes[id.0].spec.priority);
        members.reverse();
        for id in members {
            self.processes[id.0].stop(turn);
        }
    }

    /// With something that survived SIGKILL there is no new beginning.
    fn finish(&mut self, end: End, turn: &mut Turn<'_>) {
        self.mood = Mood::Over;
        turn.effects.push(match end {
            _ if self.processes.iter().any(Process::is_stuck) => Effect::Exit { code: 1 },
            End::Exit { code } => Effect::Exit { code },
            End::Restart => Effect::Restart,
        });
    }
}

/// Signals that mean something to a server and nothing to its supervisor.
fn is_passed_on(signal: Signal) -> bool {
    [Signal::HUP, Signal::USR1, Signal::USR2, Signal::WINCH, Signal::CONT].contains(&signal)
        || signal.is_real_time()
}
