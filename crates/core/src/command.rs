//! What an operator may ask for, and the replies.
//!
//! A request that waits is answered by the change of state that it waits for; nobody
//! asks again and again. Refusals are those of supervisord's
//! [XML-RPC interface](https://supervisord.org/api.html).

use std::fmt;

use crate::exit::{SpawnError, SpawnErrorKind};
use crate::ids::ProcId;
use crate::signal::Signal;
use crate::spec::{Change, GroupSpec};

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start processes that don't run.
    Start {
        /// Which.
        which: Which,
        /// Reply when they are up, or failed; otherwise once they have been started.
        wait: bool,
        /// Those whose command can't be executed at present, and why.
        unstartable: Vec<(ProcId, SpawnError)>,
    },
    /// Stop processes that run.
    Stop {
        /// Which.
        which: Which,
        /// Reply when they have ended; otherwise once they have been asked to.
        wait: bool,
    },
    /// Stop the processes that run, and start all of them: each as soon as its own tree has
    /// ended. A process whose command can't be executed goes on as it is.
    RestartPrograms {
        /// Which.
        which: Which,
        /// Reply when they are up, or failed; otherwise once they have been started.
        wait: bool,
        /// Those whose command can't be executed at present, and why.
        unstartable: Vec<(ProcId, SpawnError)>,
    },
    /// Restart the processes that run, one after the other: each is ready, and so are all others
    /// that run, before the next one is stopped. The first that does not become ready ends it.
    /// Reply when it has ended, with an outcome for each process that was restarted, and for the
    /// one that ended it. If the client goes, the processes whose turn has not come go on.
    RestartRolling {
        /// Which.
        which: Which,
        /// Those whose command can't be executed at present, and why.
        unstartable: Vec<(ProcId, SpawnError)>,
    },
    /// Send a signal to main processes.
    Signal {
        /// Of which processes.
        which: Which,
        /// Which signal.
        signal: Signal,
    },
    /// Stop everything and end.
    Shutdown,
    /// Stop everything and start again with the configuration as it is then.
    Restart,
    /// Take note of the groups of a configuration that was read again.
    Reread(Vec<GroupSpec>),
    /// Add a group of the configuration that was read last.
    AddGroup(String),
    /// Forget a group that has been stopped.
    RemoveGroup(String),
    /// Let the configuration that was read last take effect for a group: rules at once, and
    /// what concerns execution by a stop and a start. Once begun it is carried through.
    UpdateGroup(String),
    /// Tell event listeners of something outside.
    RemoteEvent {
        /// What kind of thing; the sender's own word.
        kind: String,
        /// What there is to say.
        data: String,
    },
}

/// Which processes an order is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// One process.
    Process(ProcId),
    /// All of a group.
    Group(String),
    /// All there are.
    All,
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was done.
    Done,
    /// An order to several: each that it concerned, in the order in which that was settled.
    Outcomes(Vec<ProcessOutcome>),
    /// What a configuration that was read again would change.
    Difference(Difference),
    /// What it took to update a group.
    Updated(Change),
}

/// What came of an order for one of several processes.
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

/// What came of an order.
pub type CommandResult = Result<Reply, Rejection>;

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// There is no such process or group.
    BadName,
    /// Its command is not there, or can't be understood.
    NoFile(String),
    /// Its command is there and can't be executed.
    NotExecutable(String),
    /// It could not be started, or ended too early to count as started.
    SpawnError,
    /// It ended, though not too early, or was stopped before it was up.
    AbnormalTermination,
    /// It runs already.
    AlreadyStarted,
    /// It does not run.
    NotRunning,
    /// The group is there already.
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
