//! The only reader of the monotonic clock.

use std::time::Instant;

use supervisor_core::time::Mono;

/// A clock that begins at zero when it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    zero: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub(crate) fn start() -> Self {
        Self { zero: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub(crate) fn now(self) -> Mono {
        Mono::from_zero(Instant::now() - self.zero)
    }

    /// The moment in the event loop's terms. `None`: too far away to matter.
    pub(crate) fn instant(self, moment: Mono) -> Option<tokio::time::Instant> {
        self.zero.checked_add(moment.since_zero()).map(tokio::time::Instant::from_std)
    }
}
