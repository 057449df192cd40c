//! Being stopped.

use super::{Fatal, Kill, Live, Process, State, Then, Turn};
use crate::command::Refusal;
use crate::effect::{Effect, Target};
use crate::ids::Pid;
use crate::line::Line;
use crate::retry::Failures;
use crate::signal::Signal;
use crate::tree::UNKILLABLE_AFTER;

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
        let (pid, signal) = (live.pid, self.spec.stopsignal);
        let group = self.spec.stopasgroup;
        let kill = Kill::At(turn.now + self.spec.stopwaitsecs);
        if self.spec.killtree {
            self.look_at_files(live.run, turn);
            // Who belongs to it is easiest to see while it is whole.
            turn.effects.push(Effect::Census { proc: self.named.proc, run: live.run });
        }
        self.enter(State::Stopping { live, kill, then }, turn);
        turn.log(Line::Stopping { name: self.name(), pid, group, signal });
        turn.signal(main_target(pid, group), signal);
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
        if let State::Stopping { kill: Kill::At(_), .. } = self.state {
            self.kill(turn);
        }
        let sweep = self.tree.hurry();
        self.carry_out(sweep, turn);
    }

    /// SIGKILL for the main process, and for its tree once that has been counted.
    pub(super) fn kill(&mut self, turn: &mut Turn<'_>) {
        let State::Stopping { live, then, .. } = self.state else { return };
        let kill = Kill::Sent { stuck_at: turn.now + UNKILLABLE_AFTER };
        self.enter(State::Stopping { live, kill, then }, turn);
        let (name, pid, group) = (self.name(), live.pid, self.spec.killasgroup);
        turn.log(Line::Killing { name: name.clone(), pid });
        turn.log(Line::Stopping { name, pid, group, signal: Signal::KILL });
        turn.signal(main_target(pid, group), Signal::KILL);
        if self.spec.killtree {
            let proc = self.named.proc;
            turn.effects.push(Effect::KillTree { proc });
            turn.effects.push(Effect::Census { proc, run: live.run });
        }
    }
}

const fn main_target(pid: Pid, group: bool) -> Target {
    if group { Target::Group(pid) } else { Target::Process(pid) }
}
