//! From rest to running.

use std::rc::Rc;
use std::time::Duration;

use super::deaths::Deaths;
use super::{ByOrder, Due, Gate, Live, Process, State, Then, Turn};
use crate::command::Refusal;
use crate::effect::{Effect, Target};
use crate::health::Health;
use crate::ids::{Pid, RunId};
use crate::input::SpawnError;
use crate::line::{GaveUp, Line};
use crate::report::{Cause, Next};
use crate::retry::{Failures, Verdict};
use crate::signal::Signal;
use crate::spec::RetryRule;
use crate::spec::health::Ready;
use crate::tree::Escalation;

impl Process {
    /// Asks for a start, if nothing stands in its way. Servers that it waits for are asked
    /// first.
    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) {
        if self.pid().is_some() || !self.tree.is_clear() || self.gate != Gate::Open {
            return;
        }
        if self.tidies_first(turn) {
            return self.want_start(turn);
        }
        let spec = Rc::clone(&self.spec);
        match &spec.start.wait_for {
            Some(wait) => {
                self.want_start(turn);
                self.ask_targets(wait, turn);
            }
            None => self.spawn(turn),
        }
    }

    pub(super) fn spawn(&mut self, turn: &mut Turn<'_>) {
        self.runs += 1;
        self.answered = false;
        let run = RunId(self.runs);
        (self.deaths, self.last_line) = (Deaths::default(), None);
        self.history.started = Some(turn.wall);
        self.stop_record = None;
        (self.history.exit, self.history.error, self.history.status) = (None, None, None);
        self.enter(State::Spawning { run, then: Then::Run }, turn);
        turn.effects.push(Effect::Spawn { proc: self.named.proc, run });
    }

    /// An operator asks for a start; `by` is what that means for those that it depends on.
    /// What is still being stopped or cleaned up is waited for; past failures are forgotten.
    pub(crate) fn start_by_order(
        &mut self,
        by: ByOrder,
        turn: &mut Turn<'_>,
    ) -> Result<(), Refusal> {
        match self.state.clone() {
            State::Stopped { then: Then::Rest }
            | State::Exited { then: Then::Rest, .. }
            | State::Fatal { .. }
                if self.tree.is_stuck() =>
            {
                // They may have gone without our hearing of it: the next order will tell.
                self.sweep(Escalation::Force(turn.unkillable_after), turn);
                return Err(Refusal::SpawnError);
            }
            State::Stopped { then: Then::Rest } => {
                self.enter(State::Stopped { then: Then::Run }, turn);
            }
            // Whoever can be started at once is not STOPPED in between.
            State::Fatal { .. } if self.can_spawn_at_once(&by) => {}
            State::Fatal { .. } => self.enter(State::Stopped { then: Then::Run }, turn),
            State::Exited { exit, then: Then::Rest, .. } => {
                self.enter(State::Exited { exit, then: Then::Run, told: false }, turn);
            }
            State::Stopping { live, kill, then: Then::Rest | Then::Fail(_) } => {
                self.enter(State::Stopping { live, kill, then: Then::Run }, turn);
            }
            State::Spawning { run, then: Then::Rest } => {
                self.failures = Failures::default();
                self.enter(State::Spawning { run, then: Then::Run }, turn);
                return Ok(());
            }
            // It is being started already, as soon as all that it waits for is there.
            State::Stopped { then: Then::Run }
            | State::Exited { then: Then::Run, .. }
            | State::Stopping { then: Then::Run, .. }
                if self.gate != Gate::Open => {}
            State::Stopped { then: Then::Run | Then::Fail(_) }
            | State::Exited { then: Then::Run | Then::Fail(_), .. }
            | State::Stopping { then: Then::Run, .. }
            | State::Spawning { then: Then::Run | Then::Fail(_), .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. } => return Err(Refusal::AlreadyStarted),
        }
        self.failures = Failures::default();
        self.pass_gate(by, turn);
        self.start(turn);
        Ok(())
    }

    /// Starts a process whose time has come.
    pub(crate) fn start_if_due(&mut self, turn: &mut Turn<'_>) {
        let due = match &self.state {
            State::Backoff { retry_at } => turn.now >= *retry_at,
            State::Stopped { then } | State::Exited { then, .. } => *then != Then::Rest,
            State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Fatal { .. } => false,
        };
        if due {
            self.start(turn);
        }
    }

    pub(crate) fn spawned(&mut self, run: RunId, pid: Pid, turn: &mut Turn<'_>) {
        let State::Spawning { run: expected, then } = self.state else {
            return self.stray(pid, turn);
        };
        if run != expected {
            return self.stray(pid, turn);
        }
        turn.log(Line::Spawned { name: self.name(), pid, run: run.0 });
        let live = Live { run, pid, since: turn.now, up_at: None };
        let health = &self.spec.health;
        let due = match health.ready {
            Ready::Startsecs => Due::Up(turn.now + self.spec.startsecs),
            Ready::Checked | Ready::Notified | Ready::Logged(_) => {
                Due::Ready { by: health.start_timeout.map(|within| turn.now + within) }
            }
        };
        let health = Health::of_start(health, turn.now);
        self.enter(State::Starting { live, due, health }, turn);
        match then {
            Then::Rest => self.stop(turn),
            Then::Run | Then::Fail(_) if due == Due::Up(turn.now) => self.succeed(live, turn),
            Then::Run | Then::Fail(_) => self.watch(turn),
        }
    }

    pub(crate) fn spawn_failed(&mut self, run: RunId, error: SpawnError, turn: &mut Turn<'_>) {
        let State::Spawning { run: expected, then } = self.state else { return };
        if run != expected {
            return;
        }
        self.history.error = Some(error.message.clone());
        let (name, run) = (self.name(), run.0);
        turn.log(Line::SpawnFailed { name, run, message: error.message, kind: error.kind });
        let hopeless = match self.spec.retry {
            RetryRule::FailedStarts => false,
            RetryRule::Consecutive { .. } => error.kind.is_permanent(),
            RetryRule::Once => true,
        };
        let status = error.kind.status();
        let cause = Cause::Spawn(self.history.error.clone().unwrap_or_default());
        if then == Then::Rest {
            return self.enter(State::Stopped { then }, turn);
        }
        if hopeless {
            let because = self.file_report(None, cause, Next::GiveUp, turn);
            return self.give_up(GaveUp::CannotStart, because, status, turn);
        }
        match self.failures.add(false, self.retries()) {
            Verdict::Retry(wait) => {
                self.file_report(None, cause, Next::Restart(wait), turn);
                self.back_off(wait, turn);
            }
            Verdict::GiveUp => {
                let because = self.file_report(None, cause, Next::GiveUp, turn);
                self.give_up(GaveUp::TooManyRetries, because, status, turn);
            }
        }
    }

    /// How many failures are retried at present.
    pub(super) fn retries(&self) -> u32 {
        let before = self.spec.start.retries_before_ready.filter(|_| !self.was_ready);
        before.unwrap_or(self.spec.startretries)
    }

    pub(super) fn succeed(&mut self, live: Live, turn: &mut Turn<'_>) {
        self.failures.forgive(self.spec.retry, Duration::ZERO);
        if !self.was_ready && self.spec.start.retries_before_ready.is_some() {
            // From here on another limit counts.
            self.failures = Failures::default();
        }
        self.was_ready = true;
        let health = self.health_of(live.run).map(std::mem::take).unwrap_or_default();
        let health = health.of_run(&self.spec.health, turn.now);
        let up_after = turn.now - live.since;
        self.history.up_after = Some(up_after);
        self.enter(State::Running { live: Live { up_at: Some(turn.now), ..live }, health }, turn);
        self.look_at_files(live.run, turn);
        let (name, Live { pid, run: RunId(run), .. }) = (self.name(), live);
        turn.log(match self.spec.health.ready {
            Ready::Startsecs => Line::Success { name, pid, run, startsecs: self.spec.startsecs },
            Ready::Checked | Ready::Notified | Ready::Logged(_) => {
                Line::Ready { name, pid, run, up_after }
            }
        });
    }

    /// Somebody was started whom nobody waits for. It must not stay.
    fn stray(&self, pid: Pid, turn: &mut Turn<'_>) {
        turn.log(Line::Bug { what: format!("{} was started twice", self.spec.name) });
        turn.signal(Target::Process(pid), Signal::KILL);
    }
}
