//! Detects a server that has stopped making progress.

use std::time::Duration;

use super::{Progress, ProgressSample, Unhealthy};
use crate::asking::Asking;
use crate::spec::health::ProgressSpec;
use crate::time::Mono;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progressing {
    pub(super) asking: Asking,
    last: Option<Progress>,
    /// When that sample was taken.
    seen_at: Option<Mono>,
    /// The latest sample that showed progress.
    moved_at: Option<Mono>,
    /// Since when requests have been in flight without progress.
    still_since: Option<Mono>,
    /// Time since then at the latest sample. Progress after that sample is unknown.
    still: Duration,
    /// The log already reported that the metrics page is missing.
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

    /// Whether to log that the metrics page is missing: once in a run that never had one.
    pub(super) fn is_news(&mut self) -> bool {
        self.last.is_none() && !std::mem::replace(&mut self.told, true)
    }

    /// Takes a sample. Returns its values and whether they show progress since the last one. In
    /// some servers the loop that does the work also serves the metrics. If that loop hangs, the
    /// metrics do not answer, while the health endpoint in another thread still does.
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

    /// Restarts the measured time without progress.
    pub(super) const fn restart(&mut self) {
        (self.still_since, self.still) = (None, Duration::ZERO);
    }

    /// Whether a recent sample showed progress.
    pub(super) fn gets_on(&self, spec: &ProgressSpec, now: Mono) -> bool {
        self.moved_at.is_some_and(|at| now - at < spec.stalled)
    }

    /// When the latest sample was taken, if it showed no running and no waiting requests.
    pub(super) fn idle_at(&self) -> Option<Mono> {
        self.seen_at.filter(|_| self.last.is_some_and(|last| last.running + last.waiting == 0))
    }

    pub(super) fn verdict(&self, spec: &ProgressSpec) -> Option<Unhealthy> {
        let (since, running) = (self.still, self.last?.running);
        (since >= spec.stalled).then_some(Unhealthy::Stalled { running, since })
    }
}
