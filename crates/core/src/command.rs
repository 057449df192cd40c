//! The commands of operators, and the replies.
//!
//! The change of state that a request waits for triggers its reply; nothing is polled. Rejections
//! are those of supervisord's [XML-RPC interface](https://supervisord.org/api.html).

use std::fmt;

use crate::exit::{SpawnError, SpawnErrorKind};
use crate::ids::ProcId;
use crate::signal::Signal;
use crate::spec::{Change, GroupSpec};

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start processes that don't run.
    Start {
        /// Which.
        which: Which,
        /// Reply when the processes are up or have failed; otherwise as soon as they have been
        /// started.
        wait: bool,
        /// The processes whose command cannot be executed at present, each with the error.
        unstartable: Vec<(ProcId, SpawnError)>,
    },
    /// Stop processes that run.
    Stop {
        /// Which.
        which: Which,
        /// Reply when the processes have exited; otherwise as soon as the stop has started.
        wait: bool,
    },
    /// Stop the processes that run, and start all processes: each as soon as its own process tree
    /// has exited. A process whose command cannot be executed is not changed.
    RestartPrograms {
        /// Which.
        which: Which,
        /// Reply when the processes are up or have failed; otherwise as soon as they have been
        /// started.
        wait: bool,
        /// The processes whose command cannot be executed at present, each with the error.
        unstartable: Vec<(ProcId, SpawnError)>,
    },
    /// Restart the processes that run, one after the other. Before the next process stops, the
    /// restarted one and all others that run are ready. If a process does not become ready, the
    /// rolling restart ends. The reply follows when the rolling restart has ended, with an outcome
    /// for each process that was restarted, and for the process that ended it. If the client
    /// disconnects, the remaining processes keep running without a restart.
    RestartRolling {
        /// Which.
        which: Which,
        /// The processes whose command cannot be executed at present, each with the error.
        unstartable: Vec<(ProcId, SpawnError)>,
    },
    /// Send a signal to main processes.
    Signal {
        /// Of which processes.
        which: Which,
        /// Which signal.
        signal: Signal,
    },
    /// Stop everything and exit.
    Shutdown,
    /// Stop everything, read the configuration again and start.
    Restart,
    /// Take note of the groups of a configuration that was read again.
    Reread(Vec<GroupSpec>),
    /// Add a group of the configuration that was read last.
    AddGroup(String),
    /// Remove a group that has been stopped.
    RemoveGroup(String),
    /// Apply the configuration that was read last to a group. Rules change at once; changes of the
    /// execution require a stop and a start. An update that has started always completes.
    UpdateGroup(String),
    /// Send event listeners an event from outside.
    RemoteEvent {
        /// The type, as the sender names it.
        kind: String,
        /// The data of the event.
        data: String,
    },
}

/// The processes that a command is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// One process.
    Process(ProcId),
    /// All processes of a group.
    Group(String),
    /// All processes.
    All,
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was done.
    Done,
    /// The outcomes of a command for several processes, in the order in which they were known.
    Outcomes(Vec<ProcessOutcome>),
    /// The changes of a configuration that was read again.
    Difference(Difference),
    /// How a group was updated.
    Updated(Change),
}

/// The outcome of a command for one of several processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessOutcome {
    /// Which process.
    pub proc: ProcId,
    /// Its name.
    pub name: String,
    /// Its group's name.
    pub group: String,
    /// Whether it was done, or why not.
    pub result: Result<(), Rejection>,
}

/// Names of groups in which two configurations differ, each in start order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Only the new one has them.
    pub added: Vec<String>,
    /// Both have them, and they aren't the same.
    pub changed: Vec<String>,
    /// Only the active one has them.
    pub removed: Vec<String>,
}

/// The result of a command.
pub type CommandResult = Result<Reply, Rejection>;

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// There is no such process or group.
    BadName,
    /// Its command is not there, or can't be understood.
    NoFile(String),
    /// Its command exists but cannot be executed.
    NotExecutable(String),
    /// It could not be started, or ended too early to count as started.
    SpawnError,
    /// It ended, though not too early, or was stopped before it was up.
    AbnormalTermination,
    /// It runs already.
    AlreadyStarted,
    /// It does not run.
    NotRunning,
    /// The group already exists.
    AlreadyAdded,
    /// Something of the group still runs.
    StillRunning,
    /// Something of it survived SIGKILL.
    Unkillable,
    /// Everything is being stopped; nothing else is done.
    ShuttingDown,
}

impl Rejection {
    /// Why a command that can't be executed isn't started.
    pub(crate) fn unstartable(error: &SpawnError) -> Self {
        match error.kind {
            SpawnErrorKind::NotFound => Self::NoFile(error.message.clone()),
            SpawnErrorKind::NotExecutable | SpawnErrorKind::Transient => {
                Self::NotExecutable(error.message.clone())
            }
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadName => "no process or group has this name",
            Self::NoFile(why) | Self::NotExecutable(why) => why,
            Self::SpawnError => "it could not be started, or exited immediately",
            Self::AbnormalTermination => "it exited before it was RUNNING",
            Self::AlreadyStarted => "it is already running",
            Self::NotRunning => "it is not running",
            Self::AlreadyAdded => "the group already exists",
            Self::StillRunning => "a process of the group is still running",
            Self::Unkillable => "one of its processes survived SIGKILL",
            Self::ShuttingDown => "the supervisor is stopping",
        })
    }
}
