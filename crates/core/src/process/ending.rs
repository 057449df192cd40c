//! Handles the exit of a run, and its leftover processes.

use std::rc::Rc;
use std::time::Duration;

use super::{
    AfterExit, AfterStop, Due, Fatal, Intent, Kill, Live, Process, State, StateName, Transition,
};
use crate::effect::Effect;
use crate::failure::Class;
use crate::health::{Health, Unhealthy};
use crate::ids::{Member, Pid, RunId};
use crate::input::{Circumstances, Death, Exit, Traits, TreeProcess};
use crate::line::{GaveUp, Line, NoHelper};
use crate::notice::Notice;
use crate::report::{Because, Cause, Next};
use crate::retry::{Failures, RetryDecision};
use crate::signal::{Signal, SignalTarget};
use crate::spec::failure::RuleSpec;
use crate::spec::health::{Action, Ready};
use crate::spec::{Autorestart, RetryRule};
use crate::time::Mono;
use crate::tree::{CleanupStep, Escalation, Occasion};

/// A program that leaves processes behind after a shorter uptime has probably moved itself to the
/// background.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Time before a failed census is repeated.
const CENSUS_PAUSE: Duration = Duration::from_secs(1);

impl Process {
    /// Handles the exit of the main process.
    pub(crate) fn reaped(&mut self, exit: Exit, found: Circumstances, cx: &mut Transition<'_>) {
        let Circumstances { oom_kills, last_line, found, shared_memory_full, texts } = found;
        self.last_line = last_line;
        self.note_end(exit, cx.wall, cx.now);
        self.history.stopped = Some(cx.wall);
        self.history.last_exit = Some(exit);
        if let Some(record) = &mut self.stop_record {
            record.main_ended = Some(cx.now);
        }
        let cause = if oom_kills.explain(exit) {
            Cause::Oom
        } else {
            self.cause(exit, found.as_ref(), shared_memory_full)
        };
        let rule = self.rule_for(exit, &texts);
        let unhealthy = self.explained_by_health(exit, &cause);
        match (self.state.clone(), unhealthy) {
            (State::Starting { live, .. } | State::Running { live, .. }, Some(unhealthy)) => {
                self.ended_before_stop((live, exit), unhealthy, cx);
            }
            (State::Starting { live, due, .. }, None) if !due.is_over(cx.now) => {
                self.history.error =
                    Some("Exited too quickly (process log may have details)".to_owned());
                cx.log(self.exited_line(live, exit, false));
                match rule.as_deref().filter(|rule| rule.ends()) {
                    Some(rule) => self.end_by_rule((live, exit), cause, rule, cx),
                    None => self.fail_run((live, exit), cause, rule.as_deref(), cx),
                }
            }
            (State::Starting { live, .. } | State::Running { live, .. }, None) => {
                self.exited(live, exit, cause, rule.as_deref(), cx);
            }
            (State::Stopping { live, kill, after }, _) => {
                return self.ended_in_stop((live, exit), kill, after, cx);
            }
            (
                State::Stopped { .. }
                | State::Spawning { .. }
                | State::Backoff { .. }
                | State::Exited { .. }
                | State::Fatal { .. },
                _,
            ) => {
                let what = format!("{} ended while it was not alive", self.spec.name);
                return cx.log(Line::Bug { what });
            }
        }
        if self.tree.is_draining() {
            self.lead_ended(exit, cx);
        } else {
            self.sweep(Escalation::Ask(self.spec.leftover_grace), cx);
        }
    }

    fn ended_in_stop(
        &mut self,
        (live, exit): (Live, Exit),
        kill: Kill,
        after: AfterStop,
        cx: &mut Transition<'_>,
    ) {
        match after {
            AfterStop::Fail(unhealthy) => self.ended_unhealthy(live, exit, unhealthy, cx),
            AfterStop::Run => self.stopped(live, exit, Intent::Run, cx),
            AfterStop::Rest => self.stopped(live, exit, Intent::Rest, cx),
        }
        match kill {
            Kill::NotYet => self.lead_ended(exit, cx),
            Kill::Sent { .. } | Kill::Stuck => {
                self.sweep(Escalation::Force(cx.unkillable_after), cx);
            }
        }
    }

    fn stopped(&mut self, live: Live, exit: Exit, intent: Intent, cx: &mut Transition<'_>) {
        let expected = self.expects(exit);
        self.history.exit = Some(exit);
        self.enter(State::Stopped { intent }, cx);
        let (name, Live { pid, run: RunId(run), .. }) = (self.name(), live);
        cx.log(Line::Stopped { name, pid, run, exit, expected });
    }

    fn exited_line(&self, live: Live, exit: Exit, expected: bool) -> Line {
        let (name, Live { pid, run: RunId(run), .. }) = (self.name(), live);
        Line::Exited { name, pid, run, exit, expected }
    }

    /// Handles the exit of a process that the supervisor stopped, or would have stopped next,
    /// because it was unhealthy.
    pub(super) fn ended_unhealthy(
        &mut self,
        live: Live,
        exit: Exit,
        unhealthy: Unhealthy,
        cx: &mut Transition<'_>,
    ) {
        self.history.exit = Some(exit);
        self.history.error = Some(unhealthy.to_string());
        cx.log(self.exited_line(live, exit, false));
        if let Some(signal) = self.dump_signal_of(exit) {
            cx.log(Line::DumpSignalEnds { name: self.name(), signal });
        }
        let (status, ends) = match self.spec.health.action {
            Action::Observe | Action::Restart => {
                if let Some(up_at) = live.up_at {
                    self.forgive(cx.now - up_at);
                }
                return self.fail_run((live, exit), Cause::Health(unhealthy), None, cx);
            }
            Action::Stop => (self.spec.failure.exit_code(Cause::Health(unhealthy).class()), false),
            Action::Exit(code) => (code, true),
        };
        let because =
            self.file_report(Some((live, exit)), Cause::Health(unhealthy), Next::GiveUp, cx);
        if self.state_name() != StateName::Stopping {
            self.back_off(Duration::ZERO, cx);
        }
        self.enter(State::Fatal { why: Fatal::ByAction { status, ends } }, cx);
        self.failures = Failures::default();
        let ends_all = ends || self.takes_all_along();
        self.notice_given_up(&GaveUp::Unhealthy, because.as_ref(), cx);
        cx.log(Line::GaveUp { name: self.name(), why: GaveUp::Unhealthy, because, ends_all });
    }

    /// Notes the exit of a descendant while the main process is running. During a stop it is
    /// expected and not noted.
    pub(crate) fn descendant_ended(&mut self, main: Pid, death: Death, cx: &Transition<'_>) {
        if let State::Starting { live, .. } | State::Running { live, .. } = self.state
            && live.pid == main
        {
            self.deaths.note(cx.now, death);
        }
    }

    /// Handles the exit of a leftover process.
    pub(crate) fn leftover_reaped(&mut self, pid: Pid, exit: Exit, cx: &mut Transition<'_>) {
        let step = self.tree.reaped(pid, exit, cx.unkillable_after);
        self.carry_out(step, cx);
    }

    /// Handles the exit of all processes that the daemon was asked to wait for.
    pub(crate) fn tree_ended(&mut self, cx: &mut Transition<'_>) {
        let step = self.tree.ended();
        self.carry_out(step, cx);
    }

    /// Requests a census.
    pub(super) fn count_tree(&mut self, cx: &mut Transition<'_>) {
        self.recount_at = None;
        cx.effects.push(Effect::Census { proc: self.named.proc, run: self.run() });
    }

    /// Schedules another census after one failed.
    pub(crate) fn count_later(&mut self, cx: &Transition<'_>) {
        let killed = matches!(self.state, State::Stopping { kill: Kill::Sent { .. }, .. });
        if killed || self.tree.awaits_count() {
            self.recount_at = Some(cx.now + CENSUS_PAUSE);
        }
    }

    /// Takes the result of a census. `takes_orphans`: see [`Self::claim`].
    pub(crate) fn counted(
        &mut self,
        main: Option<Traits>,
        found: Vec<TreeProcess>,
        takes_orphans: bool,
        cx: &mut Transition<'_>,
    ) {
        self.recount_at = None;
        let found = self.claim(found, takes_orphans, cx);
        if let State::Stopping { kill: Kill::Sent { .. }, .. } = self.state {
            for process in found {
                cx.signal(SignalTarget::Member(process.member), Signal::KILL);
            }
            return;
        }
        let step = self.tree.counted(cx.now, main, found, cx.unkillable_after);
        self.carry_out(step, cx);
        if let Some(members) = self.tree.awaited() {
            if let Some(report) = &mut self.report {
                report.leftovers = report.leftovers.max(members.len());
            }
            let (proc, run) = (self.named.proc, self.run());
            cx.effects.push(Effect::AwaitEnd { proc, run, members });
        }
    }

    /// Handles the exit of a RUNNING process that was not requested.
    fn exited(
        &mut self,
        live: Live,
        exit: Exit,
        cause: Cause,
        rule: Option<&RuleSpec>,
        cx: &mut Transition<'_>,
    ) {
        let up_at = live.up_at.unwrap_or(live.since);
        let live = Live { up_at: Some(up_at), ..live };
        // supervisord's rule counts the whole uptime.
        let since = match self.spec.health.ready {
            Ready::Startsecs => live.since,
            Ready::Checked | Ready::Notified | Ready::Logged(_) => up_at,
        };
        self.forgive(cx.now - since);
        self.enter(State::Running { live, health: Health::default() }, cx);
        let expected = self.expects(exit);
        self.history.exit = Some(exit);
        if !expected {
            self.history.error = Some(format!("Bad exit code {}", shown_code(exit)));
        }
        let again = match (rule, self.spec.autorestart) {
            (Some(rule), _) => !rule.ends(),
            (None, Autorestart::Never) => false,
            (None, Autorestart::Unexpected) => !expected,
            (None, Autorestart::Always) => true,
        };
        let failure = again
            && match self.spec.retry {
                RetryRule::FailedStarts => false,
                RetryRule::Consecutive { .. } | RetryRule::Once => true,
            };
        let after = if again && !failure {
            AfterExit::Run { at: cx.now + self.paced(Duration::ZERO, cx) }
        } else {
            AfterExit::Rest
        };
        self.enter(State::Exited { exit, after }, cx);
        cx.log(self.exited_line(live, exit, expected && !failure));
        if let Some(rule) = rule.filter(|rule| rule.ends()) {
            self.end_by_rule((live, exit), cause, rule, cx);
        } else if failure {
            self.fail_run((live, exit), cause, rule, cx);
        } else if let AfterExit::Run { at } = after {
            self.file_report(Some((live, exit)), cause, Next::Restart(at - cx.now), cx);
        } else if !expected || cause.says_more() {
            self.file_report(Some((live, exit)), cause, Next::Rest, cx);
        }
    }

    /// Resets the failure count if the run lasted long enough. A run that waited for something all
    /// the time, and whose check never succeeded, does not reset it.
    fn forgive(&mut self, uptime: Duration) {
        let proven = match self.spec.health.ready {
            Ready::Startsecs => self.spec.health.check.is_none() || self.answered,
            Ready::Checked | Ready::Notified | Ready::Logged(_) => true,
        };
        match self.spec.retry {
            RetryRule::Consecutive { .. } if !proven => {}
            rule @ (RetryRule::FailedStarts | RetryRule::Consecutive { .. } | RetryRule::Once) => {
                self.failures.forgive(rule, uptime);
            }
        }
    }

    /// Handles an exit that counts as a failure. `rule`: a user's rule that requires a restart.
    fn fail_run(
        &mut self,
        (live, exit): (Live, Exit),
        cause: Cause,
        rule: Option<&RuleSpec>,
        cx: &mut Transition<'_>,
    ) {
        let ended = Some((live, exit));
        if !self.spec.main && self.expects(exit) && self.failures.count() == 0 {
            self.warn_of_helper(exit, cx);
        }
        let outcome = (exit.status(), cause.class());
        if rule.is_some() {
            self.hopeless = None;
        }
        let decision = if rule.is_none() && self.is_hopeless(&cause) {
            Err(GaveUp::Repeated)
        } else {
            match self.failed(live.up_at.is_some(), cx) {
                RetryDecision::Retry(wait) => Ok(wait),
                RetryDecision::GiveUp => Err(GaveUp::TooManyRetries),
            }
        };
        match decision {
            Ok(wait) => {
                self.file_report(ended, cause, Next::Restart(wait), cx);
                // Only a process that was RUNNING can become EXITED.
                if wait.is_zero() && live.up_at.is_some() {
                    self.enter(State::Exited { exit, after: AfterExit::Run { at: cx.now } }, cx);
                } else {
                    self.back_off(wait, cx);
                }
            }
            Err(why) => {
                let because = self.file_report(ended, cause, Next::GiveUp, cx);
                self.give_up(why, because.clone(), outcome, cx);
                self.tell_last_run(live, exit, because, cx);
            }
        }
    }

    /// Warns that an additional program that exits as expected is configured to keep running. The
    /// supervisor would give up after a few more exits, although the program may be a one-time
    /// helper.
    fn warn_of_helper(&self, exit: Exit, cx: &mut Transition<'_>) {
        let because = match self.spec.autorestart {
            Autorestart::Always => NoHelper::KeptRunning,
            Autorestart::Never | Autorestart::Unexpected => NoHelper::TooQuick,
        };
        cx.log(Line::HelperFails {
            name: self.name(),
            program: self.spec.program.clone(),
            exit,
            because,
            of: self.retries().saturating_add(1),
            ends_all: self.takes_all_along(),
        });
    }

    /// Warns about a program that exits successfully within seconds and leaves processes behind: it
    /// has probably moved itself to the background, where it cannot be supervised.
    fn suspect_background(&mut self, left: usize, cx: &mut Transition<'_>) {
        let Some(report) = &self.report else { return };
        let at_once = report.uptime < AT_ONCE && report.exit == Some(Exit::Code(0));
        if at_once && !self.told_background {
            self.told_background = true;
            let (name, uptime) = (self.name(), report.uptime);
            cx.log(Line::WentToBackground { name, uptime, left });
        }
    }

    pub(super) fn back_off(&mut self, wait: Duration, cx: &mut Transition<'_>) {
        self.enter(State::Backoff { retry_at: cx.now + wait }, cx);
    }

    /// Enters FATAL through BACKOFF, as event listeners for supervisord expect.
    pub(super) fn give_up(
        &mut self,
        why: GaveUp,
        because: Option<Because>,
        (status, class): (u8, Class),
        cx: &mut Transition<'_>,
    ) {
        // A program that never started does not enter BACKOFF.
        if self.state_name() != StateName::Stopped {
            self.back_off(Duration::ZERO, cx);
        }
        let code = self.spec.failure.exit_code(class);
        self.enter(State::Fatal { why: Fatal::GaveUp { status, code } }, cx);
        (self.failures, self.hopeless) = (Failures::default(), None);
        let ends_all = match why {
            // Say that the supervisor exits, because no other line explains why nothing ran.
            GaveUp::DependencyLost(_) | GaveUp::TargetUnreached { .. } => self.spec.essential,
            GaveUp::TooManyRetries
            | GaveUp::CannotStart
            | GaveUp::Unkillable
            | GaveUp::Unhealthy
            | GaveUp::Repeated
            | GaveUp::Rule(_)
            | GaveUp::Hopeless => self.takes_all_along(),
        };
        self.notice_given_up(&why, because.as_ref(), cx);
        let name = self.name();
        cx.log(Line::GaveUp { name, why, because, ends_all });
    }

    pub(super) fn notice_given_up(
        &self,
        why: &GaveUp,
        because: Option<&Because>,
        cx: &mut Transition<'_>,
    ) {
        let process = Rc::clone(&self.named);
        let why = because.map_or_else(|| why.to_string(), Because::to_string);
        cx.notice(Notice::GaveUp { process, why });
    }

    /// Whether the supervisor exits when it gives up on the process. A command that runs once
    /// always ends the supervisor, so no line says so.
    pub(super) fn takes_all_along(&self) -> bool {
        self.spec.essential && self.spec.retry != RetryRule::Once
    }

    pub(super) fn sweep(&mut self, step: Escalation, cx: &mut Transition<'_>) {
        if self.spec.killtree {
            self.look_at_files(self.run(), cx);
            let step = self.tree.sweep(step);
            self.carry_out(step, cx);
        }
    }

    /// Handles the exit of the main process during a stop.
    fn lead_ended(&mut self, exit: Exit, cx: &mut Transition<'_>) {
        self.look_at_files(self.run(), cx);
        let step = self.tree.lead_ended(cx.now, exit, self.spec.leftover_grace);
        self.carry_out(step, cx);
    }

    pub(super) fn carry_out(&mut self, step: CleanupStep, cx: &mut Transition<'_>) {
        match step {
            CleanupStep::Nothing => {}
            CleanupStep::Done => {
                self.tell_stop(cx);
                // Otherwise the GPU state, which the report includes, is not known yet.
                if cx.ending || !self.awaits_devices() || !self.is_to_restart() {
                    self.tell_report(cx);
                }
                self.tidy(if cx.ending { Occasion::End } else { Occasion::Start }, cx);
                self.await_if_wanted(cx);
            }
            CleanupStep::Count => self.count_tree(cx),
            CleanupStep::Ask(asks) => self.ask_others(asks, cx),
            CleanupStep::KillMain => self.kill(cx),
            CleanupStep::Signal(signal, members) => self.signal_leftovers(signal, members, cx),
            CleanupStep::GiveUp(members) => {
                if let Some(report) = &mut self.report {
                    (report.cause, report.next) = (Cause::Unkillable, Next::GiveUp);
                }
                self.tell_stop(cx);
                self.tell_report(cx);
                self.report_unkillable(members.iter().map(|m| m.pid).collect(), cx);
                // A process that was forked only now has not been killed yet.
                for member in members {
                    cx.signal(SignalTarget::Member(member), Signal::KILL);
                }
            }
        }
    }

    fn signal_leftovers(&mut self, signal: Signal, members: Vec<Member>, cx: &mut Transition<'_>) {
        self.suspect_background(members.len(), cx);
        cx.log(Line::Leftovers { name: self.name(), members: members.clone(), signal });
        if signal == Signal::KILL {
            self.count_kills(members.len());
            cx.effects.push(Effect::KillTree { proc: self.named.proc });
        }
        for member in members {
            cx.signal(SignalTarget::Member(member), signal);
        }
    }

    pub(super) fn report_unkillable(&self, pids: Vec<Pid>, cx: &mut Transition<'_>) {
        let after = cx.unkillable_after;
        cx.log(Line::Unkillable { name: self.name(), pids, after });
    }
}

impl Due {
    /// Whether the process had been up at the time of its exit.
    fn is_over(self, now: Mono) -> bool {
        match self {
            Self::Up(at) => now >= at,
            Self::Ready { .. } => false,
        }
    }
}

/// The exit code as supervisord shows it: -1 for a signal.
fn shown_code(exit: Exit) -> i32 {
    match exit {
        Exit::Code(code) => code.into(),
        Exit::Signal { .. } => -1,
    }
}
