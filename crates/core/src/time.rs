//! Time as the core sees it: an argument, never a call.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment on the monotonic clock, counted from an arbitrary zero.
///
/// Every decision uses this clock only, so a step of the wall clock cannot
/// start, stop or restart anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(Duration);

impl Mono {
    /// The clock's zero.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The moment `since_zero` after the clock's zero.
    #[must_use]
    pub const fn from_zero(since_zero: Duration) -> Self {
        Self(since_zero)
    }

    /// How long after the clock's zero this moment is.
    #[must_use]
    pub const fn since_zero(self) -> Duration {
        self.0
    }

    /// The time since `earlier`; zero if that lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Mono {
    type Output = Self;

    /// Saturates, so that an absurd configured duration means "never" and not a panic.
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs))
    }
}

impl Sub<Duration> for Mono {
    type Output = Self;

    /// Saturates at the clock's zero.
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(rhs))
    }
}

impl Sub for Mono {
    type Output = Duration;

    fn sub(self, rhs: Self) -> Duration {
        self.since(rhs)
    }
}

impl fmt::Display for Mono {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0.as_secs(), self.0.subsec_millis())
    }
}

/// A moment on the wall clock. It is for showing and for events that carry it; what it
/// says decides nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(Duration);

impl Wall {
    /// The moment `since_epoch` after the beginning of 1970, UTC.
    #[must_use]
    pub const fn from_epoch(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// How long after the beginning of 1970, UTC, this moment is.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// Whole seconds since the beginning of 1970, UTC.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0.as_secs()
    }
}

/// The time at which something happens, on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The clock for decisions.
    pub mono: Mono,
    /// The clock for people.
    pub wall: Wall,
}

impl Now {
    /// Both clocks' readings of one moment.
    #[must_use]
    pub const fn new(mono: Mono, wall: Wall) -> Self {
        Self { mono, wall }
    }

    /// The wall-clock time of a past moment, as if the clock had never been set.
    #[must_use]
    pub fn wall_of(self, past: Mono) -> Wall {
        Wall::from_epoch(self.wall.since_epoch().saturating_sub(self.mono - past))
    }
}
