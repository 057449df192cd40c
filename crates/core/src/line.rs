//! The lines of the supervisor's log. Where supervisord has the same line, its words are kept,
//! because people and tools search for `spawned:`, `exited:` and `gave up:`.

mod facts;
mod level;
mod text;

use std::time::Duration;

use crate::command::Rejection;
use crate::health::{CheckFailure, Unhealthy, Unreached};
use crate::ids::{Member, Pid};
use crate::input::{Exit, SpawnErrorKind};
use crate::port::Holder;
use crate::report::Because;
use crate::signal::Signal;
use crate::spec::StopTarget;
use crate::tree::drain::AskReason;

pub use facts::{Facts, NOTE, Value};

/// One line of the supervisor's log. `name` is always the process name without its group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the text of each line, below, says what its fields are")]
pub enum Line {
    Spawned {
        name: String,
        pid: Pid,
        run: u64,
    },
    SpawnFailed {
        name: String,
        run: u64,
        message: String,
        kind: SpawnErrorKind,
    },
    Success {
        name: String,
        pid: Pid,
        run: u64,
        startsecs: Duration,
    },
    Exited {
        name: String,
        pid: Pid,
        run: u64,
        exit: Exit,
        expected: bool,
    },
    Stopped {
        name: String,
        pid: Pid,
        run: u64,
        exit: Exit,
        expected: bool,
    },
    /// As in supervisord, at supervisord's level unless the supervisor exits because of it.
    GaveUp {
        name: String,
        why: GaveUp,
        /// The cause of the last exit; `None` if the line must have supervisord's words only.
        because: Option<Because>,
        ends_all: bool,
    },
    LastRun {
        name: String,
        run: u64,
        uptime: Duration,
        exit: Exit,
        because: Because,
        ends_all: bool,
    },
    Stopping {
        name: String,
        pid: Pid,
        group: bool,
        signal: Signal,
    },
    StopBegins {
        name: String,
        pid: Pid,
        target: StopTarget,
        signal: Signal,
        wait: Duration,
    },
    /// Other processes than the main process get a signal during a stop.
    Asking {
        name: String,
        /// The name of its section.
        program: String,
        pids: Vec<Pid>,
        signal: Signal,
        reason: AskReason,
        kill_in: Duration,
    },
    StopEnds {
        name: String,
        took: Duration,
        /// Time from the beginning of the stop until the main process exited.
        main: Option<Duration>,
        asked: usize,
        killed: usize,
    },
    Killing {
        name: String,
        pid: Pid,
    },
    Leftovers {
        name: String,
        members: Vec<Member>,
        signal: Signal,
    },
    Unkillable {
        name: String,
        pids: Vec<Pid>,
        after: Duration,
    },
    ExitRequest {
        signal: Signal,
    },
    Prestop {
        delay: Duration,
    },
    /// The supervisor cannot see the load of the servers, so the delay cannot end early.
    PrestopUnseen {
        delay: Duration,
    },
    /// No request is running or waiting, so the delay ends early.
    PrestopIdle {
        left: Duration,
    },
    /// A second stop request ends the delay before the first signal.
    PrestopCut {
        signal: Signal,
    },
    /// The supervisor exits because this program exited.
    EndsWith {
        name: String,
    },
    KillRequest {
        signal: Signal,
    },
    RestartRequest {
        signal: Signal,
        ignored: bool,
    },
    ReopenRequest {
        signal: Signal,
    },
    /// The supervisor forwards a signal to this program.
    PassedOn {
        name: String,
        signal: Signal,
        sent: Option<Signal>,
    },
    Forwarding {
        name: String,
        pid: Pid,
        signal: Signal,
    },
    IgnoredSignal {
        signal: Signal,
    },
    Waiting {
        names: Vec<String>,
    },
    ReapedUnknown {
        pid: Pid,
        exit: Exit,
    },
    NothingToRun,
    /// All programs have exited. Operators stopped these programs or removed others.
    WaitsForOperator {
        stopped: Vec<String>,
    },
    /// New settings of this group take effect without a restart.
    Updated {
        name: String,
        added: usize,
        removed: usize,
    },
    /// A program that looks like a one-time helper exited as expected, and that counts as a
    /// failure.
    HelperFails {
        name: String,
        /// Its section.
        program: String,
        exit: Exit,
        because: NoHelper,
        /// Failures after which the supervisor gives up on it.
        of: u32,
        /// Whether the supervisor exits then.
        ends_all: bool,
    },
    /// The program exited successfully within seconds and left processes behind. It is not known
    /// which program started these.
    OrphansLeft {
        name: String,
        pids: Vec<Pid>,
    },
    WentToBackground {
        name: String,
        uptime: Duration,
        left: usize,
    },
    /// A start waits for other programs.
    WaitsForPrograms {
        name: String,
        programs: Vec<String>,
    },
    /// These programs wait for each other in a circle.
    WaitsInCircle {
        name: String,
        circle: Vec<String>,
    },
    /// An operator started a program although these dependencies are not up.
    WaitOverruled {
        name: String,
        programs: Vec<String>,
    },
    /// A start waits for a server that does not accept connections yet.
    WaitsForTarget {
        name: String,
        unreached: Unreached,
        /// Time until the start fails.
        left: Duration,
    },
    TargetsReached {
        name: String,
        after: Duration,
    },
    /// A start waits until this process no longer listens on its port.
    WaitsForPort {
        name: String,
        port: u16,
        holder: Holder,
    },
    /// A start has waited for the memory of its devices, which is free.
    MemoryFree {
        name: String,
        /// As much is in use as at the first start; otherwise the use no longer decreases.
        released: bool,
        after: Duration,
    },
    /// The wait for the memory of devices is over, and it is not free.
    MemoryHeld {
        name: String,
        /// So many MiB more are in use.
        held: Vec<(String, u64)>,
        after: Duration,
        /// Processes that have a device open.
        users: Vec<(Pid, String)>,
    },
    /// A look at the devices has no result.
    DevicesUnknown {
        source: &'static str,
        within: Duration,
    },
    /// The wait for the port is over, and this process still listens on it.
    PortHeld {
        name: String,
        port: u16,
        holder: Holder,
    },
    Ready {
        name: String,
        pid: Pid,
        run: u64,
        up_after: Duration,
    },
    CheckFailed {
        name: String,
        failure: CheckFailure,
        times: u32,
        of: u32,
        /// The target of the check and the setting that defines it; only for the first of several
        /// failures.
        asked: Option<String>,
    },
    /// The metrics page could not be read.
    NoMetrics {
        name: String,
        /// The address of the page.
        asked: String,
        failure: CheckFailure,
    },
    /// The server requires a client certificate, so only its connection is checked.
    CheckConnects {
        name: String,
    },
    /// The program was not ready in time because its check is configured wrongly.
    CheckedWrongly {
        name: String,
        within: Duration,
        failure: CheckFailure,
    },
    CheckExcused {
        name: String,
    },
    /// The dump signal terminated an unhealthy program, because the program has no handler for it.
    DumpSignalEnds {
        name: String,
        signal: Signal,
    },
    /// The check timed out often enough, but the process tree is busy.
    CheckBusy {
        name: String,
        /// Time since the first timeout.
        since: Duration,
        /// Time after which the program counts as unhealthy.
        patience: Duration,
    },
    /// The program is starting, and its check still fails.
    NotReadyYet {
        name: String,
        asked: String,
        failure: CheckFailure,
        /// Time since the start.
        since: Duration,
    },
    /// A rolling restart restarts this process.
    RollingStep {
        name: String,
        /// The position of the process.
        number: usize,
        /// The number of processes.
        of: usize,
    },
    /// A rolling restart ends early.
    RollingStops {
        name: String,
        reason: Rejection,
        /// Processes that are not restarted.
        left: usize,
    },
    /// The memory use reached the warning threshold.
    MemoryHigh {
        name: String,
        /// Bytes.
        used: u64,
        /// The limit in bytes; above it, the supervisor restarts the program.
        limit: u64,
    },
    /// The memory use cannot be measured, so the limit has no effect.
    MemoryUnseen {
        name: String,
    },
    Unhealthy {
        name: String,
        unhealthy: Unhealthy,
        observe: bool,
    },
    Recovered {
        name: String,
    },
    NotPrepared {
        names: Vec<String>,
        why: NotPrepared,
    },
    StopInBackoff {
        name: String,
    },
    WaitingToStop {
        name: String,
    },
    EventSent {
        serial: u64,
        name: String,
    },
    EventProcessed {
        name: String,
    },
    EventRejected {
        name: String,
    },
    BadResult {
        name: String,
        said: String,
    },
    ListenerState {
        name: String,
        from: &'static str,
        to: &'static str,
    },
    ListenerUnknown {
        name: String,
    },
    EventLost {
        pool: String,
        serial: u64,
    },
    EventKept {
        pool: String,
        serial: u64,
        waiting: usize,
        room: usize,
    },
    ListenerDeaf {
        name: String,
        serial: u64,
    },
    /// A hook's queue is full; the oldest notification was dropped.
    HookFull {
        name: String,
    },
    /// A state that should be impossible. The core logs it instead of panicking.
    Bug {
        what: String,
    },
}

/// The reason for giving up on a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GaveUp {
    /// Its retries are used up.
    TooManyRetries,
    /// It cannot be started, and a retry would not help.
    CannotStart,
    /// It, or a process of its tree, survived SIGKILL.
    Unkillable,
    /// It was unhealthy.
    Unhealthy,
    /// It failed twice for the same reason before it was ever ready.
    Repeated,
    /// Its GPUs are lost.
    Hopeless,
    /// The rule with this name requires it.
    Rule(String),
    /// The supervisor gave up on this dependency, or the dependency did not complete.
    DependencyLost(String),
    /// A server that it waits for did not accept a connection in time.
    TargetUnreached {
        /// The server and the reason.
        target: String,
        /// The time limit.
        within: Duration,
    },
}

/// The reason why the exit of a program that looks like a one-time helper counts as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHelper {
    /// Its settings require it to keep running.
    KeptRunning,
    /// It exited before it counted as started.
    TooQuick,
}

/// The reason why the next stage cannot start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPrepared {
    /// The preparation failed with this status.
    Failed(u8),
    /// It took longer than this limit.
    TooLong(Duration),
}
