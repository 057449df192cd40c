//! The actions that the core requests from the daemon.

use std::rc::Rc;
use std::time::Duration;

use crate::command::{Rejection, Reply};
use crate::device::UsersOf;
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

/// One action. The daemon carries out actions in order. No action fails silently: the daemon
/// reports failures as an [`Input`](crate::input::Input).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start a process; answered by `Spawned` or `SpawnFailed`.
    Spawn {
        /// The process.
        proc: ProcId,
        /// The id of the new run.
        run: RunId,
    },
    /// Send a signal. A target that no longer exists is not an error: its exit is reported
    /// separately.
    Signal {
        /// The target.
        target: SignalTarget,
        /// The signal.
        signal: Signal,
    },
    /// Stop the supervisor's own process group. When it is continued, resume this child at once.
    Suspend {
        /// The child.
        pid: Pid,
    },
    /// Continue this child and its process group, and make it the terminal's foreground job if the
    /// supervisor owns the terminal.
    Resume {
        /// The child.
        pid: Pid,
    },
    /// List the processes of a tree; answered by `Census` or `CensusFailed`.
    Census {
        /// The process that the tree belongs to.
        proc: ProcId,
        /// The run for which this is requested.
        run: RunId,
    },
    /// Wait until all of these processes have exited, whichever process reaps them; answered by
    /// `TreeEnded`. Replaces an earlier wait for the same tree.
    AwaitEnd {
        /// The process that the tree belongs to.
        proc: ProcId,
        /// The run for which this is requested.
        run: RunId,
        /// The processes, as found by a census.
        members: Vec<Member>,
    },
    /// Kill the whole tree of a process with one kernel call, if the kernel supports it. The core
    /// also signals each member.
    KillTree {
        /// The process that the tree belongs to.
        proc: ProcId,
    },
    /// Run a process's health check; answered by `Checked` within the check's timeout.
    Check {
        /// The process.
        proc: ProcId,
        /// The run that is checked.
        run: RunId,
        /// Whether to find out which process answers.
        find_listener: bool,
    },
    /// Sample the progress of a process; answered by `Progressed` within the timeout.
    LookAtProgress {
        /// The process.
        proc: ProcId,
        /// The sampled run.
        run: RunId,
    },
    /// Read the number of requests of a process; answered by `LoadSeen` within the timeout for
    /// progress.
    LookAtLoad {
        /// The process.
        proc: ProcId,
        /// The sampled run.
        run: RunId,
    },
    /// Count the processes of a tree that its tree rule selects; answered by `TreeCounted`.
    CountTree {
        /// The process that the tree belongs to.
        proc: ProcId,
        /// The run for which this is requested.
        run: RunId,
    },
    /// Measure the anonymous and shared memory of a tree; answered by `MemorySeen`.
    MeasureMemory {
        /// The process that the tree belongs to.
        proc: ProcId,
        /// The run for which this is requested.
        run: RunId,
    },
    /// Check whether a full pipe blocks the output of a process; answered by `OutputSeen`.
    LookAtOutput {
        /// The process.
        proc: ProcId,
        /// The run that writes no output.
        run: RunId,
    },
    /// Collect diagnostics of a process and its tree; answered by `Collected` within the limit.
    Collect {
        /// The process.
        proc: ProcId,
        /// The unhealthy run.
        run: RunId,
        /// The reason.
        unhealthy: Unhealthy,
    },
    /// Record the files and sockets that the tree of a process has open now.
    LookAtFiles {
        /// The process that the tree belongs to.
        proc: ProcId,
        /// The run.
        run: RunId,
    },
    /// Remove stale files and sockets; answered by `Tidied`. Replaces an earlier request for the
    /// process.
    Tidy {
        /// The process.
        proc: ProcId,
        /// The run that has exited; 0 before the first run.
        run: RunId,
        /// The reason for the cleanup.
        occasion: Occasion,
    },
    /// Find the process that listens on a port; answered by `PortSeen`. Replaces an earlier request
    /// for the process.
    LookAtPort {
        /// The process that is to start.
        proc: ProcId,
        /// The run that has ended; 0 before the first run.
        run: RunId,
        /// The port.
        port: u16,
        /// Look only after this process has exited.
        after: Option<Pid>,
        /// When this is over, no answer is needed.
        within: Duration,
    },
    /// Look at the devices of this container; answered by `DevicesSeen` within
    /// [`TOOL_LIMIT`](crate::device::TOOL_LIMIT) from the time at which no other look is under way.
    LookAtDevices {
        /// The process that runs, or is to start.
        proc: ProcId,
        /// The present run, or the one that has ended.
        run: RunId,
        /// Also find these processes, as far as they have a device open.
        users: Option<UsersOf>,
    },
    /// Connect to each of the servers that a process waits for; answered by `Connected`
    /// within [`CONNECT_LIMIT`](crate::CONNECT_LIMIT).
    Connect {
        /// The process.
        proc: ProcId,
        /// The run that waits to start.
        run: RunId,
    },
    /// Write the report of a run that exited by itself. All of its leftover processes have exited.
    Report(Box<RunReport>),
    /// Write a line to the supervisor's log.
    Log(Line),
    /// Pass an event to observers.
    Emit(Rc<Event>),
    /// Pass a notice to operators, in addition to events.
    Notice(Rc<Notice>),
    /// Send an event to an event listener. If that fails, the daemon sends `TellFailed`.
    Tell {
        /// The listener.
        proc: ProcId,
        /// The event.
        envelope: Rc<Envelope>,
    },
    /// Deliver a notification to a hook; answered by `Delivered` within the time limit.
    Deliver {
        /// The hook, and the number of the delivery.
        delivery: Delivery,
        /// The notification.
        alert: Rc<Alert>,
        /// Notifications that were dropped since the previous one.
        dropped: u64,
        /// The time limit of the delivery.
        within: Duration,
    },
    /// Write whole lines of programs' output to the supervisor's own stdout.
    Print {
        /// The lines.
        data: Vec<u8>,
    },
    /// Answer a request.
    Reply {
        /// The request.
        id: RequestId,
        /// The result.
        result: Result<Reply, Rejection>,
    },
    /// Create the processes of a group.
    AddGroup {
        /// The group.
        group: Rc<GroupSpec>,
        /// The id of the first process; the others have the ids after it.
        first: ProcId,
    },
    /// Remove processes for good.
    RemoveProcesses {
        /// The processes.
        procs: Vec<ProcId>,
    },
    /// Apply the new configuration of a group: new rules to processes that continue. Processes that
    /// do not exist yet are created.
    UpdateGroup {
        /// The new configuration of the group.
        group: Rc<GroupSpec>,
        /// All its processes, in the same order.
        procs: Vec<ProcId>,
    },
    /// Close and reopen all log files, because they may have been renamed.
    ReopenLogs,
    /// Exit with this code. No effect follows.
    Exit {
        /// The exit code.
        code: u8,
    },
    /// Read the configuration again and start again. No effect follows.
    Restart,
    /// The preparation is complete: start the next stage. No effect follows.
    Proceed,
}
