//! Everything that can happen to a supervisor.

use std::time::Duration;

use crate::command::Command;
use crate::event::Channel;
use crate::failure::Found;
use crate::health::{Block, CheckAnswer, CheckFailure, Load, ProgressSample, TreeCount, Unreached};
use crate::ids::{Member, Pid, ProcId, RequestId, RunId};
use crate::signal::Signal;

pub use crate::exit::{Death, Exit, SpawnError, SpawnErrorKind};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The supervisor is ready to start programs. Sent once, first.
    Boot,
    /// Time has passed. May come late, early or twice.
    Tick,
    /// The answer to [`Effect::Spawn`](crate::effect::Effect::Spawn): it runs.
    Spawned {
        /// Which process.
        proc: ProcId,
        /// Which incarnation.
        run: RunId,
        /// The pid it got.
        pid: Pid,
    },
    /// The answer to [`Effect::Spawn`](crate::effect::Effect::Spawn): it doesn't.
    SpawnFailed {
        /// Which process.
        proc: ProcId,
        /// Which incarnation.
        run: RunId,
        /// Why not.
        error: SpawnError,
    },
    /// A child of ours ended: a program's main process or an orphan.
    Reaped {
        /// The pid it had.
        pid: Pid,
        /// How it ended.
        exit: Exit,
        /// What else was found out.
        found: Circumstances,
    },
    /// A process of a program's tree, not its main process, ended: as a child of ours, or seen
    /// from outside.
    DescendantEnded {
        /// Whose tree.
        proc: ProcId,
        /// Its main process at that time.
        main: Pid,
        /// What is known of it.
        death: Death,
    },
    /// The answer to [`Effect::Census`](crate::effect::Effect::Census).
    Census {
        /// Whose tree was looked at.
        proc: ProcId,
        /// Which incarnation asked.
        run: RunId,
        /// The main process; `None`: it has ended.
        main: Option<Traits>,
        /// The other processes of the tree that are alive.
        members: Vec<TreeProcess>,
    },
    /// The answer to [`Effect::AwaitEnd`](crate::effect::Effect::AwaitEnd): all of those
    /// processes have ended, whoever waited for them.
    TreeEnded {
        /// Whose tree they belonged to.
        proc: ProcId,
        /// Which incarnation asked.
        run: RunId,
    },
    /// A child of ours was stopped, as by SIGTSTP or SIGSTOP: it is alive and does nothing.
    Suspended {
        /// Its pid.
        pid: Pid,
        /// Who could continue the supervisor if it stopped as well.
        job: Job,
    },
    /// A signal reached the supervisor.
    Signalled(Signal),
    /// An operator asks for something; answered by
    /// [`Effect::Reply`](crate::effect::Effect::Reply).
    Request {
        /// Goes into the reply.
        id: RequestId,
        /// What he asks for.
        command: Command,
    },
    /// Nobody waits for this reply any more.
    RequestGone {
        /// Which request's.
        id: RequestId,
    },
    /// An event listener wrote to its stdout.
    ListenerSaid {
        /// Which process.
        proc: ProcId,
        /// Its main process when it wrote that.
        pid: Pid,
        /// What it wrote.
        data: Vec<u8>,
    },
    /// The answer to [`Effect::Tell`](crate::effect::Effect::Tell), if the listener can't
    /// be told.
    TellFailed {
        /// Which process.
        proc: ProcId,
        /// The event's serial.
        serial: u64,
    },
    /// A process, of whose output somebody wants to know, wrote something.
    Logged {
        /// Which process.
        proc: ProcId,
        /// Its main process when it wrote that.
        pid: Pid,
        /// Where.
        channel: Channel,
        /// What.
        data: Vec<u8>,
    },
    /// The answer to [`Effect::Check`](crate::effect::Effect::Check).
    Checked {
        /// Which process.
        proc: ProcId,
        /// Which incarnation.
        run: RunId,
        /// What was found.
        result: Result<CheckAnswer, CheckFailure>,
        /// What its tree used of the processors, if it did not answer in time and that could
        /// be found out.
        load: Option<Load>,
    },
    /// The answer to [`Effect::LookAtProgress`](crate::effect::Effect::LookAtProgress).
    Progressed {
        /// Which process.
        proc: ProcId,
        /// Which incarnation.
        run: RunId,
        /// What came of it.
        look: ProgressSample,
    },
    /// The answer to [`Effect::LookAtLoad`](crate::effect::Effect::LookAtLoad).
    LoadSeen {
        /// Which process.
        proc: ProcId,
        /// Which incarnation.
        run: RunId,
        /// Requests that run or wait; `None`: that could not be seen.
        requests: Option<u64>,
    },
    /// The answer to [`Effect::CountTree`](crate::effect::Effect::CountTree).
    TreeCounted {
        /// Which process.
        proc: ProcId,
        /// Which incarnation.
        run: RunId,
        /// How many there are.
        count: TreeCount,
    },
    /// The answer to [`Effect::LookAtOutput`](crate::effect::Effect::LookAtOutput).
    OutputSeen {
        /// Which process.
        proc: ProcId,
        /// Which incarnation.
        run: RunId,
        /// What keeps it from writing; `None`: nothing.
        block: Option<Block>,
    },
    /// A process, or one of its tree, told of itself.
    Notified {
        /// Which process.
        proc: ProcId,
        /// What it said.
        said: Notification,
    },
    /// The text that says that a process is ready stands in its output.
    ReadyLogged {
        /// Which process.
        proc: ProcId,
        /// Its main process when it wrote that.
        pid: Pid,
    },
    /// The answer to [`Effect::Collect`](crate::effect::Effect::Collect).
    Collected {
        /// Which process.
        proc: ProcId,
        /// Which incarnation.
        run: RunId,
    },
    /// The answer to [`Effect::Tidy`](crate::effect::Effect::Tidy).
    Tidied {
        /// Which process.
        proc: ProcId,
        /// The incarnation that had ended.
        run: RunId,
    },
    /// The answer to [`Effect::Connect`](crate::effect::Effect::Connect).
    Connected {
        /// Which process waits.
        proc: ProcId,
        /// The incarnation that waits to begin.
        run: RunId,
        /// Whether all accepted, or which did not.
        result: Result<(), Unreached>,
    },
    /// A process sent a message in its output.
    Communicated {
        /// Which process.
        proc: ProcId,
        /// Its main process when it wrote that.
        pid: Pid,
        /// Where.
        channel: Channel,
        /// What.
        data: Vec<u8>,
    },
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

/// What a process tells of itself, in one message, as
/// [`sd_notify`](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html)
/// has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// It is ready.
    pub ready: bool,
    /// It is about to end.
    pub stopping: bool,
    /// It is alive.
    pub watchdog: bool,
    /// From now on it promises a sign of life this often.
    pub watchdog_every: Option<Duration>,
    /// What it is doing takes this much more time from now.
    pub extend: Option<Duration>,
    /// What it is doing, for people to read.
    pub status: Option<String>,
}

/// What is known of the end of a main process besides its exit. Of an orphan nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The kernel ended something of its tree for want of memory while it ran.
    pub oom: bool,
    /// The last line of its output, cut to a bounded length.
    pub last_line: Option<String>,
    /// The sign that its output ended with, if its preset knows one.
    pub found: Option<Found>,
    /// `/dev/shm` is full.
    pub shared_memory_full: bool,
}

/// Who could continue the supervisor if it was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// A shell with job control, which sees that it is stopped.
    Controlled,
    /// Nothing could: it is PID 1, leads its session, or belongs to an orphaned process
    /// group.
    Alone,
    /// There is no terminal: whatever stopped the program goes on with it.
    Unattended,
}
