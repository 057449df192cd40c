//! The inputs of the core.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::command::Command;
use crate::event::Channel;
use crate::failure::Found;
use crate::ids::{Delivery, Pid, ProcId, RequestId, RunId, RunKey};
use crate::signal::Signal;

pub use crate::answer::{Answer, Claim, Traits, TreeProcess};
pub use crate::exit::{Death, Exit, OomCounter, OomKills, SpawnError, SpawnErrorKind};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The daemon is ready to start programs. The first input, sent once.
    Boot,
    /// Time has passed. May come late, early or twice.
    Tick,
    /// The answer to an effect about one run of a process.
    Answer {
        /// The run.
        run: RunKey,
        /// The result.
        answer: Answer,
    },
    /// A child of the supervisor exited: a main process or an orphan.
    Reaped {
        /// Its pid.
        pid: Pid,
        /// Its exit status.
        exit: Exit,
        /// Other findings about the exit.
        found: Circumstances,
    },
    /// A process of a program's tree, other than the main process, exited.
    DescendantEnded {
        /// The process that the tree belongs to.
        proc: ProcId,
        /// Its main process at that time.
        main: Pid,
        /// The details of its exit.
        death: Death,
    },
    /// A child of the supervisor was suspended, for example by SIGTSTP or SIGSTOP.
    Suspended {
        /// Its pid.
        pid: Pid,
        /// Which process could continue the supervisor if the supervisor suspended itself, too.
        job: Job,
    },
    /// A signal reached the supervisor.
    Signalled(Signal),
    /// An operator sends a request; answered by [`Effect::Reply`](crate::effect::Effect::Reply).
    Request {
        /// The id that the reply carries.
        id: RequestId,
        /// The command of the operator.
        command: Command,
    },
    /// The client no longer waits for this reply.
    RequestGone {
        /// The request.
        id: RequestId,
    },
    /// An event listener wrote to its stdout.
    ListenerSaid {
        /// The listener.
        proc: ProcId,
        /// Its main process when it wrote the output.
        pid: Pid,
        /// The output.
        data: Vec<u8>,
    },
    /// The answer to [`Effect::Tell`](crate::effect::Effect::Tell) if the daemon cannot send the
    /// event to the listener.
    TellFailed {
        /// The listener.
        proc: ProcId,
        /// The serial number of the event.
        serial: u64,
    },
    /// The result of [`Effect::Deliver`](crate::effect::Effect::Deliver).
    Delivered {
        /// The delivery.
        delivery: Delivery,
        /// Whether the receiver accepted the notification.
        sent: bool,
    },
    /// A process whose output listeners subscribe to wrote output.
    Logged {
        /// The process.
        proc: ProcId,
        /// Its main process when it wrote the output.
        pid: Pid,
        /// The stream.
        channel: Channel,
        /// The data.
        data: Vec<u8>,
    },
    /// A process of a program's tree sent an `sd_notify` message.
    Notified {
        /// The process that the tree belongs to.
        proc: ProcId,
        /// The message.
        said: Notification,
    },
    /// The output of a process contains its readiness text.
    ReadyLogged {
        /// The process.
        proc: ProcId,
        /// Its main process when it wrote the text.
        pid: Pid,
    },
    /// A process sent a message between markers in its output.
    Communicated {
        /// The process.
        proc: ProcId,
        /// Its main process when it wrote the message.
        pid: Pid,
        /// The stream.
        channel: Channel,
        /// The data.
        data: Vec<u8>,
    },
}

impl Input {
    /// An answer about a run of a process.
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
    /// It is about to exit.
    pub stopping: bool,
    /// A watchdog message: it is alive.
    pub watchdog: bool,
    /// The interval of its watchdog messages from now on.
    pub watchdog_every: Option<Duration>,
    /// The extra time, from now, that its current phase needs.
    pub extend: Option<Duration>,
    /// Its current activity as text.
    pub status: Option<String>,
}

/// Findings about the exit of a main process, in addition to its exit status. Empty for an orphan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// OOM kills during the run.
    pub oom_kills: OomKills,
    /// The last line of its output, with a limited length.
    pub last_line: Option<String>,
    /// The failure text in its last lines of output, if its preset knows it.
    pub found: Option<Found>,
    /// Whether `/dev/shm` is full.
    pub shared_memory_full: bool,
    /// The rules whose text is in its last lines of output.
    pub texts: BTreeSet<String>,
}

/// The process that could continue the supervisor if it were suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// A shell with job control, which sees that it is stopped.
    Controlled,
    /// None: the supervisor is PID 1, leads its session, or belongs to an orphaned process group.
    Alone,
    /// None is needed, because there is no terminal: whatever suspended the program also continues
    /// it.
    Unattended,
}
