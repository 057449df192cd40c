//! What has happened and was not yet told the core, besides signals, exits and time.

use std::cell::RefCell;
use std::collections::VecDeque;

use supervisor_core::Input;
use tokio::sync::Notify;

/// A queue that wakes the loop. The loop empties it each time it runs, and who fills it
/// gives others their turn after a bounded number of bytes or waits for the reply, so it
/// stays short.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    waiting: RefCell<VecDeque<Input>>,
    filled: Notify,
}

impl Inbox {
    /// Adds what happened.
    pub(crate) fn push(&self, input: Input) {
        self.waiting.borrow_mut().push_back(input);
        self.filled.notify_one();
    }

    /// Takes the oldest.
    pub(crate) fn pop(&self) -> Option<Input> {
        self.waiting.borrow_mut().pop_front()
    }

    /// Waits until there is something.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }
}
