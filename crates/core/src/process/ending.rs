//! A run that ends, and what follows from that.

use std::rc::Rc;
use std::time::Duration;

use super::{Due, Fatal, Gate, Kill, Label, Live, Process, State, Then, Turn};
use crate::effect::{Effect, Target};
use crate::health::{Health, Ill};
use crate::ids::{Member, Pid, RunId};
use crate::input::{Circumstances, Death, Exit, Traits, TreeProcess};
use crate::line::{GaveUp, Line, NoHelper};
use crate::report::{Because, Cause, Class, Next, RunReport};
use crate::retry::{Failures, Verdict};
use crate::signal::Signal;
use crate::spec::health::{Action, Ready};
use crate::spec::{Autorestart, RetryRule};
use crate::time::Mono;
use crate::tree::{CleanupStep, Escalation, Occasion};

/// Uptime below which a program that leaves processes behind has probably put itself into
/// the background.
const AT_ONCE: Duration = Duration::from_secs(5);

impl Process {
    /// The main process ended.
    pub(crate) fn reaped(&mut self, exit: Exit, found: Circumstances, turn: &mut Turn<'_>) {
        let Circumstances { oom, last_line } = found;
        self.last_line = last_line;
        self.history.stopped = Some(turn.wall);
        self.history.last_exit = Some(exit);
        if let Some(record) = &mut self.stop_record {
            record.main_ended = Some(turn.now);
        }
        let cause = match exit {
            _ if oom => Cause::Oom,
            Exit::Code(code) => Cause::Exit(code),
            Exit::Signal { .. } => Cause::Signal,
        };
        match self.state.clone() {
            State::Starting { live, due, .. } if !due.is_over(turn.now) => {
                self.history.error =
                    Some("Exited too quickly (process log may have details)".to_owned());
                turn.log(self.exited_line(live, exit, false));
                self.fail_run(live, exit, cause, turn);
            }
            State::Starting { live, .. } | State::Running { live, .. } => {
                self.exited(live, exit, cause, turn);
            }
            State::Stopping { live, kill, then } => {
                match then {
                    Then::Fail(ill) => self.ended_ill(live, exit, ill, turn),
                    Then::Run | Then::Rest => self.stopped(live, exit, then, turn),
                }
                return match kill {
                    Kill::NotYet => self.lead_ended(exit, turn),
                    Kill::Sent { .. } | Kill::Stuck => {
                        self.sweep(Escalation::Force(turn.unkillable_after), turn);
                    }
                };
            }
            State::Stopped { .. }
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => {
                let what = format!("{} ended while it was not alive", self.spec.name);
                return turn.log(Line::Bug { what });
            }
        }
        if self.tree.is_draining() {
            self.lead_ended(exit, turn);
        } else {
            self.sweep(Escalation::Ask(self.spec.leftover_grace), turn);
        }
    }

    fn stopped(&mut self, live: Live, exit: Exit, then: Then, turn: &mut Turn<'_>) {
        let expected = self.expects(exit);
        self.history.exit = Some(exit);
        self.enter(State::Stopped { then }, turn);
        let (name, Live { pid, run: RunId(run), .. }) = (self.name(), live);
        turn.log(Line::Stopped { name, pid, run, exit, expected });
    }

    fn exited_line(&self, live: Live, exit: Exit, expected: bool) -> Line {
        let (name, Live { pid, run: RunId(run), .. }) = (self.name(), live);
        Line::Exited { name, pid, run, exit, expected }
    }

    /// It was ill, and has been made to end.
    fn ended_ill(&mut self, live: Live, exit: Exit, ill: Ill, turn: &mut Turn<'_>) {
        self.history.exit = Some(exit);
        self.history.error = Some(ill.to_string());
        turn.log(self.exited_line(live, exit, false));
        let (status, ends) = match self.spec.health.action {
            Action::Observe | Action::Restart => {
                if let Some(up_at) = live.up_at {
                    self.forgive(turn.now - up_at);
                }
                return self.fail_run(live, exit, Cause::Health(ill), turn);
            }
            Action::Stop => (1, false),
            Action::Exit(code) => (code, true),
        };
        let because = self.file_report(Some((live, exit)), Cause::Health(ill), Next::GiveUp, turn);
        self.enter(State::Fatal { why: Fatal::Ill { status, ends } }, turn);
        self.failures = Failures::default();
        let ends_all = ends || self.takes_all_along();
        turn.log(Line::GaveUp { name: self.name(), why: GaveUp::Ill, because, ends_all });
    }

    /// A process of its tree ended, while the main process lived. Not if that is to end: then
    /// the others end with it.
    pub(crate) fn descendant_ended(&mut self, main: Pid, death: Death, turn: &Turn<'_>) {
        if let State::Starting { live, .. } | State::Running { live, .. } = self.state
            && live.pid == main
        {
            self.deaths.note(turn.now, death);
        }
    }

    /// One of those that it left behind ended.
    pub(crate) fn leftover_reaped(&mut self, pid: Pid, exit: Exit, turn: &mut Turn<'_>) {
        let step = self.tree.reaped(pid, exit, turn.unkillable_after);
        self.carry_out(step, turn);
    }

    /// All those of its tree that were waited for have ended.
    pub(crate) fn tree_ended(&mut self, run: RunId, turn: &mut Turn<'_>) {
        if run == RunId(self.runs) {
            let step = self.tree.ended();
            self.carry_out(step, turn);
        }
    }

    /// Its tree was counted.
    pub(crate) fn counted(
        &mut self,
        run: RunId,
        main: Option<Traits>,
        found: Vec<TreeProcess>,
        turn: &mut Turn<'_>,
    ) {
        if run != RunId(self.runs) {
            return;
        }
        if let State::Stopping { kill: Kill::Sent { .. }, .. } = self.state {
            for process in found {
                turn.signal(Target::Member(process.member), Signal::KILL);
            }
            return;
        }
        let step = self.tree.counted(turn.now, main, found, turn.unkillable_after);
        self.carry_out(step, turn);
        if let Some(members) = self.tree.awaited() {
            if let Some(report) = &mut self.report {
                report.leftovers = report.leftovers.max(members.len());
            }
            let (proc, run) = (self.named.proc, RunId(self.runs));
            turn.effects.push(Effect::AwaitEnd { proc, run, members });
        }
    }

    /// A run that was up ended without being asked to.
    fn exited(&mut self, live: Live, exit: Exit, cause: Cause, turn: &mut Turn<'_>) {
        let up_at = live.up_at.unwrap_or(live.since);
        let live = Live { up_at: Some(up_at), ..live };
        // With supervisord's own rule the whole uptime counts.
        let since = match self.spec.health.ready {
            Ready::Startsecs => live.since,
            Ready::Checked | Ready::Notified | Ready::Logged(_) => up_at,
        };
        self.forgive(turn.now - since);
        self.enter(State::Running { live, health: Health::default() }, turn);
        let expected = self.expects(exit);
        self.history.exit = Some(exit);
        if !expected {
            self.history.error = Some(format!("Bad exit code {}", shown_code(exit)));
        }
        let again = match self.spec.autorestart {
            Autorestart::Never => false,
            Autorestart::Unexpected => !expected,
            Autorestart::Always => true,
        };
        let failure = again
            && match self.spec.retry {
                RetryRule::FailedStarts => false,
                RetryRule::Consecutive { .. } | RetryRule::Once => true,
            };
        let then = if again && !failure { Then::Run } else { Then::Rest };
        self.enter(State::Exited { exit, then, told: false }, turn);
        turn.log(self.exited_line(live, exit, expected && !failure));
        if failure {
            self.fail_run(live, exit, cause, turn);
        } else if again {
            self.file_report(Some((live, exit)), cause, Next::Restart(Duration::ZERO), turn);
        } else if !expected || cause.class() == Class::Oom {
            self.file_report(Some((live, exit)), cause, Next::Rest, turn);
        }
    }

    /// Forgets past failures if a run of this length makes up for them. One that waited all
    /// the time for something, and was never ready by its check, does not.
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

    /// A run ended in a way that counts as a failure.
    fn fail_run(&mut self, live: Live, exit: Exit, cause: Cause, turn: &mut Turn<'_>) {
        let ended = Some((live, exit));
        if !self.spec.main && self.expects(exit) && self.failures.count() == 0 {
            self.warn_of_helper(exit, turn);
        }
        match self.failures.add(live.up_at.is_some(), self.retries()) {
            Verdict::Retry(wait) => {
                self.file_report(ended, cause, Next::Restart(wait), turn);
                if wait.is_zero() {
                    self.enter(State::Exited { exit, then: Then::Run, told: false }, turn);
                } else {
                    self.back_off(wait, turn);
                }
            }
            Verdict::GiveUp => {
                let because = self.file_report(ended, cause, Next::GiveUp, turn);
                self.give_up(GaveUp::TooManyRetries, because.clone(), exit.status(), turn);
                self.tell_last_run(live, exit, because, turn);
            }
        }
    }

    /// Beside the server, what ends as it should may well be a helper that runs once. By its
    /// settings it is none, and that ends the server after a few more.
    fn warn_of_helper(&self, exit: Exit, turn: &mut Turn<'_>) {
        let because = match self.spec.autorestart {
            Autorestart::Always => NoHelper::KeptRunning,
            Autorestart::Never | Autorestart::Unexpected => NoHelper::TooQuick,
        };
        turn.log(Line::HelperFails {
            name: self.name(),
            program: self.spec.program.clone(),
            exit,
            because,
            of: self.retries().saturating_add(1),
            ends_all: self.takes_all_along(),
        });
    }

    /// What exits well at once and leaves processes behind has probably put itself into the
    /// background, where nobody can keep it.
    fn suspect_background(&mut self, left: usize, turn: &mut Turn<'_>) {
        let Some(report) = &self.report else { return };
        let at_once = report.uptime < AT_ONCE && report.exit == Some(Exit::Code(0));
        if at_once && !self.told_background {
            self.told_background = true;
            let (name, uptime) = (self.name(), report.uptime);
            turn.log(Line::WentToBackground { name, uptime, left });
        }
    }

    /// Notes what is known of a run that ended unasked, or could not begin. It is told once
    /// all that the run left behind has gone. Returns why the run ended, for a line; with
    /// supervisord's own rules lines are supervisord's, and have no room for that.
    pub(super) fn file_report(
        &mut self,
        ended: Option<(Live, Exit)>,
        cause: Cause,
        next: Next,
        turn: &mut Turn<'_>,
    ) -> Option<Because> {
        let next = match next {
            Next::Restart(_) if turn.ending => Next::Rest,
            Next::Restart(_) | Next::Rest | Next::GiveUp => next,
        };
        if let Next::Restart(_) = next {
            let class = cause.class();
            for (known, count) in &mut self.history.restarts {
                *count += u64::from(*known == class);
            }
        }
        let live = ended.map(|(live, _)| live);
        let report = RunReport {
            process: Rc::clone(&self.named),
            // Who is held back has not begun it.
            run: RunId(self.runs + u64::from(self.gate != Gate::Open)),
            pid: live.map(|live| live.pid),
            cause,
            exit: ended.map(|(_, exit)| exit),
            started: self.history.started.unwrap_or(turn.wall),
            ended: turn.wall,
            uptime: live.map_or(Duration::ZERO, |live| turn.now - live.since),
            up_after: live.and_then(|live| Some(live.up_at? - live.since)),
            forerunner: self.deaths.before(turn.now),
            last_line: self.last_line.take(),
            leftovers: 0,
            next,
        };
        let because = match self.spec.retry {
            RetryRule::FailedStarts => None,
            RetryRule::Consecutive { .. } | RetryRule::Once => Some(report.because()),
        };
        self.report = Some(Box::new(report));
        // Otherwise there is nothing to wait for.
        if ended.is_none() || !self.spec.killtree {
            self.tell_report(turn);
        }
        because
    }

    fn tell_report(&mut self, turn: &mut Turn<'_>) {
        turn.effects.extend(self.report.take().map(Effect::Report));
    }

    /// supervisord has no such line, so its own rules do without.
    fn tell_last_run(&self, live: Live, exit: Exit, because: Option<Because>, turn: &mut Turn<'_>) {
        if let Some(because) = because {
            let uptime = turn.now - live.since;
            let (name, run, ends_all) = (self.name(), live.run.0, self.takes_all_along());
            turn.log(Line::LastRun { name, run, uptime, exit, because, ends_all });
        }
    }

    pub(super) fn back_off(&mut self, wait: Duration, turn: &mut Turn<'_>) {
        self.enter(State::Backoff { retry_at: turn.now + wait }, turn);
    }

    /// Goes to FATAL by way of BACKOFF, as observers of supervisord expect.
    pub(super) fn give_up(
        &mut self,
        why: GaveUp,
        because: Option<Because>,
        status: u8,
        turn: &mut Turn<'_>,
    ) {
        // Who never began has nothing to back off from.
        if self.label() != Label::Stopped {
            self.back_off(Duration::ZERO, turn);
        }
        self.enter(State::Fatal { why: Fatal::GaveUp { status } }, turn);
        self.failures = Failures::default();
        let ends_all = match why {
            // Nobody else says why nothing ran.
            GaveUp::DependencyLost(_) | GaveUp::TargetUnreached { .. } => self.spec.essential,
            GaveUp::TooManyRetries | GaveUp::CannotStart | GaveUp::Unkillable | GaveUp::Ill => {
                self.takes_all_along()
            }
        };
        let name = self.name();
        turn.log(Line::GaveUp { name, why, because, ends_all });
    }

    /// Whether everything ends when it is given up. To run once is to end, with no word about it.
    fn takes_all_along(&self) -> bool {
        self.spec.essential && self.spec.retry != RetryRule::Once
    }

    pub(super) fn sweep(&mut self, step: Escalation, turn: &mut Turn<'_>) {
        if self.spec.killtree {
            self.look_at_files(RunId(self.runs), turn);
            let step = self.tree.sweep(step);
            self.carry_out(step, turn);
        }
    }

    /// Its main process ended during a stop.
    fn lead_ended(&mut self, exit: Exit, turn: &mut Turn<'_>) {
        self.look_at_files(RunId(self.runs), turn);
        let step = self.tree.lead_ended(turn.now, exit, self.spec.leftover_grace);
        self.carry_out(step, turn);
    }

    pub(super) fn carry_out(&mut self, step: CleanupStep, turn: &mut Turn<'_>) {
        let proc = self.named.proc;
        match step {
            CleanupStep::Nothing => {}
            CleanupStep::Done => {
                self.tell_stop(turn);
                self.tell_report(turn);
                self.tidy(if turn.ending { Occasion::End } else { Occasion::Start }, turn);
            }
            CleanupStep::Count => {
                turn.effects.push(Effect::Census { proc, run: RunId(self.runs) });
            }
            CleanupStep::Ask(asks) => self.ask_others(asks, turn),
            CleanupStep::KillMain => self.kill(turn),
            CleanupStep::Signal(signal, members) => self.signal_leftovers(signal, members, turn),
            CleanupStep::GiveUp(members) => {
                if let Some(report) = &mut self.report {
                    (report.cause, report.next) = (Cause::Unkillable, Next::GiveUp);
                }
                self.tell_stop(turn);
                self.tell_report(turn);
                self.report_unkillable(members.iter().map(|m| m.pid).collect(), turn);
                // Whichever was born only now has not been killed yet.
                for member in members {
                    turn.signal(Target::Member(member), Signal::KILL);
                }
            }
        }
    }

    fn signal_leftovers(&mut self, signal: Signal, members: Vec<Member>, turn: &mut Turn<'_>) {
        self.suspect_background(members.len(), turn);
        turn.log(Line::Leftovers { name: self.name(), members: members.clone(), signal });
        if signal == Signal::KILL {
            self.count_kills(members.len());
            turn.effects.push(Effect::KillTree { proc: self.named.proc });
        }
        for member in members {
            turn.signal(Target::Member(member), signal);
        }
    }

    pub(super) fn report_unkillable(&self, pids: Vec<Pid>, turn: &mut Turn<'_>) {
        let after = turn.unkillable_after;
        turn.log(Line::Unkillable { name: self.name(), pids, after });
    }
}

impl Due {
    /// Whether a run that ends now had been up.
    fn is_over(self, now: Mono) -> bool {
        match self {
            Self::Up(at) => now >= at,
            Self::Ready { .. } => false,
        }
    }
}

/// supervisord's number for an exit: a signal's is -1.
fn shown_code(exit: Exit) -> i32 {
    match exit {
        Exit::Code(code) => code.into(),
        Exit::Signal { .. } => -1,
    }
}
