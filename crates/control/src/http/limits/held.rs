//! Limits the memory that all requests and responses hold together.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::{Mutex, MutexGuard};

/// The maximum number of bytes of incomplete or unread bodies of all connections.
pub(crate) const MAX_HELD: usize = 256 * 1024 * 1024;

/// A body of this size is always allowed, because the number of connections is limited already.
pub(crate) const ALWAYS_HELD: usize = 64 * 1024;

/// The memory that all bodies hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    bytes: Rc<Cell<usize>>,
    turn: Rc<Mutex<()>>,
}

/// The share of one body, while this exists.
#[derive(Debug)]
pub(crate) struct BodyReservation {
    all: Held,
    bytes: usize,
}

impl Held {
    /// A share without bytes.
    pub(crate) fn begin(&self) -> BodyReservation {
        BodyReservation { all: self.clone(), bytes: 0 }
    }

    /// Waits for permission to build a long response, which lasts until the result is dropped.
    /// Building it takes memory twice, and time of the event loop.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

impl BodyReservation {
    /// Adds bytes to the share. Returns whether they are allowed.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let (all, own) = (self.all.bytes.get() + more, self.bytes + more);
        if all > MAX_HELD && own > ALWAYS_HELD {
            return false;
        }
        self.all.bytes.set(all);
        self.bytes = own;
        true
    }
}

impl Drop for BodyReservation {
    fn drop(&mut self) {
        self.all.bytes.set(self.all.bytes.get() - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_response_bytes_are_bounded_and_released() {
        let held = Held::default();
        let mut most = held.begin();
        assert!(most.grow(MAX_HELD));
        let mut other = held.begin();
        assert!(other.grow(ALWAYS_HELD), "an answer of the usual size is always given");
        assert!(!other.grow(1));
        drop(most);
        assert!(other.grow(1));
        drop(other);
        assert_eq!(held.bytes.get(), 0);
    }
}
