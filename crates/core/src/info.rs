//! What is known of processes and groups at this moment.

use std::rc::Rc;

use crate::condition::Condition;
use crate::event::Named;
use crate::ids::Pid;
use crate::process::{History, Process, Standing};
use crate::spec::start::Until;
use crate::spec::{GroupSpec, ProcessSpec};
use crate::time::Mono;

/// A process as it is.
#[derive(Clone, Debug)]
pub struct Info<'a> {
    /// Its number and names.
    pub named: &'a Rc<Named>,
    /// What was asked for.
    pub spec: &'a Rc<ProcessSpec>,
    /// How it is.
    pub condition: Condition,
    /// Its main process, while it has not been reaped.
    pub pid: Option<Pid>,
    /// When the main process was started.
    pub up_since: Option<Mono>,
    /// It has exited as expected and is not started again.
    pub completed: bool,
    /// What its start waits for, for people to read.
    pub waits_for: Option<String>,
    /// What became of it so far.
    pub history: &'a History,
    /// How often it was started.
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

/// A group of the configuration that was read last.
#[derive(Clone, Copy, Debug)]
pub struct GroupInfo<'a> {
    /// What it is.
    pub spec: &'a Rc<GroupSpec>,
    /// It was added, and not removed.
    pub active: bool,
}

/// A pool of event listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolInfo<'a> {
    /// Its name.
    pub name: &'a str,
    /// Events that wait for a listener.
    pub waiting: usize,
    /// How many may wait.
    pub room: usize,
    /// Events that were discarded for want of room.
    pub lost: u64,
}
