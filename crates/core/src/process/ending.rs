//! A run that ends, and what follows from that.

use std::time::Duration;

use super::{Fatal, Kill, Live, Process, State, Then, Turn};
use crate::effect::{Effect, Target};
use crate::ids::{Member, Pid, RunId};
use crate::input::Exit;
use crate::line::{GaveUp, Line};
use crate::retry::{Failures, Verdict};
use crate::signal::Signal;
use crate::spec::{Autorestart, RetryRule};
use crate::tree::{Push, Sweep, UNKILLABLE_AFTER};

impl Process {
    /// The main process ended.
    pub(crate) fn reaped(&mut self, exit: Exit, turn: &mut Turn<'_>) {
        self.history.stopped = Some(turn.wall);
        self.history.last_exit = Some(exit);
        match self.state.clone() {
            State::Starting { live, running_at } if turn.now < running_at => {
                self.history.error =
                    Some("Exited too quickly (process log may have details)".to_owned());
                turn.log(Line::Exited { name: self.name(), exit, expected: false });
                self.fail_run(live, false, exit, turn);
            }
            State::Starting { live, .. } | State::Running { live } => {
                self.exited(live, exit, turn);
            }
            State::Stopping { kill, then, .. } => {
                let expected = self.expects(exit);
                self.history.exit = Some(exit);
                self.enter(State::Stopped { then }, turn);
                turn.log(Line::Stopped { name: self.name(), exit, expected });
                let killed = matches!(kill, Kill::Sent { .. } | Kill::Stuck);
                self.sweep(if killed { Push::Force } else { Push::Ask }, turn);
                return;
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
        self.sweep(Push::Ask, turn);
    }

    /// One of those that it left behind ended.
    pub(crate) fn leftover_reaped(&mut self, pid: Pid, turn: &mut Turn<'_>) {
        let sweep = self.tree.reaped(pid);
        self.carry_out(sweep, turn);
    }

    /// Its tree was counted.
    pub(crate) fn counted(&mut self, run: RunId, members: Vec<Member>, turn: &mut Turn<'_>) {
        if run != RunId(self.runs) {
            return;
        }
        if let State::Stopping { kill: Kill::Sent { .. }, .. } = self.state {
            for member in members {
                turn.signal(Target::Member(member), Signal::KILL);
            }
            return;
        }
        let sweep = self.tree.counted(turn.now, members);
        self.carry_out(sweep, turn);
    }

    /// A run that was up ended without being asked to.
    fn exited(&mut self, live: Live, exit: Exit, turn: &mut Turn<'_>) {
        self.failures.forgive(self.spec.retry, turn.now - live.since);
        self.enter(State::Running { live }, turn);
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
        self.enter(State::Exited { exit, then }, turn);
        turn.log(Line::Exited { name: self.name(), exit, expected: expected && !failure });
        if failure {
            self.fail_run(live, true, exit, turn);
        }
    }

    /// A run ended in a way that counts as a failure.
    fn fail_run(&mut self, live: Live, ran: bool, exit: Exit, turn: &mut Turn<'_>) {
        match self.failures.add(ran, self.spec.startretries) {
            Verdict::Retry(wait) if wait.is_zero() => {
                self.enter(State::Exited { exit, then: Then::Run }, turn);
            }
            Verdict::Retry(wait) => self.back_off(wait, turn),
            Verdict::GiveUp => {
                self.give_up(GaveUp::TooManyRetries, exit.status(), turn);
                self.tell_last_run(live, exit, turn);
            }
        }
    }

    /// supervisord has no such line, so its own rules do without.
    fn tell_last_run(&self, live: Live, exit: Exit, turn: &mut Turn<'_>) {
        match self.spec.retry {
            RetryRule::FailedStarts => {}
            RetryRule::Consecutive { .. } | RetryRule::Once => {
                let uptime = turn.now - live.since;
                turn.log(Line::LastRun { name: self.name(), run: live.run.0, uptime, exit });
            }
        }
    }

    pub(super) fn back_off(&mut self, wait: Duration, turn: &mut Turn<'_>) {
        self.enter(State::Backoff { retry_at: turn.now + wait }, turn);
    }

    /// Goes to FATAL by way of BACKOFF, as observers of supervisord expect.
    pub(super) fn give_up(&mut self, why: GaveUp, status: u8, turn: &mut Turn<'_>) {
        self.back_off(Duration::ZERO, turn);
        self.enter(State::Fatal { why: Fatal::GaveUp { status } }, turn);
        self.failures = Failures::default();
        turn.log(Line::GaveUp { name: self.name(), why });
    }

    pub(super) fn sweep(&mut self, push: Push, turn: &mut Turn<'_>) {
        if self.spec.killtree {
            let sweep = self.tree.sweep(push);
            self.carry_out(sweep, turn);
        }
    }

    pub(super) fn carry_out(&mut self, sweep: Sweep, turn: &mut Turn<'_>) {
        let proc = self.named.proc;
        match sweep {
            Sweep::Nothing => {}
            Sweep::Count => {
                turn.effects.push(Effect::Census { proc, run: RunId(self.runs) });
            }
            Sweep::Signal(signal, members) => {
                let name = self.name();
                turn.log(Line::Leftovers { name, members: members.clone(), signal });
                if signal == Signal::KILL {
                    turn.effects.push(Effect::KillTree { proc });
                }
                for member in members {
                    turn.signal(Target::Member(member), signal);
                }
            }
            Sweep::GiveUp(members) => {
                self.report_unkillable(members.into_iter().map(|m| m.pid).collect(), turn);
            }
        }
    }

    pub(super) fn report_unkillable(&self, pids: Vec<Pid>, turn: &mut Turn<'_>) {
        turn.log(Line::Unkillable { name: self.name(), pids, after: UNKILLABLE_AFTER });
    }
}

/// supervisord's number for an exit: a signal's is -1.
fn shown_code(exit: Exit) -> i32 {
    match exit {
        Exit::Code(code) => code.into(),
        Exit::Signal { .. } => -1,
    }
}
