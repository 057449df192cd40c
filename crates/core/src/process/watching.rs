//! Decides whether a run is ready and healthy, and what to do if not.

use std::rc::Rc;
use std::time::Duration;

use super::{AfterStop, Due, Kill, Process, State, Transition};
use crate::effect::Effect;
use crate::health::{
    Block, CheckAnswer, CheckFailure, Checked, Health, Load, MemoryNews, ProgressSample, Question,
    TreeCount, Unhealthy,
};
use crate::hook::About;
use crate::ids::{Pid, RunId};
use crate::input::Notification;
use crate::line::Line;
use crate::spec::health::{Action, Ready};

/// Time that the core waits beyond the limit for diagnostics.
const EVIDENCE_GRACE: Duration = Duration::from_secs(1);

impl Process {
    /// Takes the result of the health check.
    pub(crate) fn checked(
        &mut self,
        result: Result<CheckAnswer, CheckFailure>,
        load: Option<Load>,
        cx: &mut Transition<'_>,
    ) {
        let name = self.name();
        let (run, starting) = (self.run(), matches!(self.state, State::Starting { .. }));
        let spec = Rc::clone(&self.spec);
        let Some(health) = self.health_mut() else { return };
        match health.checked(&spec.health, (run, starting), cx.now, (result, load)) {
            Checked::Failed { failure, times, of, new: true } => {
                let check = spec.health.check.as_ref().filter(|_| times == 1);
                let asked = check.map(|check| check.shown());
                cx.log(Line::CheckFailed { name, failure, times, of, asked });
            }
            Checked::Connects => cx.log(Line::CheckConnects { name }),
            Checked::Busy { since, patience, new: true } => {
                cx.log(Line::CheckBusy { name, since, patience });
            }
            Checked::NotYet { failure, new: true } => self.not_ready_yet(failure, cx),
            Checked::Excused => cx.log(Line::CheckExcused { name }),
            Checked::Healthy
            | Checked::Failed { new: false, .. }
            | Checked::Busy { new: false, .. }
            | Checked::NotYet { new: false, .. } => {}
        }
        let health = self.health_mut();
        self.answered |= health.is_some_and(|health| health.has_passed());
        self.watch(cx);
    }

    /// Logs a failed check during startup. Otherwise a program with a wrong check would stay in
    /// STARTING without an explanation.
    fn not_ready_yet(&self, failure: CheckFailure, cx: &mut Transition<'_>) {
        if let (State::Starting { live, .. }, Some(check)) = (&self.state, &self.spec.health.check)
        {
            cx.log(Line::NotReadyYet {
                name: self.name(),
                asked: check.shown(),
                failure,
                since: cx.now - live.since,
            });
        }
    }

    /// Takes a progress sample.
    pub(crate) fn progressed(&mut self, sample: ProgressSample, cx: &mut Transition<'_>) {
        let spec = Rc::clone(&self.spec);
        if let (Some(health), Some(progress)) = (self.health_mut(), &spec.health.progress) {
            health.progressed(progress, cx.now, sample);
            if let ProgressSample::Failed(failure) = sample
                && health.is_news_of_progress()
            {
                let asked = progress.page.url.to_string();
                cx.log(Line::NoMetrics { name: spec.name.clone(), asked, failure });
            }
            self.watch(cx);
        }
    }

    /// Takes the number of matching processes.
    pub(crate) fn tree_counted(&mut self, count: TreeCount, cx: &mut Transition<'_>) {
        let starting = matches!(self.state, State::Starting { .. });
        let spec = Rc::clone(&self.spec);
        if let (Some(health), Some(tree)) = (self.health_mut(), &spec.health.tree) {
            health.counted(tree, starting, cx.now, count);
            self.watch(cx);
        }
    }

    /// Takes a memory measurement in bytes; `None` if it failed.
    pub(crate) fn memory_seen(&mut self, used: Option<u64>, cx: &mut Transition<'_>) {
        let spec = Rc::clone(&self.spec);
        let (Some(health), Some(memory)) = (self.health_mut(), &spec.health.memory) else { return };
        let name = spec.name.clone();
        match health.measured(memory, cx.now, used) {
            Some(MemoryNews::High) => {
                let (used, limit) = (used.unwrap_or_default(), memory.limit);
                cx.log(Line::MemoryHigh { name, used, limit });
            }
            Some(MemoryNews::Unseen) => cx.log(Line::MemoryUnseen { name }),
            None => {}
        }
        self.history.memory = used;
        self.watch(cx);
    }

    /// Takes an `sd_notify` message.
    pub(crate) fn notified(&mut self, said: Notification, cx: &mut Transition<'_>) {
        if let Some(status) = said.status {
            self.history.status = Some(status);
        }
        let now = cx.now;
        let watchdog = said.watchdog_every.or(self.spec.health.watchdog);
        match &mut self.state {
            State::Starting { live, due: Due::Ready { by }, .. } => {
                if let (Some(by), Some(extend)) = (by.as_mut(), said.extend) {
                    *by = (*by).max(now + extend);
                }
                let live = *live;
                if said.ready && self.spec.health.ready == Ready::Notified {
                    self.succeed(live, cx);
                    self.watch(cx);
                }
            }
            State::Running { health, .. } => {
                let within = said.extend.or_else(|| {
                    watchdog.filter(|_| said.watchdog || said.watchdog_every.is_some())
                });
                if let Some(within) = within {
                    health.pinged(within, now);
                }
                if said.stopping {
                    health.leaves();
                }
                self.watch(cx);
            }
            State::Stopping { kill: Kill::NotYet, .. } => {
                if let Some(extend) = said.extend {
                    self.tree.extend(now + extend);
                }
            }
            State::Stopped { .. }
            | State::Spawning { .. }
            | State::Starting { .. }
            | State::Backoff { .. }
            | State::Stopping { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => {}
        }
    }

    /// Takes the readiness text in the output.
    pub(crate) fn ready_logged(&mut self, pid: Pid, cx: &mut Transition<'_>) {
        if let State::Starting { live, due: Due::Ready { .. }, .. } = self.state
            && live.pid == pid
            && matches!(self.spec.health.ready, Ready::Logged(_))
        {
            self.succeed(live, cx);
            self.watch(cx);
        }
    }

    /// Diagnostics of an unhealthy run have been collected.
    pub(crate) fn collected(&mut self, cx: &mut Transition<'_>) {
        let condemned = self.health_mut().and_then(|health| health.condemned());
        if let Some(condemned) = condemned {
            self.stop_unhealthy(condemned.unhealthy, cx);
        }
    }

    /// Judges the health of the run and asks the questions that are due.
    pub(super) fn watch(&mut self, cx: &mut Transition<'_>) {
        self.judge(false, cx);
    }

    /// Takes the state of the output.
    pub(crate) fn output_seen(&mut self, block: Option<Block>, cx: &mut Transition<'_>) {
        let (name, now) = (self.name(), cx.now);
        let again_by = self.spec.health.start_timeout.map(|within| now + within);
        let Some(health) = self.health_mut() else { return };
        if health.output_asked_until().is_none() {
            return;
        }
        let Some(block) = block.filter(|block| block.counts()) else {
            health.output_is_free();
            return self.judge(true, cx);
        };
        if health.bear(block, now) {
            let unhealthy = Unhealthy::Blocked(block);
            cx.log(Line::Unhealthy { name, unhealthy, observe: true });
            self.note_unhealthy(unhealthy, cx);
        }
        if let State::Starting { due: Due::Ready { by: by @ Some(_) }, .. } = &mut self.state {
            *by = (*by).max(again_by);
        }
        self.watch(cx);
    }

    /// Acts on the health of the run. `asked`: the output is known not to be blocked.
    fn judge(&mut self, mut asked: bool, cx: &mut Transition<'_>) {
        let (proc, now) = (self.named.proc, cx.now);
        let spec = Rc::clone(&self.spec);
        let (live, due, health) = match &mut self.state {
            State::Starting { live, due, health } => (*live, Some(*due), health),
            State::Running { live, health } => (*live, None, health),
            State::Stopped { .. }
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Stopping { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => return,
        };
        let run = live.run;
        if let Some(condemned) = health.condemned() {
            if now >= condemned.until {
                self.stop_unhealthy(condemned.unhealthy, cx);
            }
            return;
        }
        if let Some(until) = health.output_asked_until() {
            if now < until {
                return;
            }
            health.output_is_free();
            asked = true;
        }
        let ready = due.is_some_and(|due| match due {
            Due::Up(at) => now >= at,
            Due::Ready { .. } => spec.health.ready == Ready::Checked && health.has_passed(),
        });
        if ready {
            self.succeed(live, cx);
            return self.watch(cx);
        }
        health.lapse(&spec.health, now);
        let due = due.map(|due| self.without_limit_if_checked_wrongly(due, cx));
        let Some(health) = self.health_mut() else { return };
        let unhealthy = match due {
            None => health.verdict(&spec.health, now),
            Some(Due::Ready { by: Some(by) }) if now >= by => {
                Some(Unhealthy::NotReady { within: by - live.since, last: health.last_failure() })
            }
            Some(Due::Ready { .. } | Due::Up(_)) => health.early_verdict(&spec.health),
        };
        if let Some(unhealthy) = unhealthy {
            if !asked && health.ask_for_output(unhealthy, spec.health.action, now) {
                return cx.effects.push(Effect::LookAtOutput { proc, run });
            }
            self.found_unhealthy(unhealthy, cx);
        } else if !health.is_borne() && health.tell(None) {
            cx.log(Line::Recovered { name: spec.name.clone() });
            let process = Rc::clone(&self.named);
            cx.happened.push(About::Ready { process, run, up_after: None });
        }
        self.ask_due_questions(run, cx);
    }

    /// Asks the questions that are due. A run that is about to be stopped gets no more questions.
    fn ask_due_questions(&mut self, run: RunId, cx: &mut Transition<'_>) {
        let (proc, spec) = (self.named.proc, Rc::clone(&self.spec));
        let Some(health) = self.health_mut().filter(|health| health.condemned().is_none()) else {
            return;
        };
        let questions = health.questions(&spec.health, cx.now);
        if !questions.is_empty() {
            self.look_at_files(run, cx);
        }
        cx.effects.extend(questions.into_iter().map(|question| match question {
            Question::Check { find_listener } => Effect::Check { proc, run, find_listener },
            Question::Progress => Effect::LookAtProgress { proc, run },
            Question::Tree => Effect::CountTree { proc, run },
            Question::Memory => Effect::MeasureMemory { proc, run },
        }));
    }

    /// Removes the time limit of a start whose check is configured wrongly. The server answers, and
    /// a restart would not change that.
    fn without_limit_if_checked_wrongly(&mut self, due: Due, cx: &mut Transition<'_>) -> Due {
        if let Due::Ready { by: Some(by) } = due
            && cx.now >= by
            && let State::Starting { live, due, health } = &mut self.state
            && health.is_checked_wrongly()
            && let Some(failure) = health.last_failure()
        {
            *due = Due::Ready { by: None };
            let (name, within) = (self.spec.name.clone(), by - live.since);
            cx.log(Line::CheckedWrongly { name, within, failure });
            return Due::Ready { by: None };
        }
        due
    }

    /// Collects diagnostics before the stop, because the stop destroys the evidence.
    fn found_unhealthy(&mut self, unhealthy: Unhealthy, cx: &mut Transition<'_>) {
        let (name, proc, run) = (self.name(), self.named.proc, self.run());
        let observe = self.spec.health.action == Action::Observe && !unhealthy.is_limit();
        let until = cx.now + self.spec.health.evidence.limit + EVIDENCE_GRACE;
        let Some(health) = self.health_mut() else { return };
        let new = health.tell(Some(unhealthy));
        if observe && new {
            cx.log(Line::Unhealthy { name, unhealthy, observe });
            self.note_unhealthy(unhealthy, cx);
        } else if !observe {
            health.condemn(unhealthy, until);
            cx.log(Line::Unhealthy { name, unhealthy, observe });
            self.note_unhealthy(unhealthy, cx);
            cx.effects.push(Effect::Collect { proc, run, unhealthy });
        }
    }

    fn note_unhealthy(&self, unhealthy: Unhealthy, cx: &mut Transition<'_>) {
        let (process, run) = (Rc::clone(&self.named), self.run());
        cx.happened.push(About::Unhealthy { process, run, unhealthy });
    }

    fn stop_unhealthy(&mut self, unhealthy: Unhealthy, cx: &mut Transition<'_>) {
        if let State::Starting { live, .. } | State::Running { live, .. } = self.state {
            self.ask_to_stop(live, AfterStop::Fail(unhealthy), cx);
        }
    }

    pub(super) const fn health_mut(&mut self) -> Option<&mut Health> {
        match &mut self.state {
            State::Starting { health, .. } | State::Running { health, .. } => Some(health),
            State::Stopped { .. }
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Stopping { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => None,
        }
    }
}
