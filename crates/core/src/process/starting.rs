//! Starts a process.

use std::rc::Rc;
use std::time::Duration;

use super::deaths::Deaths;
use super::{AfterExit, AfterStop, ByOrder, Due, Gate, Intent, Live, Process, State, Transition};
use crate::command::Rejection;
use crate::effect::Effect;
use crate::failure::Class;
use crate::health::Health;
use crate::hook::About;
use crate::ids::{Pid, RunId};
use crate::input::SpawnError;
use crate::line::{GaveUp, Line};
use crate::report::{Cause, Next};
use crate::retry::{self, Failures, RetryDecision};
use crate::signal::{Signal, SignalTarget};
use crate::spec::RetryRule;
use crate::spec::health::Ready;
use crate::time::Mono;
use crate::tree::Escalation;

impl Process {
    /// Starts the process if nothing delays it. If it waits for servers, it asks them first.
    pub(crate) fn start(&mut self, cx: &mut Transition<'_>) {
        if self.pid().is_some() || !self.tree.is_clear() || self.gate != Gate::Open {
            return;
        }
        if self.tidies_first(cx) || self.awaits_place(cx) {
            return self.want_start(cx);
        }
        let spec = Rc::clone(&self.spec);
        match &spec.start.wait_for {
            Some(wait) => {
                self.want_start(cx);
                self.ask_targets(wait, cx);
            }
            None => self.spawn(cx),
        }
    }

    pub(super) fn spawn(&mut self, cx: &mut Transition<'_>) {
        self.runs += 1;
        self.starts.note(cx.now);
        self.answered = false;
        let run = self.run();
        (self.recount_at, self.port_unseen, self.left_at) = (None, false, None);
        (self.deaths, self.last_line) = (Deaths::default(), None);
        self.history.started = Some(cx.wall);
        self.history.runs.begin(run, cx.wall);
        self.stop_record = None;
        (self.history.exit, self.history.error, self.history.status) = (None, None, None);
        self.history.memory = None;
        self.enter(State::Spawning { run, intent: Intent::Run }, cx);
        cx.effects.push(Effect::Spawn { proc: self.named.proc, run });
    }

    /// Handles an operator's start request. `by`: how the request treats the dependencies. The
    /// start waits for a stop or a cleanup in progress. Past failures no longer count.
    pub(crate) fn start_by_order(
        &mut self,
        by: ByOrder,
        cx: &mut Transition<'_>,
    ) -> Result<(), Rejection> {
        match self.state.clone() {
            State::Stopped { intent: Intent::Rest }
            | State::Exited { after: AfterExit::Rest | AfterExit::Held, .. }
            | State::Fatal { .. }
                if self.tree.is_stuck() =>
            {
                // The stuck processes may have exited unnoticed. The census shows that to the next
                // request.
                self.sweep(Escalation::Force(cx.unkillable_after), cx);
                return Err(Rejection::SpawnError);
            }
            State::Stopped { intent: Intent::Rest } => {
                self.enter(State::Stopped { intent: Intent::Run }, cx);
            }
            // A program that can start at once does not become STOPPED first.
            State::Fatal { .. } if self.can_spawn_at_once(&by, cx.now) => {}
            State::Fatal { .. } => self.enter(State::Stopped { intent: Intent::Run }, cx),
            State::Exited { exit, after: AfterExit::Rest | AfterExit::Held, .. } => {
                self.enter(State::Exited { exit, after: AfterExit::Run { at: cx.now } }, cx);
            }
            State::Stopping { live, kill, after: AfterStop::Rest | AfterStop::Fail(_) } => {
                self.enter(State::Stopping { live, kill, after: AfterStop::Run }, cx);
            }
            State::Spawning { run, intent: Intent::Rest } => {
                self.failures = Failures::default();
                self.enter(State::Spawning { run, intent: Intent::Run }, cx);
                return Ok(());
            }
            // Its start is already due and waits for a condition.
            State::Stopped { intent: Intent::Run }
            | State::Exited { after: AfterExit::Run { .. }, .. }
            | State::Stopping { after: AfterStop::Run, .. }
                if self.gate != Gate::Open => {}
            State::Stopped { intent: Intent::Run }
            | State::Exited { after: AfterExit::Run { .. }, .. }
            | State::Stopping { after: AfterStop::Run, .. }
            | State::Spawning { intent: Intent::Run, .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. } => return Err(Rejection::AlreadyStarted),
        }
        (self.failures, self.hopeless) = (Failures::default(), None);
        self.pass_gate(by, cx);
        self.start(cx);
        Ok(())
    }

    /// Whether its start is due.
    pub(crate) fn is_start_due(&self, now: Mono) -> bool {
        match &self.state {
            State::Backoff { retry_at } => now >= *retry_at,
            State::Stopped { intent } => *intent == Intent::Run,
            State::Exited { after: AfterExit::Run { at }, .. } => now >= *at,
            State::Exited { after: AfterExit::Rest | AfterExit::Held, .. } => false,
            State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Fatal { .. } => false,
        }
    }

    pub(crate) fn spawned(&mut self, pid: Pid, cx: &mut Transition<'_>) {
        let State::Spawning { run, intent } = self.state else {
            return self.stray(pid, cx);
        };
        cx.log(Line::Spawned { name: self.name(), pid, run: run.0 });
        if let Some(record) = self.history.runs.present() {
            record.pid = Some(pid);
        }
        let live = Live { run, pid, since: cx.now, up_at: None };
        let health = &self.spec.health;
        let due = match health.ready {
            Ready::Startsecs => Due::Up(cx.now + self.spec.startsecs),
            Ready::Checked | Ready::Notified | Ready::Logged(_) => {
                Due::Ready { by: health.start_timeout.map(|within| cx.now + within) }
            }
        };
        let health = Health::of_start(health, cx.now);
        self.enter(State::Starting { live, due, health }, cx);
        self.look_at_first_devices(cx);
        match intent {
            Intent::Rest => self.stop(cx),
            Intent::Run if due == Due::Up(cx.now) => self.succeed(live, cx),
            Intent::Run => self.watch(cx),
        }
    }

    pub(crate) fn spawn_failed(&mut self, error: SpawnError, cx: &mut Transition<'_>) {
        let State::Spawning { run, intent } = self.state else { return };
        let (name, run, message) = (self.name(), run.0, error.to_string());
        cx.log(Line::SpawnFailed { name, run, message, kind: error.kind });
        self.history.error = Some(error.message);
        let hopeless = match self.spec.retry {
            RetryRule::FailedStarts => false,
            RetryRule::Consecutive { .. } => error.kind.is_permanent(),
            RetryRule::Once => true,
        };
        let status = error.kind.status();
        let cause = Cause::Spawn(self.history.error.clone().unwrap_or_default());
        if intent == Intent::Rest {
            self.history.runs.end_unstarted(cx.wall);
            return self.enter(State::Stopped { intent }, cx);
        }
        if hopeless {
            let because = self.file_report(None, cause, Next::GiveUp, cx);
            return self.give_up(GaveUp::CannotStart, because, (status, Class::Spawn), cx);
        }
        match self.failed(false, cx) {
            RetryDecision::Retry(wait) => {
                self.file_report(None, cause, Next::Restart(wait), cx);
                self.back_off(wait, cx);
            }
            RetryDecision::GiveUp => {
                let because = self.file_report(None, cause, Next::GiveUp, cx);
                self.give_up(GaveUp::TooManyRetries, because, (status, Class::Spawn), cx);
            }
        }
    }

    /// Counts a failure. Returns what follows.
    pub(super) fn failed(&mut self, ran: bool, cx: &Transition<'_>) -> RetryDecision {
        let chance = retry::chance(cx.seed, self.named.proc, self.run());
        let (retries, backoff) = (self.retries(), self.spec.backoff);
        match self.failures.add(ran, retries, &backoff, chance) {
            RetryDecision::Retry(wait) => RetryDecision::Retry(self.paced(wait, cx)),
            RetryDecision::GiveUp => RetryDecision::GiveUp,
        }
    }

    /// Extends a delay if there were too many starts within a second.
    pub(super) fn paced(&mut self, wait: Duration, cx: &Transition<'_>) -> Duration {
        let paced = self.starts.earliest(cx.now + wait) - cx.now;
        self.history.paced += u64::from(paced > wait);
        paced
    }

    /// The number of retries that apply now.
    pub(super) fn retries(&self) -> u32 {
        let before = self.spec.start.retries_before_ready.filter(|_| !self.was_ready);
        before.unwrap_or(self.spec.startretries)
    }

    pub(super) fn succeed(&mut self, live: Live, cx: &mut Transition<'_>) {
        self.failures.forgive(self.spec.retry, Duration::ZERO);
        if !self.was_ready && self.spec.start.retries_before_ready.is_some() {
            // A different limit of retries applies from now on.
            self.failures = Failures::default();
        }
        self.was_ready = true;
        let health = self.health_mut().map(std::mem::take).unwrap_or_default();
        let health = health.of_run(&self.spec.health, cx.now);
        let up_after = cx.now - live.since;
        self.history.up_after = Some(up_after);
        if let Some(record) = self.history.runs.present() {
            record.ready_after = Some(up_after);
        }
        self.enter(State::Running { live: Live { up_at: Some(cx.now), ..live }, health }, cx);
        self.look_at_files(live.run, cx);
        let (process, run) = (Rc::clone(&self.named), live.run);
        cx.happened.push(About::Ready { process, run, up_after: Some(up_after) });
        let (name, Live { pid, run: RunId(run), .. }) = (self.name(), live);
        cx.log(match self.spec.health.ready {
            Ready::Startsecs => Line::Success { name, pid, run, startsecs: self.spec.startsecs },
            Ready::Checked | Ready::Notified | Ready::Logged(_) => {
                Line::Ready { name, pid, run, up_after }
            }
        });
    }

    /// Kills a process that was started although the core did not request it.
    pub(crate) fn stray(&self, pid: Pid, cx: &mut Transition<'_>) {
        cx.log(Line::Bug { what: format!("{} was started twice", self.spec.name) });
        cx.signal(SignalTarget::Process(pid), Signal::KILL);
    }
}
