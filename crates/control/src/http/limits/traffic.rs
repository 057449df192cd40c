//! How many are there, and how often a bound turned somebody away.

use std::cell::Cell;
use std::rc::Rc;

/// What all servers count together.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    connections: Rc<Cell<usize>>,
    refused: [Cell<u64>; Refused::ALL.len()],
}

/// Why somebody was turned away, or had to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// All places were taken: who had been idle longest made room, or the next one waits.
    NoPlace,
    /// Nobody could be accepted, as with too many open files.
    CannotAccept,
    /// The head was too large.
    HeadTooLarge,
    /// The head took too long.
    HeadTimeout,
    /// The body was too large.
    BodyTooLarge,
    /// The body took too long.
    BodyTimeout,
    /// All bodies together were too large.
    TooMuchHeld,
    /// The results of many calls together were too long.
    ResultsTooLong,
    /// A request held too many calls.
    TooManyCalls,
    /// An event was too long.
    EventTooLong,
    /// It would have taken descriptors that programs need.
    TooFewDescriptors,
}

/// A connection, as long as this lives.
#[derive(Debug)]
pub(crate) struct Connected(Rc<Cell<usize>>);

impl Traffic {
    /// How many are connected.
    pub(crate) fn connections(&self) -> usize {
        self.connections.get()
    }

    /// How often somebody was refused for this reason.
    pub(crate) fn refused(&self, reason: Refused) -> u64 {
        self.refused[reason as usize].get()
    }

    /// Somebody is connected.
    pub(crate) fn connect(&self) -> Connected {
        self.connections.set(self.connections.get() + 1);
        Connected(Rc::clone(&self.connections))
    }

    /// Somebody is refused.
    pub(crate) fn refuse(&self, reason: Refused) {
        let count = &self.refused[reason as usize];
        count.set(count.get() + 1);
    }
}

impl Refused {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 11] = [
        Self::NoPlace,
        Self::CannotAccept,
        Self::HeadTooLarge,
        Self::HeadTimeout,
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::TooMuchHeld,
        Self::ResultsTooLong,
        Self::TooManyCalls,
        Self::EventTooLong,
        Self::TooFewDescriptors,
    ];

    /// Its name among metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoPlace => "no_place",
            Self::CannotAccept => "cannot_accept",
            Self::HeadTooLarge => "head_too_large",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::TooMuchHeld => "too_much_held",
            Self::ResultsTooLong => "results_too_long",
            Self::TooManyCalls => "too_many_calls",
            Self::EventTooLong => "event_too_long",
            Self::TooFewDescriptors => "too_few_descriptors",
        }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
