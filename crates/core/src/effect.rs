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
        /// The run for which this is requested.
        run: RunId,
    },
    /// Wait until all of these have ended, also those that another process reaps;
    /// answered by `TreeEnded`. A later one of the same process takes its place.
    AwaitEnd {
        /// Whose tree they belong to.
        proc: ProcId,
        /// The run for which this is requested.
        run: RunId,
        /// Found by a census.
        members: Vec<Member>,
    },
    /// Kill the whole tree of a process at once, if the kernel supports it. Each member is also
    /// signaled.
    KillTree {
        /// Whose tree.
        proc: ProcId,
    },
    /// Ask a process's check; answered by `Checked` within the check's timeout.
    Check {
        /// Which process.
        proc: ProcId,
        /// The run that is checked.
        run: RunId,
        /// Whether to find out which process answers.
        find_listener: bool,
    },
    /// Read the progress of a process; answered by `Progressed` within the timeout.
    LookAtProgress {
        /// Which process.
        proc: ProcId,
        /// The run that is inspected.
        run: RunId,
    },
    /// Read the number of requests of a process; answered by `LoadSeen` within the timeout for
    /// progress.
    LookAtLoad {
        /// Which process.
        proc: ProcId,
        /// The run that is inspected.
        run: RunId,
    },
    /// Count the processes of a tree that its tree rule selects; answered by `TreeCounted`.
    CountTree {
        /// Whose tree.
        proc: ProcId,
        /// The run for which this is requested.
        run: RunId,
    },
    /// Measure the anonymous and shared memory of a tree; answered by `MemorySeen`.
    MeasureMemory {
        /// Whose tree.
        proc: ProcId,
        /// The run for which this is requested.
        run: RunId,
    },
    /// Check whether a process cannot write its output because the pipe is full; answered by
    /// `OutputSeen`.
    LookAtOutput {
        /// Which process.
        proc: ProcId,
        /// The run that writes no output.
        run: RunId,
    },
    /// Collect diagnostics of a process and its tree, for people to read; answered by `Collected`
    /// within the limit.
    Collect {
        /// Which process.
        proc: ProcId,
        /// The unhealthy run.
        run: RunId,
        /// The reason.
        unhealthy: Unhealthy,
    },
    /// Record the files and sockets that a process's tree has open, as far as they can be seen now.
    LookAtFiles {
        /// Whose tree.
        proc: ProcId,
        /// The run that is inspected.
        run: RunId,
    },
    /// Remove stale files and sockets and, before a start, wait for the port; answered by `Tidied`.
    /// Replaces an earlier request for the process.
    Tidy {
        /// Which process.
        proc: ProcId,
        /// The run that has ended; 0 before the first run.
        run: RunId,
        /// The occasion.
        occasion: Occasion,
    },
    /// Connect to each of the servers that a process waits for; answered by `Connected`
    /// within [`CONNECT_LIMIT`](crate::CONNECT_LIMIT).
    Connect {
        /// Which process.
        proc: ProcId,
        /// The run that waits to start.
        run: RunId,
    },
    /// A run exited by itself, and all processes that it left behind have ended.
    Report(Box<RunReport>),
    /// Write a line to the supervisor's log.
    Log(Line),
    /// An event for observers.
    Emit(Rc<Event>),
    /// A notice for operators, in addition to events.
    Notice(Rc<Notice>),
    /// Send an event to an event listener. If that fails, `TellFailed` follows.
    Tell {
        /// Which process.
        proc: ProcId,
        /// The event.
        envelope: Rc<Envelope>,
    },
    /// Deliver a notification to a hook; answered by `Delivered` within the time.
    Deliver {
        /// Which hook, and which of its deliveries.
        delivery: Delivery,
        /// The notification.
        alert: Rc<Alert>,
        /// Notifications that were dropped since the one before.
        dropped: u64,
        /// The time limit of the delivery.
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
        /// The result.
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
    /// The preparation is complete: start the next stage. No effect follows.
    Proceed,
}
