//! Whether a run is ready, and well, and what follows if it isn't.

use std::rc::Rc;
use std::time::Duration;

use super::{Due, Kill, Process, State, Then, Turn};
use crate::effect::Effect;
use crate::health::{
    Answer, Block, CheckFailure, Checked, Health, Ill, Load, Look, Question, TreeCount,
};
use crate::ids::{Pid, RunId};
use crate::input::Notification;
use crate::line::Line;
use crate::spec::health::{Action, CheckSpec, Ready};

/// How much later than it had to be done what was asked for may come, when a run is looked
/// into before it is stopped.
const EVIDENCE_GRACE: Duration = Duration::from_secs(1);

impl Process {
    /// Its check was answered.
    pub(crate) fn checked(
        &mut self,
        run: RunId,
        result: Result<Answer, CheckFailure>,
        load: Option<Load>,
        turn: &mut Turn<'_>,
    ) {
        let name = self.name();
        let starting = matches!(self.state, State::Starting { .. });
        let spec = Rc::clone(&self.spec);
        let Some(health) = self.health_of(run) else { return };
        match health.checked(&spec.health, (run, starting), turn.now, (result, load)) {
            Checked::Failed { failure, times, of, new: true } => {
                let check = spec.health.check.as_ref().filter(|_| times == 1);
                let asked = check.map(CheckSpec::shown);
                turn.log(Line::CheckFailed { name, failure, times, of, asked });
            }
            Checked::Connects => turn.log(Line::CheckConnects { name }),
            Checked::Busy { since, patience, new: true } => {
                turn.log(Line::CheckBusy { name, since, patience });
            }
            Checked::NotYet { failure, new: true } => self.not_ready_yet(failure, turn),
            Checked::Excused => turn.log(Line::CheckExcused { name }),
            Checked::Well
            | Checked::Failed { new: false, .. }
            | Checked::Busy { new: false, .. }
            | Checked::NotYet { new: false, .. } => {}
        }
        let health = self.health_of(run);
        self.answered |= health.is_some_and(|health| health.has_answered_well());
        self.watch(turn);
    }

    /// Without this line one that is asked in the wrong place starts for ever, and nobody
    /// can tell why.
    fn not_ready_yet(&self, failure: CheckFailure, turn: &mut Turn<'_>) {
        if let (State::Starting { live, .. }, Some(check)) = (&self.state, &self.spec.health.check)
        {
            turn.log(Line::NotReadyYet {
                name: self.name(),
                asked: check.shown(),
                failure,
                since: turn.now - live.since,
            });
        }
    }

    /// It was seen how far it has got.
    pub(crate) fn progressed(&mut self, run: RunId, look: Look, turn: &mut Turn<'_>) {
        let spec = Rc::clone(&self.spec);
        // What is said of an earlier run is no occasion for anything.
        if let (Some(health), Some(progress)) = (self.health_of(run), &spec.health.progress) {
            health.progressed(progress, turn.now, look);
            if let Look::Failed(failure) = look
                && health.is_news_of_progress()
            {
                let asked = progress.page.url.to_string();
                turn.log(Line::NoMetrics { name: spec.name.clone(), asked, failure });
            }
            self.watch(turn);
        }
    }

    /// The processes that it is made of were counted.
    pub(crate) fn tree_counted(&mut self, run: RunId, count: TreeCount, turn: &mut Turn<'_>) {
        let starting = matches!(self.state, State::Starting { .. });
        let spec = Rc::clone(&self.spec);
        if let (Some(health), Some(tree)) = (self.health_of(run), &spec.health.tree) {
            health.counted(tree, starting, turn.now, count);
            self.watch(turn);
        }
    }

    /// It told of itself.
    pub(crate) fn notified(&mut self, said: Notification, turn: &mut Turn<'_>) {
        if let Some(status) = said.status {
            self.history.status = Some(status);
        }
        let now = turn.now;
        let watchdog = said.watchdog_every.or(self.spec.health.watchdog);
        match &mut self.state {
            State::Starting { live, due: Due::Ready { by }, .. } => {
                if let (Some(by), Some(extend)) = (by.as_mut(), said.extend) {
                    *by = (*by).max(now + extend);
                }
                let live = *live;
                if said.ready && self.spec.health.ready == Ready::Notified {
                    self.succeed(live, turn);
                    self.watch(turn);
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
                self.watch(turn);
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

    /// The text that says that it is ready stands in its output.
    pub(crate) fn ready_logged(&mut self, pid: Pid, turn: &mut Turn<'_>) {
        if let State::Starting { live, due: Due::Ready { .. }, .. } = self.state
            && live.pid == pid
            && matches!(self.spec.health.ready, Ready::Logged(_))
        {
            self.succeed(live, turn);
            self.watch(turn);
        }
    }

    /// What could be found out about an ill run has been found out.
    pub(crate) fn collected(&mut self, run: RunId, turn: &mut Turn<'_>) {
        let condemned = self.health_of(run).and_then(|health| health.condemned());
        if let Some(condemned) = condemned {
            self.end_ill(condemned.ill, turn);
        }
    }

    /// Asks what is due, and judges by what is known.
    pub(super) fn watch(&mut self, turn: &mut Turn<'_>) {
        self.judge(false, turn);
    }

    /// It was seen whether its output keeps it from going on.
    pub(crate) fn output_seen(&mut self, run: RunId, block: Option<Block>, turn: &mut Turn<'_>) {
        let (name, now) = (self.name(), turn.now);
        let again_by = self.spec.health.start_timeout.map(|within| now + within);
        let Some(health) = self.health_of(run) else { return };
        if health.output_asked_until().is_none() {
            return;
        }
        let Some(block) = block.filter(|block| block.counts()) else {
            health.output_is_free();
            return self.judge(true, turn);
        };
        if health.bear(block, now) {
            turn.log(Line::Ill { name, ill: Ill::Blocked(block), observe: true });
        }
        if let State::Starting { due: Due::Ready { by: by @ Some(_) }, .. } = &mut self.state {
            *by = (*by).max(again_by);
        }
        self.watch(turn);
    }

    /// `asked`: it is known that its output is not to blame.
    fn judge(&mut self, mut asked: bool, turn: &mut Turn<'_>) {
        let (proc, now) = (self.named.proc, turn.now);
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
                self.end_ill(condemned.ill, turn);
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
            Due::Ready { .. } => spec.health.ready == Ready::Checked && health.has_answered_well(),
        });
        if ready {
            self.succeed(live, turn);
            return self.watch(turn);
        }
        health.lapse(&spec.health, now);
        let due = due.map(|due| self.without_limit_if_checked_wrongly(due, turn));
        let Some(health) = self.health_of(run) else { return };
        let ill = match due {
            None => health.verdict(&spec.health, now),
            Some(Due::Ready { by: Some(by) }) if now >= by => {
                Some(Ill::NotReady { within: by - live.since, last: health.last_failure() })
            }
            Some(Due::Ready { .. } | Due::Up(_)) => health.tree_verdict(&spec.health),
        };
        if let Some(ill) = ill {
            if !asked && health.ask_for_output(ill, now) {
                return turn.effects.push(Effect::LookAtOutput { proc, run });
            }
            self.found_ill(run, ill, turn);
        } else if !health.is_borne() && health.tell(None) {
            turn.log(Line::Recovered { name: spec.name.clone() });
        }
        if let Some(health) = self.health_of(run)
            && health.condemned().is_none()
        {
            let questions = health.questions(&spec.health, now);
            if !questions.is_empty() {
                self.look_at_files(run, turn);
            }
            turn.effects.extend(questions.into_iter().map(|question| match question {
                Question::Check { find_listener } => Effect::Check { proc, run, find_listener },
                Question::Progress => Effect::LookAtProgress { proc, run },
                Question::Tree => Effect::CountTree { proc, run },
            }));
        }
    }

    /// A start whose check asks for the wrong thing has no limit: the server answers, and
    /// starting it again would change nothing.
    fn without_limit_if_checked_wrongly(&mut self, due: Due, turn: &mut Turn<'_>) -> Due {
        if let Due::Ready { by: Some(by) } = due
            && turn.now >= by
            && let State::Starting { live, due, health } = &mut self.state
            && health.is_checked_wrongly()
            && let Some(failure) = health.last_failure()
        {
            *due = Due::Ready { by: None };
            let (name, within) = (self.spec.name.clone(), by - live.since);
            turn.log(Line::CheckedWrongly { name, within, failure });
            return Due::Ready { by: None };
        }
        due
    }

    /// Before it is stopped it is looked into: that destroys what can be seen.
    fn found_ill(&mut self, run: RunId, ill: Ill, turn: &mut Turn<'_>) {
        let (name, proc) = (self.name(), self.named.proc);
        // Who does not get ready in time has failed, whatever else is done about it.
        let observe =
            self.spec.health.action == Action::Observe && !matches!(ill, Ill::NotReady { .. });
        let until = turn.now + self.spec.health.evidence.limit + EVIDENCE_GRACE;
        let Some(health) = self.health_of(run) else { return };
        let new = health.tell(Some(ill));
        if observe && new {
            turn.log(Line::Ill { name, ill, observe });
        } else if !observe {
            health.condemn(ill, until);
            turn.log(Line::Ill { name, ill, observe });
            turn.effects.push(Effect::Collect { proc, run, ill });
        }
    }

    fn end_ill(&mut self, ill: Ill, turn: &mut Turn<'_>) {
        if let State::Starting { live, .. } | State::Running { live, .. } = self.state {
            self.ask_to_stop(live, Then::Fail(ill), turn);
        }
    }

    pub(super) fn health_of(&mut self, run: RunId) -> Option<&mut Health> {
        match &mut self.state {
            State::Starting { live, health, .. } | State::Running { live, health }
                if live.run == run =>
            {
                Some(health)
            }
            State::Starting { .. }
            | State::Running { .. }
            | State::Stopped { .. }
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Stopping { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => None,
        }
    }
}
