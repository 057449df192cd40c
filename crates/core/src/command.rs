//! Commands of operators, and the replies to them.
//!
//! The state change that a request waits for triggers its reply, so nothing polls. The rejections
//! are those of supervisord's [XML-RPC interface](https://supervisord.org/api.html).

use std::fmt;

use crate::exit::{SpawnError, SpawnErrorKind};
use crate::ids::ProcId;
use crate::signal::Signal;
use crate::spec::{Change, GroupSpec};

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start processes that are not running.
    Start {
        /// The selected processes.
        which: Which,
        /// Reply when the processes are up or have failed; otherwise as soon as they have been
        /// started.
        wait: bool,
        /// Processes whose command cannot be executed now, each with the error.
        unstartable: Vec<(ProcId, SpawnError)>,
    },
    /// Stop running processes.
    Stop {
        /// The selected processes.
        which: Which,
        /// Reply when the processes have exited; otherwise as soon as the stop has started.
        wait: bool,
    },
    /// Stop the running processes and start all selected ones, each as soon as its own process tree
    /// has exited. A process whose command cannot be executed keeps running.
    RestartPrograms {
        /// The selected processes.
        which: Which,
        /// Reply when the processes are up or have failed; otherwise as soon as they have been
        /// started.
        wait: bool,
        /// Processes whose command cannot be executed now, each with the error.
        unstartable: Vec<(ProcId, SpawnError)>,
    },
    /// Restart the running processes one after the other. The next process stops only when the
    /// restarted one and all other running ones are ready. If a process does not become ready, the
    /// rolling restart ends early. The reply holds an outcome for each restarted process, and for
    /// the process that ended it early. If the client disconnects, no further process is restarted.
    RestartRolling {
        /// The selected processes.
        which: Which,
        /// Processes whose command cannot be executed now, each with the error.
        unstartable: Vec<(ProcId, SpawnError)>,
    },
    /// Send a signal to main processes.
    Signal {
        /// The selected processes.
        which: Which,
        /// The signal.
        signal: Signal,
    },
    /// Stop everything and exit.
    Shutdown,
    /// Stop everything, read the configuration again and start again.
    Restart,
    /// Store the groups of a configuration that was read again.
    Reread(Vec<GroupSpec>),
    /// Add a group of the latest configuration.
    AddGroup(String),
    /// Remove a group that has been stopped.
    RemoveGroup(String),
    /// Apply the latest configuration to a group. New rules take effect at once; a different
    /// command or environment needs a restart. An update that has begun always completes.
    UpdateGroup(String),
    /// Send event listeners an event from outside.
    RemoteEvent {
        /// The event type from the request.
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

/// The reply to a command that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The command succeeded.
    Done,
    /// The outcomes of a command for several processes, in the order in which they became known.
    Outcomes(Vec<ProcessOutcome>),
    /// The changes in a configuration that was read again.
    Difference(Difference),
    /// How an update of a group took effect.
    Updated(Change),
}

/// The outcome of a command for one of several processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessOutcome {
    /// The process.
    pub proc: ProcId,
    /// Its name.
    pub name: String,
    /// Its group's name.
    pub group: String,
    /// Success, or the reason for the rejection.
    pub result: Result<(), Rejection>,
}

/// Names of groups that differ between two configurations, each list in start order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Groups of the new configuration only.
    pub added: Vec<String>,
    /// Groups that differ.
    pub changed: Vec<String>,
    /// Groups of the active configuration only.
    pub removed: Vec<String>,
}

/// The result of a command.
pub type CommandResult = Result<Reply, Rejection>;

/// The reason for rejecting a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// There is no such process or group.
    BadName,
    /// Its command was not found, or cannot be parsed.
    NoFile(String),
    /// Its command exists but cannot be executed.
    NotExecutable(String),
    /// It could not be started, or exited too early to count as started.
    SpawnError,
    /// It exited, or was stopped before it was up.
    AbnormalTermination,
    /// It is already running.
    AlreadyStarted,
    /// It is not running.
    NotRunning,
    /// The group already exists.
    AlreadyAdded,
    /// A process of the group is still running.
    StillRunning,
    /// A process of its tree survived SIGKILL.
    Unkillable,
    /// A shutdown is in progress.
    ShuttingDown,
}

impl Rejection {
    /// The rejection for a command that cannot be executed.
    pub(crate) fn unstartable(error: &SpawnError) -> Self {
        match error.kind {
            SpawnErrorKind::NotFound => Self::NoFile(error.to_string()),
            SpawnErrorKind::NotExecutable | SpawnErrorKind::Transient => {
                Self::NotExecutable(error.to_string())
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
