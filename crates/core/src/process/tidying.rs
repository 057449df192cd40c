//! Requests the cleanup of stale files and sockets between runs.

use super::{Process, Transition};
use crate::effect::Effect;
use crate::files::FILES_EVERY;
use crate::ids::RunId;
use crate::spec::RemoveLeftovers;
use crate::tree::Occasion;

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
        (self.port_unseen, self.left_at) = (true, Some(cx.now));
        if self.removes() != RemoveLeftovers::No {
            let (proc, run) = (self.named.proc, RunId(self.runs));
            self.tree.tidy(occasion, cx.now + occasion.limit());
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

    /// Takes the result of the cleanup.
    pub(crate) fn tidied(&mut self, cx: &mut Transition<'_>) {
        if self.tree.is_tidying() {
            self.tree.tidied();
            self.await_if_wanted(cx);
        }
    }

    fn removes(&self) -> RemoveLeftovers {
        self.spec.tidy.as_ref().map(|tidy| tidy.remove_leftovers).unwrap_or_default()
    }
}
