//! Everything that can happen to a supervisor.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::command::Command;
use crate::event::Channel;
use crate::failure::Found;
use crate::ids::{Delivery, Pid, ProcId, RequestId, RunId, RunKey};
use crate::signal::Signal;

pub use crate::answer::{Answer, Claim, Traits, TreeProcess};
pub use crate::exit::{Death, Exit, OomCounter, OomKills, SpawnError, SpawnErrorKind};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The supervisor is ready to start programs. Sent once, first.
    Boot,
    /// Time has passed. May come late, early or twice.
    Tick,
    /// The answer to an effect that is about one run of a process.
    Answer {
        /// Which run.
        run: RunKey,
        /// The result.
        answer: Answer,
    },
    /// A child of ours ended: a program's main process or an orphan.
    Reaped {
        /// The pid it had.
        pid: Pid,
        /// How it ended.
        exit: Exit,
        /// Other findings.
        found: Circumstances,
    },
    /// A process of a program's tree, not its main process, ended: as a child of ours, or seen
    /// from outside.
    DescendantEnded {
        /// Whose tree.
        proc: ProcId,
        /// Its main process at that time.
        main: Pid,
        /// The details of its end.
        death: Death,
    },
    /// A child of ours was stopped, as by SIGTSTP or SIGSTOP: it is alive and does nothing.
    Suspended {
        /// Its pid.
        pid: Pid,
        /// Which process could continue the supervisor if it stopped as well.
        job: Job,
    },
    /// A signal reached the supervisor.
    Signalled(Signal),
    /// An operator asks for something; answered by
    /// [`Effect::Reply`](crate::effect::Effect::Reply).
    Request {
        /// Goes into the reply.
        id: RequestId,
        /// The command of the operator.
        command: Command,
    },
    /// The client no longer waits for this reply.
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
        /// The output.
        data: Vec<u8>,
    },
    /// The answer to [`Effect::Tell`](crate::effect::Effect::Tell), if the event cannot be sent to
    /// the listener.
    TellFailed {
        /// Which process.
        proc: ProcId,
        /// The event's serial.
        serial: u64,
    },
    /// The result of [`Effect::Deliver`](crate::effect::Effect::Deliver).
    Delivered {
        /// Which delivery.
        delivery: Delivery,
        /// Whether the receiver has it.
        sent: bool,
    },
    /// A process with an observed output wrote something.
    Logged {
        /// Which process.
        proc: ProcId,
        /// Its main process when it wrote that.
        pid: Pid,
        /// Where.
        channel: Channel,
        /// The data.
        data: Vec<u8>,
    },
    /// A process, or one of its tree, told of itself.
    Notified {
        /// Which process.
        proc: ProcId,
        /// The message.
        said: Notification,
    },
    /// The readiness text of a process was found in its output.
    ReadyLogged {
        /// Which process.
        proc: ProcId,
        /// Its main process when it wrote that.
        pid: Pid,
    },
    /// A process sent a message in its output.
    Communicated {
        /// Which process.
        proc: ProcId,
        /// Its main process when it wrote that.
        pid: Pid,
        /// Where.
        channel: Channel,
        /// The data.
        data: Vec<u8>,
    },
}

impl Input {
    /// The answer to an effect about a run of a process.
    #[must_use]
    pub const fn answer(proc: ProcId, run: RunId, answer: Answer) -> Self {
        Self::Answer { run: RunKey { proc, run }, answer }
    }
}

/// A status message of a process, as in
/// [`sd_notify`](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// It is ready.
    pub ready: bool,
    /// It is about to end.
    pub stopping: bool,
    /// It is alive.
    pub watchdog: bool,
    /// The interval of its watchdog messages from now on.
    pub watchdog_every: Option<Duration>,
    /// The extra time, from now, that its current phase needs.
    pub extend: Option<Duration>,
    /// Its current activity, for people to read.
    pub status: Option<String>,
}

/// Findings about the exit of a main process, in addition to its exit status. Empty for an orphan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Processes that the kernel killed while the run lasted, because memory ran out.
    pub oom_kills: OomKills,
    /// The last line of its output, cut to a bounded length.
    pub last_line: Option<String>,
    /// The failure text at the end of its output, if its preset contains one.
    pub found: Option<Found>,
    /// `/dev/shm` is full.
    pub shared_memory_full: bool,
    /// Names of the rules whose text was found at the end of its output.
    pub texts: BTreeSet<String>,
}

/// Which process could continue the supervisor if it was stopped.
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
