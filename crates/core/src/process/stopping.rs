//! Being stopped.

use std::collections::BTreeMap;

use super::{Fatal, Kill, Live, Process, State, Then, Turn};
use crate::command::Refusal;
use crate::effect::{Effect, Target};
use crate::ids::Pid;
use crate::line::Line;
use crate::retry::Failures;
use crate::signal::Signal;
use crate::spec::StopTarget;
use crate::time::Mono;
use crate::tree::Tree;
use crate::tree::drain::{Ask, AskReason, Drain, Reach};

impl Process {
    /// Asks it to stop, and not to start again. Safe to repeat.
    pub(crate) fn stop(&mut self, turn: &mut Turn<'_>) {
        match self.state.clone() {
            State::Starting { live, .. } | State::Running { live, .. } => {
                self.ask_to_stop(live, Then::Rest, turn);
            }
            // Once it has been answered there is something to stop.
            State::Spawning { run, .. } => {
                self.enter(State::Spawning { run, then: Then::Rest }, turn);
            }
            State::Stopping { .. }
            | State::Stopped { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => self.forget_start(turn),
        }
    }

    /// What shall follow once it has stopped is `then`.
    pub(super) fn ask_to_stop(&mut self, live: Live, then: Then, turn: &mut Turn<'_>) {
        let (pid, signal, target) = (live.pid, self.spec.stopsignal, self.spec.stop_target);
        let wait = match then {
            Then::Fail(_) => self.spec.health_stop.min(self.spec.stopwaitsecs),
            Then::Run | Then::Rest => self.spec.stopwaitsecs,
        };
        let wait = match turn.kill_by.map(|by| by - turn.now) {
            Some(left) if left < wait => {
                self.history.stops.cuts += 1;
                left
            }
            Some(_) | None => wait,
        };
        let reach = if self.spec.killtree { Reach::Tree(target) } else { Reach::MainOnly };
        if self.spec.killtree {
            self.look_at_files(live.run, turn);
            // Which processes belong to it is easiest to see while it is whole.
            turn.effects.push(Effect::Census { proc: self.named.proc, run: live.run });
            turn.log(Line::StopBegins { name: self.name(), pid, target, signal, wait });
            self.stop_record = Some(StopRecord::new(turn.now));
        }
        self.tree = Tree::Draining(Box::new(Drain::of_main(turn.now, pid, signal, wait, reach)));
        self.enter(State::Stopping { live, kill: Kill::NotYet, then }, turn);
        let group = target == StopTarget::Group;
        turn.log(Line::Stopping { name: self.name(), pid, group, signal });
        turn.signal(main_target(pid, target), signal);
        self.history.stops.count(target);
    }

    /// What is stopping already comes to SIGKILL as early as one that is asked now.
    pub(crate) fn cap_stop(&mut self, turn: &Turn<'_>) {
        if let Some(kill_by) = turn.kill_by
            && self.tree.cap(turn.now, kill_by)
        {
            self.history.stops.cuts += 1;
        }
    }

    /// A signal that ends a server was passed on to it, as if nothing stood between: what it
    /// leaves behind has its time from the first of them on.
    pub(crate) fn told_to_end(&mut self, signal: Signal, turn: &Turn<'_>) {
        if let State::Starting { live, .. } | State::Running { live, .. } = self.state
            && self.spec.killtree
            && self.tree.is_clear()
        {
            let wait = self.spec.stopwaitsecs;
            let drain = Drain::of_forwarded(turn.now, live.pid, signal, wait);
            self.tree = Tree::Draining(Box::new(drain));
        }
    }

    /// Asks others of its tree than the main process.
    pub(super) fn ask_others(&mut self, asks: Vec<Ask>, turn: &mut Turn<'_>) {
        let mut lines: BTreeMap<(AskReason, Signal), Vec<Pid>> = BTreeMap::new();
        for ask in &asks {
            let pid = match ask.target {
                Target::Process(pid) | Target::Group(pid) => pid,
                Target::Member(member) => member.pid,
            };
            lines.entry((ask.reason, ask.signal)).or_default().push(pid);
        }
        let kill_in = self.tree.kill_in(turn.now);
        for ((reason, signal), pids) in lines {
            turn.log(Line::Asking { name: self.name(), pids, signal, reason, kill_in });
        }
        if let Some(record) = &mut self.stop_record {
            record.asked += asks.len();
        }
        self.history.stops.others += asks.len() as u64;
        for Ask { target, signal, .. } in asks {
            turn.signal(target, signal);
        }
    }

    /// Counts processes that had to be killed in a stop.
    pub(super) fn count_kills(&mut self, killed: usize) {
        if let Some(record) = &mut self.stop_record {
            record.killed += killed;
            self.history.stops.kills += killed as u64;
        }
    }

    /// The stop that was under way is over.
    pub(super) fn tell_stop(&mut self, turn: &mut Turn<'_>) {
        let Some(record) = self.stop_record.take() else { return };
        let StopRecord { began, main_ended, asked, killed } = record;
        let took = turn.now - began;
        self.history.stops.time += took;
        let main = main_ended.map(|at| at - began);
        turn.log(Line::StopEnds { name: self.name(), took, main, asked, killed });
    }

    /// An operator asks for a stop.
    pub(crate) fn stop_by_order(&mut self, turn: &mut Turn<'_>) -> Result<(), Refusal> {
        match &self.state {
            State::Starting { .. }
            | State::Running { .. }
            | State::Spawning { then: Then::Run | Then::Fail(_), .. }
            | State::Stopping { then: Then::Run | Then::Fail(_), .. }
            | State::Stopped { then: Then::Run | Then::Fail(_) } => self.stop(turn),
            State::Exited { exit, then: Then::Run | Then::Fail(_), .. } => {
                let (exit, then, told) = (*exit, Then::Rest, true);
                self.enter(State::Exited { exit, then, told }, turn);
            }
            State::Backoff { .. } => {
                turn.log(Line::StopInBackoff { name: self.name() });
                self.failures = Failures::default();
                self.history.stopped = Some(turn.wall);
                self.enter(State::Stopped { then: Then::Rest }, turn);
            }
            State::Spawning { then: Then::Rest, .. }
            | State::Stopping { then: Then::Rest, .. }
            | State::Stopped { then: Then::Rest }
            | State::Exited { then: Then::Rest, .. }
            | State::Fatal { .. } => return Err(Refusal::NotRunning),
        }
        Ok(())
    }

    /// Forgets a start that it is waiting for, since everything stops.
    pub(crate) fn cancel_start(&mut self, turn: &mut Turn<'_>) {
        self.tidy_for_the_last_time(turn);
        self.forget_start(turn);
    }

    fn forget_start(&mut self, turn: &mut Turn<'_>) {
        let then = Then::Rest;
        match self.state {
            State::Backoff { .. } => self.enter(State::Fatal { why: Fatal::CutShort }, turn),
            State::Exited { exit, told, .. } => {
                self.enter(State::Exited { exit, then, told }, turn);
            }
            State::Stopped { .. } => self.enter(State::Stopped { then }, turn),
            State::Stopping { live, kill, .. } => {
                self.enter(State::Stopping { live, kill, then }, turn);
            }
            State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Fatal { .. } => {}
        }
    }

    /// Ends all patience: SIGKILL for whatever of it is left.
    pub(crate) fn hurry(&mut self, turn: &mut Turn<'_>) {
        self.stop(turn);
        if let State::Stopping { kill: Kill::NotYet, .. } = self.state {
            self.kill(turn);
        }
        let step = self.tree.hurry(turn.unkillable_after);
        self.carry_out(step, turn);
    }

    /// SIGKILL for the main process, and for its tree once that has been counted.
    pub(super) fn kill(&mut self, turn: &mut Turn<'_>) {
        let State::Stopping { live, then, .. } = self.state else { return };
        let kill = Kill::Sent { stuck_at: turn.now + turn.unkillable_after };
        self.tree = Tree::Clear;
        self.enter(State::Stopping { live, kill, then }, turn);
        let (name, pid, target) = (self.name(), live.pid, self.spec.kill_target);
        let group = target == StopTarget::Group;
        turn.log(Line::Killing { name: name.clone(), pid });
        turn.log(Line::Stopping { name, pid, group, signal: Signal::KILL });
        turn.signal(main_target(pid, target), Signal::KILL);
        self.count_kills(1);
        if self.spec.killtree {
            let proc = self.named.proc;
            turn.effects.push(Effect::KillTree { proc });
            turn.effects.push(Effect::Census { proc, run: live.run });
        }
    }
}

const fn main_target(pid: Pid, target: StopTarget) -> Target {
    match target {
        StopTarget::Main => Target::Process(pid),
        StopTarget::Group => Target::Group(pid),
    }
}

/// What is known of a stop that is under way.
#[derive(Clone, Debug)]
pub(super) struct StopRecord {
    began: Mono,
    pub(super) main_ended: Option<Mono>,
    asked: usize,
    killed: usize,
}

impl StopRecord {
    const fn new(began: Mono) -> Self {
        Self { began, main_ended: None, asked: 0, killed: 0 }
    }
}
