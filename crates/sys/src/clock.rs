//! The only reader of the clocks.

use std::time::{Duration, Instant};

use supervisor_core::time::{Mono, Now, Wall};

/// A clock that begins at zero when it is made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
}

impl Clock {
    /// Starts the clock: this moment is its zero.
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

    /// The moment in the event loop's terms. `None`: too far away to matter.
    pub fn instant(self, moment: Mono) -> Option<tokio::time::Instant> {
        self.zero.checked_add(moment.since_zero()).map(tokio::time::Instant::from_std)
    }
}

/// The present moment, to measure how long something took that the core does not decide about.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
#[must_use]
pub fn moment() -> Instant {
    Instant::now()
}

/// What people's clocks show. Before 1970 it is the beginning of 1970.
pub fn wall() -> Wall {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    let secs = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Wall::from_epoch(Duration::new(secs, nanos))
}
