//! The current state of processes and groups, for displays.

use std::rc::Rc;

use crate::condition::Condition;
use crate::event::Named;
use crate::ids::Pid;
use crate::process::{History, Process, Standing};
use crate::spec::start::Until;
use crate::spec::{GroupSpec, ProcessSpec};
use crate::time::Mono;

/// A process.
#[derive(Clone, Debug)]
pub struct Info<'a> {
    /// Its id and names.
    pub named: &'a Rc<Named>,
    /// Its configuration.
    pub spec: &'a Rc<ProcessSpec>,
    /// Its condition.
    pub condition: Condition,
    /// The main process, until it is reaped.
    pub pid: Option<Pid>,
    /// When the main process was started.
    pub up_since: Option<Mono>,
    /// It has exited as expected and is not started again.
    pub completed: bool,
    /// The programs or servers that its start waits for, as text.
    pub waits_for: Option<String>,
    /// Its history.
    pub history: &'a History,
    /// The number of starts.
    pub runs: u64,
}

impl<'a> Info<'a> {
    pub(crate) fn new(process: &'a Process) -> Self {
        Self {
            named: &process.named,
            spec: &process.spec,
            condition: process.condition(),
            pid: process.pid(),
            up_since: process.up_since(),
            completed: process.standing(Until::Completed) == Standing::There,
            waits_for: process.waits_for(),
            history: &process.history,
            runs: process.runs(),
        }
    }
}

/// A group of the latest configuration.
#[derive(Clone, Copy, Debug)]
pub struct GroupInfo<'a> {
    /// Its configuration.
    pub spec: &'a Rc<GroupSpec>,
    /// Whether it is active: added and not removed.
    pub active: bool,
}

/// A pool of event listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolInfo<'a> {
    /// Its name.
    pub name: &'a str,
    /// Events that wait for a listener.
    pub waiting: usize,
    /// The maximum number of waiting events.
    pub room: usize,
    /// Events that were dropped because the pool was full.
    pub lost: u64,
}
