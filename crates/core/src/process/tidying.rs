//! Requests the cleanup of stale files and sockets between runs.

use std::time::Duration;

use super::{AfterExit, Process, State, Transition};
use crate::effect::Effect;
use crate::exit::Exit;
use crate::failure::DeviceState;
use crate::files::FILES_EVERY;
use crate::ids::RunId;
use crate::line::GaveUp;
use crate::report::{Cause, Next};
use crate::spec::RemoveLeftovers;
use crate::tree::{DEVICES_LIMIT, Occasion};

impl Process {
    /// Records the files that the tree has open, together with another inspection. After an exit, a
    /// file no longer shows which process created it.
    pub(super) fn look_at_files(&mut self, run: RunId, cx: &mut Transition<'_>) {
        let recent = self.files_seen.is_some_and(|(of, at)| of == run && cx.now - at < FILES_EVERY);
        if self.removes() == RemoveLeftovers::No || recent {
            return;
        }
        self.files_seen = Some((run, cx.now));
        cx.effects.push(Effect::LookAtFiles { proc: self.named.proc, run });
    }

    /// Begins a cleanup, if the configuration requires one.
    pub(super) fn tidy(&mut self, occasion: Occasion, cx: &mut Transition<'_>) {
        self.port_unseen = self.port().is_some();
        let wanted = match occasion {
            Occasion::Start => self.removes() != RemoveLeftovers::No || self.awaits_devices(),
            Occasion::End => self.removes() != RemoveLeftovers::No,
        };
        if wanted {
            let (proc, run) = (self.named.proc, RunId(self.runs));
            let devices = match occasion {
                Occasion::Start if self.awaits_devices() => DEVICES_LIMIT,
                Occasion::Start | Occasion::End => Duration::ZERO,
            };
            self.tree.tidy(occasion, cx.now + occasion.limit() + devices);
            cx.effects.push(Effect::Tidy { proc, run, occasion });
        }
    }

    /// Begins the cleanup before the first start, if the configuration requires one. Returns
    /// whether the start has to wait for it.
    pub(super) fn tidies_first(&mut self, cx: &mut Transition<'_>) -> bool {
        let first = self.runs == 0 && self.removes() == RemoveLeftovers::All;
        if !first || std::mem::replace(&mut self.cleared, true) {
            return false;
        }
        self.tidy(Occasion::Start, cx);
        true
    }

    /// Replaces a cleanup for the next start by a final one.
    pub(super) fn tidy_for_the_last_time(&mut self, cx: &mut Transition<'_>) {
        if self.tree.tidies_for_start() {
            self.tree.tidied();
            if self.runs > 0 {
                self.tidy(Occasion::End, cx);
            }
        }
    }

    /// Takes the result of the cleanup and the state of the GPUs.
    pub(crate) fn tidied(&mut self, devices: DeviceState, cx: &mut Transition<'_>) {
        if self.tree.is_tidying() {
            self.tree.tidied();
            self.judge_devices(devices, cx);
            self.await_if_wanted(cx);
        }
    }

    /// Whether the GPU state is checked before a restart.
    pub(super) fn awaits_devices(&self) -> bool {
        self.spec.failure.await_devices && self.runs > 0
    }

    /// Whether it will restart by itself, now or after a delay.
    pub(super) const fn is_to_restart(&self) -> bool {
        matches!(
            self.state,
            State::Backoff { .. } | State::Exited { after: AfterExit::Run { .. }, .. }
        )
    }

    /// Gives up if the GPUs are lost, because a restart in this container cannot help.
    fn judge_devices(&mut self, devices: DeviceState, cx: &mut Transition<'_>) {
        if !self.is_to_restart() {
            return;
        }
        let (Some(verdict), Some(report)) = (devices.verdict(), &mut self.report) else { return };
        let outcome = (report.exit.map_or(1, Exit::status), verdict.class);
        (report.cause, report.next) = (Cause::Failure(verdict), Next::GiveUp);
        let because = Some(report.because()).filter(|_| self.tells_causes());
        self.give_up(GaveUp::Hopeless, because, outcome, cx);
    }

    fn removes(&self) -> RemoveLeftovers {
        self.spec.tidy.as_ref().map(|tidy| tidy.remove_leftovers).unwrap_or_default()
    }
}
