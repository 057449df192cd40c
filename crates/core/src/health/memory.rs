//! Detects a run that exceeds its memory limit.

use std::time::Duration;

use super::{ANSWER_GRACE, Unhealthy};
use crate::asking::Asking;
use crate::spec::health::MemorySpec;
use crate::time::Mono;

/// Interval of the measurements, for programs with a limit.
pub const MEMORY_EVERY: Duration = Duration::from_secs(5);

/// Consecutive measurements that must exceed the limit. The memory of a process that forks to
/// execute another program counts twice for a moment.
pub const MEMORY_LOOKS: u32 = 2;

/// The memory measurements of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Measuring {
    pub(super) asking: Asking,
    /// The latest measurement in bytes.
    used: u64,
    /// Consecutive measurements above the limit.
    over: u32,
    /// The log already reported the high use or the failed measurement.
    told: bool,
}

/// A measurement result to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryNews {
    /// The memory use reached the warning threshold.
    High,
    /// The memory cannot be measured.
    Unseen,
}

impl Measuring {
    pub(super) const fn new(due: Mono) -> Self {
        Self { asking: Asking::Due(due), used: 0, over: 0, told: false }
    }

    pub(super) fn ask(&mut self, now: Mono) {
        self.asking = Asking::Asked { until: now + MEMORY_EVERY + ANSWER_GRACE };
    }

    /// Takes a measurement; `None` if it failed.
    pub(super) fn take(
        &mut self,
        spec: &MemorySpec,
        now: Mono,
        used: Option<u64>,
    ) -> Option<MemoryNews> {
        let Asking::Asked { .. } = self.asking else { return None };
        self.asking = Asking::Due(now + MEMORY_EVERY);
        self.used = used.unwrap_or(0);
        self.over = if self.used > spec.limit { self.over.saturating_add(1) } else { 0 };
        let news = match used {
            None => Some(MemoryNews::Unseen),
            Some(used) => (used >= spec.warn).then_some(MemoryNews::High),
        };
        let known = std::mem::replace(&mut self.told, news.is_some());
        news.filter(|_| !known)
    }

    pub(super) fn verdict(&self, spec: &MemorySpec) -> Option<Unhealthy> {
        let Self { used, over, .. } = *self;
        (over >= MEMORY_LOOKS).then_some(Unhealthy::Memory { used, limit: spec.limit })
    }
}
