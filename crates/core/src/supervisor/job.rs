//! Job control of a program that runs once: as if nothing stood between it and its shell.

use std::time::Duration;

use super::{Supervisor, Transition};
use crate::effect::Effect;
use crate::ids::Pid;
use crate::input::Job;
use crate::signal::Signal;
use crate::spec::SignalRule;
use crate::time::Mono;

/// A program that is stopped (not ended) this soon after a signal that is to end it is
/// continued: it can't take the signal otherwise.
const TAKES_SIGNAL_WITHIN: Duration = Duration::from_secs(1);

/// What is known of stops by the terminal or by SIGSTOP.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct JobControl {
    /// When a signal that is to end the program was last passed on.
    told_to_end: Option<Mono>,
    /// The program, while it is stopped and the supervisor is not.
    stopped: Option<Pid>,
}

impl Supervisor {
    /// The program was stopped, or has stopped itself.
    pub(super) fn suspended(&mut self, pid: Pid, job: Job, cx: &mut Transition<'_>) {
        if self.signals != SignalRule::ForwardAll || self.main_process(pid).is_none() {
            return;
        }
        // Once: what stops again, as by reading from a terminal that it doesn't have, stays so.
        let told = self.job_control.told_to_end.take();
        let to_end = told.is_some_and(|at| cx.now - at < TAKES_SIGNAL_WITHIN);
        match job {
            Job::Controlled if !to_end => cx.effects.push(Effect::Suspend { pid }),
            Job::Unattended if !to_end => self.job_control.stopped = Some(pid),
            Job::Controlled | Job::Alone | Job::Unattended => {
                cx.effects.push(Effect::Resume { pid });
            }
        }
    }

    /// A signal that is to end the program has been passed on: one that is stopped can't
    /// take it before it goes on.
    pub(super) fn told_to_end(&mut self, signal: Signal, cx: &mut Transition<'_>) {
        for process in self.processes.values_mut() {
            process.told_to_end(signal, cx);
        }
        self.job_control.told_to_end = Some(cx.now);
        let stopped = self.job_control.stopped.take();
        if let Some(pid) = stopped.filter(|pid| self.main_process(*pid).is_some()) {
            cx.effects.push(Effect::Resume { pid });
        }
    }
}
