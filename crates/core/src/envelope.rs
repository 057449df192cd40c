//! What an event listener is sent.

use std::rc::Rc;

use crate::event::Event;

/// An event on its way to a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Counts all events that any pool was told of.
    pub serial: u64,
    /// The pool.
    pub pool: Rc<str>,
    /// Counts the events of this pool.
    pub pool_serial: u64,
    /// What happened.
    pub event: Rc<Event>,
}
