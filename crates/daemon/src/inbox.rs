//! Queues inputs for the core, other than signals, exits and time.

use std::cell::RefCell;
use std::collections::VecDeque;

use supervisor_core::Input;
use tokio::sync::Notify;

/// A queue that wakes the event loop, which empties it on each turn. It stays short, because each
/// task that fills it yields after a bounded number of bytes or waits for the reply.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    waiting: RefCell<VecDeque<Input>>,
    filled: Notify,
}

impl Inbox {
    /// Adds an input.
    pub(crate) fn push(&self, input: Input) {
        self.waiting.borrow_mut().push_back(input);
        self.filled.notify_one();
    }

    /// Takes the oldest input.
    pub(crate) fn pop(&self) -> Option<Input> {
        self.waiting.borrow_mut().pop_front()
    }

    /// Lets the loop go on although the queue may be empty.
    pub(crate) fn wake(&self) {
        self.filled.notify_one();
    }

    /// Waits until the queue is not empty, or until [`Self::wake`].
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }
}
