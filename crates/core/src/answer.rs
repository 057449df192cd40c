//! What comes back from the world about one run of a process.

use crate::exit::SpawnError;
use crate::failure::DeviceState;
use crate::health::{Block, CheckAnswer, CheckFailure, Load, ProgressSample, TreeCount, Unreached};
use crate::ids::{Member, Pid};

/// What came of an [`Effect`](crate::effect::Effect) about one run. An answer about an earlier
/// run, or a second answer to one question, does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Effect::Spawn`](crate::effect::Effect::Spawn): the process runs.
    Spawned {
        /// Its pid.
        pid: Pid,
    },
    /// To [`Effect::Spawn`](crate::effect::Effect::Spawn): it could not be started.
    SpawnFailed(SpawnError),
    /// To [`Effect::Census`](crate::effect::Effect::Census).
    Census {
        /// The main process; `None`: it has ended.
        main: Option<Traits>,
        /// The other processes of the tree that are alive.
        members: Vec<TreeProcess>,
    },
    /// To [`Effect::Census`](crate::effect::Effect::Census): it was not possible, as with too
    /// many open files.
    CensusFailed,
    /// To [`Effect::AwaitEnd`](crate::effect::Effect::AwaitEnd): all of those processes have
    /// ended, whichever process waited for them.
    TreeEnded,
    /// To [`Effect::Check`](crate::effect::Effect::Check).
    Checked {
        /// What the check found.
        result: Result<CheckAnswer, CheckFailure>,
        /// What the tree used of the processors, if the server did not answer in time and that
        /// could be found out.
        load: Option<Load>,
    },
    /// To [`Effect::LookAtProgress`](crate::effect::Effect::LookAtProgress).
    Progressed(ProgressSample),
    /// To [`Effect::LookAtLoad`](crate::effect::Effect::LookAtLoad).
    LoadSeen {
        /// Requests that run or wait; `None`: that could not be seen.
        requests: Option<u64>,
    },
    /// To [`Effect::CountTree`](crate::effect::Effect::CountTree).
    TreeCounted(TreeCount),
    /// To [`Effect::MeasureMemory`](crate::effect::Effect::MeasureMemory).
    MemorySeen {
        /// Bytes; `None`: the system does not say.
        used: Option<u64>,
    },
    /// To [`Effect::LookAtOutput`](crate::effect::Effect::LookAtOutput): what keeps the process
    /// from writing; `None`: nothing.
    OutputSeen(Option<Block>),
    /// To [`Effect::Collect`](crate::effect::Effect::Collect).
    Collected,
    /// To [`Effect::Tidy`](crate::effect::Effect::Tidy): what the devices say, if they were to
    /// be looked at.
    Tidied(DeviceState),
    /// To [`Effect::Connect`](crate::effect::Effect::Connect): whether all servers accepted, or
    /// which did not.
    Connected(Result<(), Unreached>),
}

/// A process of a program's tree, as a census saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeProcess {
    /// Which process.
    pub member: Member,
    /// Its parent at that moment: after the end of the one that started it, another.
    pub parent: Pid,
    /// Its process group.
    pub group: Pid,
    /// What links it to the program.
    pub claim: Claim,
    /// What a stop must know of it.
    pub traits: Traits,
}

/// What links a process to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Descent, the process group, the mark in the environment, the cgroup or an earlier census.
    Linked,
    /// Nothing links it to one program, but one of the supervisor's programs has started it:
    /// it has become the supervisor's child, and only their descendants can.
    Orphan,
}

/// What a stop must know of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// It is a shell: it runs no trap while a child of it is in the foreground, and passes
    /// no signal on by itself.
    pub shell: bool,
    /// It ignores the program's `stopsignal`, as a shell's background jobs ignore INT and
    /// QUIT.
    pub ignores_stopsignal: bool,
}
