//! Whether a server gets on with its work, as far as that was seen.

use std::time::Duration;

use super::{Progress, ProgressSample, Unhealthy};
use crate::asking::Asking;
use crate::spec::health::ProgressSpec;
use crate::time::Mono;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progressing {
    pub(super) asking: Asking,
    last: Option<Progress>,
    /// When that was seen.
    seen_at: Option<Mono>,
    /// When something was last seen to have been done.
    moved_at: Option<Mono>,
    /// Since when requests have been under way with nothing done.
    still_since: Option<Mono>,
    /// How long that was so at the latest sample. Progress since then is unknown.
    still: Duration,
    /// That there is no page has been said.
    told: bool,
}

impl Progressing {
    pub(super) const fn new(due: Mono) -> Self {
        Self {
            asking: Asking::Due(due),
            last: None,
            seen_at: None,
            moved_at: None,
            still_since: None,
            still: Duration::ZERO,
            told: false,
        }
    }

    /// Whether it is to be said that there is no page: once in a run that never had one.
    pub(super) fn is_news(&mut self) -> bool {
        self.last.is_none() && !std::mem::replace(&mut self.told, true)
    }

    /// Takes a look; what it shows, and whether something has been done since the last.
    /// Servers whose page is made by the loop that does the work show none when
    /// that hangs, while another thread still says that all is well.
    pub(super) fn take(
        &mut self,
        spec: &ProgressSpec,
        now: Mono,
        look: ProgressSample,
    ) -> Option<(Progress, bool)> {
        self.asking = Asking::Due(now + spec.interval);
        let seen = match (look, self.last) {
            (ProgressSample::Seen(seen), _) => {
                self.seen_at = Some(now);
                seen
            }
            (ProgressSample::Late, Some(last)) => last,
            (ProgressSample::Late, None)
            | (ProgressSample::Nothing | ProgressSample::Failed(_), _) => return None,
        };
        let moved = self.last.is_some_and(|last| last.done != seen.done);
        if moved {
            self.moved_at = Some(now);
        }
        if moved || seen.running == 0 {
            self.still_since = None;
        } else {
            self.still_since = self.still_since.or(Some(now));
        }
        self.still = self.still_since.map_or(Duration::ZERO, |since| now - since);
        self.last = Some(seen);
        Some((seen, moved))
    }

    /// It has all its time again.
    pub(super) const fn restart(&mut self) {
        (self.still_since, self.still) = (None, Duration::ZERO);
    }

    /// Whether it was seen to get on with its work, not too long ago.
    pub(super) fn gets_on(&self, spec: &ProgressSpec, now: Mono) -> bool {
        self.moved_at.is_some_and(|at| now - at < spec.stalled)
    }

    /// When it was last seen to have nothing to do, if it was so at the latest look.
    pub(super) fn idle_at(&self) -> Option<Mono> {
        self.seen_at.filter(|_| self.last.is_some_and(|last| last.running + last.waiting == 0))
    }

    pub(super) fn verdict(&self, spec: &ProgressSpec) -> Option<Unhealthy> {
        let (since, running) = (self.still, self.last?.running);
        (since >= spec.stalled).then_some(Unhealthy::Stalled { running, since })
    }
}
