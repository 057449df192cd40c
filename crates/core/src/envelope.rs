//! Events on their way to event listeners.

use std::rc::Rc;

use crate::event::Event;

/// An event with its serial numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The serial number among all events that any pool received.
    pub serial: u64,
    /// The pool.
    pub pool: Rc<str>,
    /// The serial number within this pool.
    pub pool_serial: u64,
    /// The event.
    pub event: Rc<Event>,
}
