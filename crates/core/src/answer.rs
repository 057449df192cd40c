//! The daemon's answers about a run of a process.

use crate::device::DevicesSeen;
use crate::exit::SpawnError;
use crate::health::{Block, CheckAnswer, CheckFailure, Load, ProgressSample, TreeCount, Unreached};
use crate::ids::{Member, Pid};
use crate::port::Holder;

/// The result of an [`Effect`](crate::effect::Effect) for one run. The core ignores answers about
/// earlier runs and duplicate answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Effect::Spawn`](crate::effect::Effect::Spawn): the process runs.
    Spawned {
        /// The main process.
        pid: Pid,
    },
    /// To [`Effect::Spawn`](crate::effect::Effect::Spawn): the start failed.
    SpawnFailed(SpawnError),
    /// To [`Effect::Census`](crate::effect::Effect::Census).
    Census {
        /// The main process; `None` if it has exited.
        main: Option<Traits>,
        /// The other running processes of the tree.
        members: Vec<TreeProcess>,
    },
    /// To [`Effect::Census`](crate::effect::Effect::Census): the census failed, for example because
    /// too many files are open.
    CensusFailed,
    /// To [`Effect::AwaitEnd`](crate::effect::Effect::AwaitEnd): all of those processes have
    /// exited, whichever process reaped them.
    TreeEnded,
    /// To [`Effect::Check`](crate::effect::Effect::Check).
    Checked {
        /// The result of the check.
        result: Result<CheckAnswer, CheckFailure>,
        /// The processor use of the tree, if the check timed out and it could be measured.
        load: Option<Load>,
    },
    /// To [`Effect::LookAtProgress`](crate::effect::Effect::LookAtProgress).
    Progressed(ProgressSample),
    /// To [`Effect::LookAtLoad`](crate::effect::Effect::LookAtLoad).
    LoadSeen {
        /// Running and waiting requests; `None` if they could not be read.
        requests: Option<u64>,
    },
    /// To [`Effect::CountTree`](crate::effect::Effect::CountTree).
    TreeCounted(TreeCount),
    /// To [`Effect::MeasureMemory`](crate::effect::Effect::MeasureMemory).
    MemorySeen {
        /// Memory use in bytes; `None` if it could not be measured.
        used: Option<u64>,
    },
    /// To [`Effect::LookAtOutput`](crate::effect::Effect::LookAtOutput): the stream that blocks the
    /// process; `None` if it can write.
    OutputSeen(Option<Block>),
    /// To [`Effect::Collect`](crate::effect::Effect::Collect).
    Collected,
    /// To [`Effect::Tidy`](crate::effect::Effect::Tidy).
    Tidied,
    /// To [`Effect::LookAtPort`](crate::effect::Effect::LookAtPort).
    PortSeen {
        /// The process after whose exit the look was taken, as requested.
        after: Option<Pid>,
        /// The process that listens on the port; `None`: the port is free.
        holder: Option<Holder>,
    },
    /// To [`Effect::LookAtDevices`](crate::effect::Effect::LookAtDevices).
    DevicesSeen(DevicesSeen),
    /// To [`Effect::Connect`](crate::effect::Effect::Connect): all servers accepted, or the one
    /// that did not.
    Connected(Result<(), Unreached>),
}

/// A process of a program's tree in a census.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeProcess {
    /// Its identity.
    pub member: Member,
    /// Its parent at that moment. After its original parent exits, it has another one.
    pub parent: Pid,
    /// Its process group.
    pub group: Pid,
    /// Its link to the program.
    pub claim: Claim,
    /// Properties that matter for a stop.
    pub traits: Traits,
}

/// The link between a process and a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Descent, the process group, the mark in the environment, the cgroup or an earlier census.
    Linked,
    /// No link to one program is known, but a program of the supervisor started it: it has become
    /// the supervisor's child, and only descendants of its programs can.
    Orphan,
}

/// Properties of a process that matter for a stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// It is a shell. A shell runs no trap while it waits for a foreground child, and does not
    /// forward signals by itself.
    pub shell: bool,
    /// It ignores the program's `stopsignal`, as background jobs of a shell ignore INT and QUIT.
    pub ignores_stopsignal: bool,
}
