//! How much all requests and answers together may make us hold.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::{Mutex, MutexGuard};

/// Bytes of bodies that wait to be complete, or to be read, in all connections.
pub(crate) const MAX_HELD: usize = 256 * 1024 * 1024;

/// Bytes of a body that are never too many: connections are counted already.
pub(crate) const ALWAYS_HELD: usize = 64 * 1024;

/// What all hold together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    bytes: Rc<Cell<usize>>,
    turn: Rc<Mutex<()>>,
}

/// What one holds, as long as this lives.
#[derive(Debug)]
pub(crate) struct BodyReservation {
    all: Held,
    bytes: usize,
}

impl Held {
    /// One who holds nothing yet.
    pub(crate) fn begin(&self) -> BodyReservation {
        BodyReservation { all: self.clone(), bytes: 0 }
    }

    /// Waits for the turn to make something long, as long as the result lives: while it is
    /// made it takes memory twice, and the loop's time.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

impl BodyReservation {
    /// Whether so many bytes may be held as well.
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
