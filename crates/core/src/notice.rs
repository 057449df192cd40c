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
    /// Its readiness or health changed.
    Health {
        /// The process.
        process: Rc<Named>,
        /// Its present condition.
        condition: Condition,
    },
    /// A run failed, and its report is complete.
    Crash {
        /// The process.
        process: Rc<Named>,
        /// The run.
        run: RunId,
        /// The failure class.
        class: Class,
        /// The cause in full.
        why: String,
        /// The exit status of its main process; `None` if the run had no main process.
        exit: Option<Exit>,
        /// The length of the run.
        uptime: Duration,
        /// The next action of the supervisor.
        next: Next,
    },
    /// The supervisor gave up on the program.
    GaveUp {
        /// The process.
        process: Rc<Named>,
        /// The reason as text.
        why: String,
    },
}

/// An event or a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// An event as in supervisord.
    Event(Rc<Event>),
    /// A notice for operators.
    Notice(Rc<Notice>),
}
