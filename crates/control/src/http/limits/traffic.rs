//! Counts connections, and how often a limit rejected a client.

use std::cell::Cell;
use std::rc::Rc;

/// The counters that all servers share.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    connections: Rc<Cell<usize>>,
    refused: [Cell<u64>; Refused::ALL.len()],
}

/// The reason why a client was rejected or had to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// All slots were taken: the connection idle for longest was closed, or the new one waits.
    NoPlace,
    /// A connection could not be accepted, for example because of too many open files.
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
    /// The results of a multicall together were too long.
    ResultsTooLong,
    /// A request had too many calls.
    TooManyCalls,
    /// An event was too long.
    EventTooLong,
    /// It would have used descriptors that programs need.
    TooFewDescriptors,
}

/// A connection, while this exists.
#[derive(Debug)]
pub(crate) struct Connected(Rc<Cell<usize>>);

impl Traffic {
    /// The number of connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections.get()
    }

    /// How often a client was rejected for this reason.
    pub(crate) fn refused(&self, reason: Refused) -> u64 {
        self.refused[reason as usize].get()
    }

    /// Counts a new connection.
    pub(crate) fn connect(&self) -> Connected {
        self.connections.set(self.connections.get() + 1);
        Connected(Rc::clone(&self.connections))
    }

    /// Counts a rejection.
    pub(crate) fn refuse(&self, reason: Refused) {
        let count = &self.refused[reason as usize];
        count.set(count.get() + 1);
    }
}

impl Refused {
    /// All reasons, in their order.
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

    /// The label value in metrics.
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
