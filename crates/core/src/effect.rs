//! Everything a supervisor can ask of the world.

use std::rc::Rc;
use std::time::Duration;

use crate::command::{Rejection, Reply};
use crate::envelope::Envelope;
use crate::event::Event;
use crate::health::Unhealthy;
use crate::hook::Alert;
use crate::ids::{Delivery, Member, Pid, ProcId, RequestId, RunId};
use crate::line::Line;
use crate::notice::Notice;
use crate::report::RunReport;
use crate::signal::{Signal, SignalTarget};
use crate::spec::GroupSpec;
use crate::tree::Occasion;

/// One thing to do. Effects are carried out in order; none of them fails
/// silently: what can go wrong comes back as an [`Input`](crate::input::Input).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start a process; answered by `Spawned` or `SpawnFailed`.
    Spawn {
        /// Which process.
        proc: ProcId,
        /// The incarnation this starts.
        run: RunId,
    },
    /// Send a signal. A target that has gone is no error: its exit is on its way.
    Signal {
        /// To which processes.
        target: SignalTarget,
        /// Which.
        signal: Signal,
    },
    /// Stop the supervisor's own process group, and when it is continued, resume this child of
    /// ours. Nothing else happens in between.
    Suspend {
        /// The child.
        pid: Pid,
    },
    /// Continue this child of ours and its process group, with the terminal if that is ours
    /// to give.
    Resume {
        /// The child.
        pid: Pid,
    },
    /// List the processes of a tree; answered by `Census` or `CensusFailed`.
    Census {
        /// Whose tree.
        proc: ProcId,
        /// The incarnation that asks.
        run: RunId,
    },
    /// Wait until all of these have ended, also those that another process reaps;
    /// answered by `TreeEnded`. A later one of the same process takes its place.
    AwaitEnd {
        /// Whose tree they belong to.
        proc: ProcId,
        /// The incarnation that asks.
        run: RunId,
        /// Found by a census.
        members: Vec<Member>,
    },
    /// End a process's whole tree in one stroke, where the kernel can. Its members
    /// are signalled one by one as well.
    KillTree {
        /// Whose tree.
        proc: ProcId,
    },
    /// Ask a process's check; answered by `Checked` within the check's timeout.
    Check {
        /// Which process.
        proc: ProcId,
        /// The incarnation that is asked.
        run: RunId,
        /// Whether to find out which process answers.
        find_listener: bool,
    },
    /// Look how far a process has got; answered by `Progressed` within the timeout.
    LookAtProgress {
        /// Which process.
        proc: ProcId,
        /// The incarnation that is looked at.
        run: RunId,
    },
    /// Look how many requests a process has; answered by `LoadSeen` within the time of a
    /// look at its progress.
    LookAtLoad {
        /// Which process.
        proc: ProcId,
        /// The incarnation that is looked at.
        run: RunId,
    },
    /// Count the processes of a tree that are meant; answered by `TreeCounted`.
    CountTree {
        /// Whose tree.
        proc: ProcId,
        /// The incarnation that asks.
        run: RunId,
    },
    /// Measure the anonymous and shared memory of a tree; answered by `MemorySeen`.
    MeasureMemory {
        /// Whose tree.
        proc: ProcId,
        /// The incarnation that asks.
        run: RunId,
    },
    /// Look whether a process can't write its output, since the pipe for it is full; answered
    /// by `OutputSeen`.
    LookAtOutput {
        /// Which process.
        proc: ProcId,
        /// The incarnation that is silent.
        run: RunId,
    },
    /// Find out in what state a process and its tree are, for people to read; answered by
    /// `Collected` within the limit.
    Collect {
        /// Which process.
        proc: ProcId,
        /// The incarnation that is unhealthy.
        run: RunId,
        /// Why it is.
        unhealthy: Unhealthy,
    },
    /// Note which files and sockets a process's tree has open, as far as that can be seen
    /// now.
    LookAtFiles {
        /// Whose tree.
        proc: ProcId,
        /// The incarnation that is looked at.
        run: RunId,
    },
    /// Make the place clean; answered by `Tidied`. Takes the place of an earlier one of the
    /// process.
    Tidy {
        /// Which process.
        proc: ProcId,
        /// The incarnation that has ended; 0 before the first.
        run: RunId,
        /// What for.
        occasion: Occasion,
    },
    /// Connect to each of the servers that a process waits for; answered by `Connected`
    /// within [`CONNECT_LIMIT`](crate::CONNECT_LIMIT).
    Connect {
        /// Which process.
        proc: ProcId,
        /// The incarnation that waits to begin.
        run: RunId,
    },
    /// A run exited by itself, and all processes that it left behind have ended.
    Report(Box<RunReport>),
    /// Say something in the supervisor's log.
    Log(Line),
    /// Something happened that observers may want to know.
    Emit(Rc<Event>),
    /// Something happened that operators may want to know, besides events.
    Notice(Rc<Notice>),
    /// Tell an event listener. That it can't be told comes back as `TellFailed`.
    Tell {
        /// Which process.
        proc: ProcId,
        /// What.
        envelope: Rc<Envelope>,
    },
    /// Deliver a notification to a hook; answered by `Delivered` within the time.
    Deliver {
        /// Which hook, and which of its deliveries.
        delivery: Delivery,
        /// What it is told.
        alert: Rc<Alert>,
        /// Notifications that were dropped since the one before.
        dropped: u64,
        /// How long it may take.
        within: Duration,
    },
    /// Write whole lines to the supervisor's own stdout, as output of programs.
    Print {
        /// The lines.
        data: Vec<u8>,
    },
    /// Answer a request.
    Reply {
        /// Which.
        id: RequestId,
        /// What came of it.
        result: Result<Reply, Rejection>,
    },
    /// There are more processes.
    AddGroup {
        /// Their group.
        group: Rc<GroupSpec>,
        /// The number of its first process; those of the others follow.
        first: ProcId,
    },
    /// There are fewer processes: these, all of one group, are gone for good.
    RemoveGroup {
        /// Which.
        procs: Vec<ProcId>,
    },
    /// Processes go on, with other rules.
    UpdateGroup {
        /// Their group as it is from now on.
        group: Rc<GroupSpec>,
        /// Its processes, in the same order.
        procs: Vec<ProcId>,
    },
    /// Close and open again every log file that is a file: it may have been moved away.
    ReopenLogs,
    /// All is over: end with this exit code. Nothing follows.
    Exit {
        /// The exit code.
        code: u8,
    },
    /// All is over: read the configuration again and start again. Nothing follows.
    Restart,
    /// What was to be prepared is: begin with what comes next. Nothing follows.
    Proceed,
}
