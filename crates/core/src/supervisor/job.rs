//! Job control for a program that runs once: it behaves as if its shell had started it directly.

use std::time::Duration;

use super::{Supervisor, Transition};
use crate::effect::Effect;
use crate::ids::Pid;
use crate::input::Job;
use crate::signal::Signal;
use crate::spec::SignalRule;
use crate::time::Mono;

/// A program that is suspended this soon after a stop signal is continued, because it cannot handle
/// the signal otherwise.
const TAKES_SIGNAL_WITHIN: Duration = Duration::from_secs(1);

/// Suspensions by the terminal or by SIGSTOP.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct JobControl {
    /// When the latest stop signal was forwarded to the program.
    told_to_end: Option<Mono>,
    /// The program, while it is suspended and the supervisor is not.
    stopped: Option<Pid>,
}

impl Supervisor {
    /// Handles the suspension of a child.
    pub(super) fn suspended(&mut self, pid: Pid, job: Job, cx: &mut Transition<'_>) {
        if self.signals != SignalRule::ForwardAll || self.main_process(pid).is_none() {
            return;
        }
        // Only once: a program that suspends itself again, for example because it reads from a
        // terminal that it does not own, stays suspended.
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

    /// Notes a stop signal that was forwarded to the program. A suspended program is continued,
    /// because it cannot handle the signal otherwise.
    pub(super) fn told_to_end(&mut self, signal: Signal, cx: &mut Transition<'_>) {
        self.processes.for_each(|process| process.told_to_end(signal, cx));
        self.job_control.told_to_end = Some(cx.now);
        let stopped = self.job_control.stopped.take();
        if let Some(pid) = stopped.filter(|pid| self.main_process(*pid).is_some()) {
            cx.effects.push(Effect::Resume { pid });
        }
    }
}
