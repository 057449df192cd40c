//! Reads the clocks. No other module does.

use std::time::{Duration, Instant};

use supervisor_core::time::{Mono, Now, Wall};

/// A clock that starts at zero.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
}

impl Clock {
    /// Starts the clock at zero.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    #[must_use]
    pub fn start() -> Self {
        Self { zero: Instant::now() }
    }

    /// The time on both clocks.
    pub fn now(self) -> Now {
        Now::new(self.mono(), wall())
    }

    /// Reads the time that has passed since the clock was started.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    #[must_use]
    pub fn mono(self) -> Mono {
        Mono::from_zero(Instant::now() - self.zero)
    }

    /// Converts a time to the event loop's clock. `None`: it is too far in the future to matter.
    pub fn instant(self, moment: Mono) -> Option<tokio::time::Instant> {
        self.zero.checked_add(moment.since_zero()).map(tokio::time::Instant::from_std)
    }
}

/// The present time, to measure durations that the core does not need.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
#[must_use]
pub fn moment() -> Instant {
    Instant::now()
}

/// The present wall-clock time; 1970 if the clock shows an earlier year.
pub fn wall() -> Wall {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let secs = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Wall::from_epoch(Duration::new(secs, nanos))
}
