//! What is known of the files that runs leave, and making the place clean.

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
    /// Has it noted what its tree has open, at a look that is taken anyway: what is left
    /// later does not show its owner.
    pub(super) fn look_at_files(&mut self, run: RunId, cx: &mut Transition<'_>) {
        let recent = self.files_seen.is_some_and(|(of, at)| of == run && cx.now - at < FILES_EVERY);
        if self.removes() == RemoveLeftovers::No || recent {
            return;
        }
        self.files_seen = Some((run, cx.now));
        cx.effects.push(Effect::LookAtFiles { proc: self.named.proc, run });
    }

    /// Makes the place clean, if there is anything to be done about it.
    pub(super) fn tidy(&mut self, occasion: Occasion, cx: &mut Transition<'_>) {
        let wanted = match occasion {
            Occasion::Start => self.spec.tidy.is_some() || self.awaits_devices(),
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

    /// Whether its first start has to wait until the place is clean; has it made clean.
    pub(super) fn tidies_first(&mut self, cx: &mut Transition<'_>) -> bool {
        let first = self.runs == 0 && self.removes() == RemoveLeftovers::All;
        if !first || std::mem::replace(&mut self.cleared, true) {
            return false;
        }
        self.tidy(Occasion::Start, cx);
        true
    }

    /// Nothing is started any more: the port needn't be waited for.
    pub(super) fn tidy_for_the_last_time(&mut self, cx: &mut Transition<'_>) {
        if self.tree.tidies_for_start() {
            self.tree.tidied();
            if self.runs > 0 {
                self.tidy(Occasion::End, cx);
            }
        }
    }

    /// The place has been made clean, and the devices say this.
    pub(crate) fn tidied(&mut self, devices: DeviceState, cx: &mut Transition<'_>) {
        if self.tree.is_tidying() {
            self.tree.tidied();
            self.judge_devices(devices, cx);
        }
    }

    /// Whether its devices are looked at before it is started again.
    pub(super) fn awaits_devices(&self) -> bool {
        self.spec.failure.await_devices && self.runs > 0
    }

    /// Whether it is started again by itself, at once or after a pause.
    pub(super) const fn is_to_restart(&self) -> bool {
        matches!(
            self.state,
            State::Backoff { .. } | State::Exited { after: AfterExit::Run { .. }, .. }
        )
    }

    /// No restart in this container helps a run whose devices are lost.
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
