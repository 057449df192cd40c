//! Handles the exit of an unhealthy run while its diagnostics are collected. The dump signal may
//! itself terminate the run.

use super::{AfterExit, Live, Process, State, Transition};
use crate::exit::Exit;
use crate::health::Unhealthy;
use crate::report::Cause;
use crate::signal::Signal;

impl Process {
    /// The reason for which the supervisor was about to stop the run, if the exit has no more
    /// specific cause. `cause`: the cause as the exit and the output show it.
    pub(super) fn explained_by_health(&mut self, exit: Exit, cause: &Cause) -> Option<Unhealthy> {
        let unspecific = !cause.says_more() || self.dump_signal_of(exit).is_some();
        let condemned = self.health_mut()?.condemned()?;
        unspecific.then_some(condemned.unhealthy)
    }

    /// The dump signal, if it terminated the process.
    pub(super) fn dump_signal_of(&self, exit: Exit) -> Option<Signal> {
        let dump = self.spec.health.evidence.signal?;
        matches!(exit, Exit::Signal { signal, .. } if signal == dump).then_some(dump)
    }

    /// Handles the exit of an unhealthy process before the supervisor stopped it. The health action
    /// follows, as after the stop.
    pub(super) fn ended_before_stop(
        &mut self,
        (live, exit): (Live, Exit),
        unhealthy: Unhealthy,
        cx: &mut Transition<'_>,
    ) {
        if live.up_at.is_some() {
            self.enter(State::Exited { exit, after: AfterExit::Rest }, cx);
        }
        self.ended_unhealthy(live, exit, unhealthy, cx);
    }
}
