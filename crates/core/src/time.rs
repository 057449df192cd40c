//! Time as the core sees it: an argument, never a call.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A time on the monotonic clock, relative to an arbitrary zero.
///
/// All decisions use only this clock, so a change of the wall clock cannot start, stop or restart
/// anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(Duration);

impl Mono {
    /// The clock's zero.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The time `since_zero` after the clock's zero.
    #[must_use]
    pub const fn from_zero(since_zero: Duration) -> Self {
        Self(since_zero)
    }

    /// The time since the clock's zero.
    #[must_use]
    pub const fn since_zero(self) -> Duration {
        self.0
    }

    /// The time since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Mono {
    type Output = Self;

    /// Saturates: an absurdly long configured duration means "never" instead of a panic.
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

/// A time on the wall clock. Displays and events use it; no decision does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wall(Duration);

impl Wall {
    /// The time `since_epoch` after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_epoch(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// The time since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0.as_secs()
    }
}

/// The current time on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The clock for decisions.
    pub mono: Mono,
    /// The clock for displays and events.
    pub wall: Wall,
}

impl Now {
    /// Combines both clocks' readings of the same moment.
    #[must_use]
    pub const fn new(mono: Mono, wall: Wall) -> Self {
        Self { mono, wall }
    }

    /// The wall-clock time of an earlier moment, assuming that the wall clock has not been changed
    /// since.
    #[must_use]
    pub fn wall_of(self, past: Mono) -> Wall {
        Wall::from_epoch(self.wall.since_epoch().saturating_sub(self.mono - past))
    }
}
