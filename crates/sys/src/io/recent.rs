//! The latest output of a stream, in memory, for streams without a log file.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::ops::Range;

use tokio::sync::Notify;

use super::log_piece::Piece;

/// Bytes that are kept of a stream.
pub const RECENT: usize = 32 * 1024;

/// The latest output of a stream, across all runs of its program. Positions count all bytes since
/// the stream started, so that a reader can continue at its position.
#[derive(Debug, Default)]
pub struct Recent {
    bytes: RefCell<VecDeque<u8>>,
    end: Cell<u64>,
    changed: Notify,
}

impl Recent {
    /// Adds new output.
    pub fn add(&self, new: &[u8]) {
        let mut bytes = self.bytes.borrow_mut();
        let kept = &new[new.len().saturating_sub(RECENT)..];
        let gone = (bytes.len() + kept.len()).saturating_sub(RECENT);
        bytes.drain(..gone);
        bytes.extend(kept);
        self.end.set(self.end.get() + new.len() as u64);
        self.changed.notify_waiters();
    }

    /// Drops all kept bytes. Positions continue.
    pub fn clear(&self) {
        self.bytes.borrow_mut().clear();
    }

    /// The positions of the start and the end of the kept bytes.
    pub fn kept(&self) -> Range<u64> {
        let end = self.end.get();
        end - self.bytes.borrow().len() as u64..end
    }

    /// As many of these bytes as are kept.
    pub fn piece(&self, wanted: &Range<u64>) -> Piece {
        let kept = self.kept();
        let start = wanted.start.clamp(kept.start, kept.end);
        let end = wanted.end.clamp(start, kept.end);
        let place = |position: u64| usize::try_from(position - kept.start).unwrap_or(usize::MAX);
        let bytes = self.bytes.borrow().range(place(start)..place(end)).copied().collect();
        Piece { start, bytes, size: kept.end }
    }

    /// Waits until something is added.
    pub fn changed(&self) -> impl Future<Output = ()> {
        self.changed.notified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_bytes_keep_their_positions() {
        let recent = Recent::default();
        assert_eq!(recent.kept(), 0..0);
        recent.add(b"one\ntwo\n");
        let Piece { start, bytes, size } = recent.piece(&(4..100));
        assert_eq!((start, bytes.as_slice(), size), (4, &b"two\n"[..], 8));
        recent.add(&vec![b'x'; RECENT - 2]);
        assert_eq!(recent.kept(), 6..6 + RECENT as u64);
        assert_eq!(recent.piece(&(0..8)).bytes, b"o\n");
        recent.add(&vec![b'y'; 3 * RECENT]);
        let end = 6 + 4 * RECENT as u64;
        assert_eq!(recent.kept(), end - RECENT as u64..end);
        assert!(recent.piece(&(0..5)).bytes.is_empty());
        recent.clear();
        assert_eq!(recent.kept(), end..end);
        recent.add(b"z");
        assert_eq!(recent.piece(&(0..u64::MAX)).bytes, b"z");
    }
}
