//! Job control of a program that runs once.

use std::time::Duration;

use supervisor_core::Effect;
use supervisor_core::ids::Pid;
use supervisor_core::input::Job;
use supervisor_core::signal::Signal;
use supervisor_core::spec::SignalRule;
use supervisor_core::time::Mono;

use super::Model;
use crate::invariants::hold;

#[derive(Default)]
pub(super) struct JobControl {
    /// When a stop signal was last forwarded to the program.
    told_at: Option<Mono>,
    /// The suspended program.
    stopped: Option<Pid>,
    /// The effect that is expected in this turn.
    pub(super) expected: Option<Effect>,
}

impl Model {
    pub(super) fn suspended(&mut self, pid: Pid, job: Job, now: Mono) {
        if self.signals != SignalRule::ForwardAll || self.main(pid).is_none() {
            return;
        }
        let told = self.job.told_at.take().is_some_and(|at| now < at + Duration::from_secs(1));
        match (told, job) {
            (false, Job::Controlled) => self.job.expected = Some(Effect::Suspend { pid }),
            (false, Job::Unattended) => self.job.stopped = Some(pid),
            (true, _) | (false, Job::Alone) => self.job.expected = Some(Effect::Resume { pid }),
        }
    }

    pub(super) fn stop_signal_sent(&mut self, signal: Signal, now: Mono) {
        for proc in self.procs.values_mut() {
            proc.stop_signal_sent(signal, now);
        }
        self.job.told_at = Some(now);
        if let Some(pid) = self.job.stopped.take()
            && self.main(pid).is_some()
        {
            self.job.expected = Some(Effect::Resume { pid });
        }
    }

    pub(super) fn check_job(&self, effects: &[Effect]) {
        let is_job =
            |effect: &&Effect| matches!(effect, Effect::Suspend { .. } | Effect::Resume { .. });
        let done: Vec<&Effect> = effects.iter().filter(is_job).collect();
        let expected: Vec<&Effect> = self.job.expected.iter().collect();
        hold!(done == expected, StopsAsOne, "{done:?} and not {expected:?}");
    }
}
