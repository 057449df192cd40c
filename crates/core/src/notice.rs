//! Notices for operators, in addition to supervisord's events for event listeners.

use std::rc::Rc;
use std::time::Duration;

use crate::condition::Condition;
use crate::event::{Event, Named};
use crate::exit::Exit;
use crate::failure::Class;
use crate::ids::RunId;
use crate::report::Next;

/// Something that happened to a process, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It became ready, healthy or unhealthy, or no longer is.
    Health {
        /// Which process.
        process: Rc<Named>,
        /// Its present condition.
        condition: Condition,
    },
    /// A run failed, and its report is complete.
    Crash {
        /// Which process.
        process: Rc<Named>,
        /// Which of its runs.
        run: RunId,
        /// The failure class.
        class: Class,
        /// The cause in full.
        why: String,
        /// The exit of its main process; `None`: the run had no main process.
        exit: Option<Exit>,
        /// How long it lasted.
        uptime: Duration,
        /// The next action of the supervisor.
        next: Next,
    },
    /// The supervisor gave up on the program.
    GaveUp {
        /// Which process.
        process: Rc<Named>,
        /// Why, for people to read.
        why: String,
    },
}

/// Something that an observer sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// An event, as event listeners know it.
    Event(Rc<Event>),
    /// A notice for operators.
    Notice(Rc<Notice>),
}
