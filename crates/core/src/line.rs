//! The lines of the supervisor's log, in supervisord's words where it has them: people and
//! tools search for `spawned:`, `exited:`, `gave up:`.

mod facts;
mod level;
mod text;

use std::time::Duration;

use crate::command::Rejection;
use crate::health::{CheckFailure, Unhealthy, Unreached};
use crate::ids::{Member, Pid};
use crate::input::{Exit, SpawnErrorKind};
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
    /// As supervisord's, at its level unless everything ends with it.
    GaveUp {
        name: String,
        why: GaveUp,
        /// Why the last run ended, unless only supervisord's own words are to be said.
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
    /// Processes besides the main process are asked to end, during a stop.
    Asking {
        name: String,
        pids: Vec<Pid>,
        signal: Signal,
        reason: AskReason,
        kill_in: Duration,
    },
    StopEnds {
        name: String,
        took: Duration,
        /// When the main process ended, from the beginning of the stop on.
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
    /// The delay can't end early.
    PrestopUnseen {
        delay: Duration,
    },
    /// No request runs or waits.
    PrestopIdle {
        left: Duration,
    },
    /// A second request to stop, during the delay before the first signal.
    PrestopCut {
        signal: Signal,
    },
    /// Everything ends since this program has.
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
    /// A signal that came goes on to this program.
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
    /// All programs have ended, and operators stopped these or removed others.
    WaitsForOperator {
        stopped: Vec<String>,
    },
    /// Other settings of this group apply from now on, without a restart.
    Updated {
        name: String,
    },
    /// What may be a helper that runs once ended as it should, and that counts as a failure.
    HelperFails {
        name: String,
        /// Its section.
        program: String,
        exit: Exit,
        because: NoHelper,
        /// After so many failures it is given up.
        of: u32,
        /// Everything ends then.
        ends_all: bool,
    },
    /// It exited well at once, and left so many processes behind.
    /// Which program started these is not known.
    OrphansLeft {
        name: String,
        pids: Vec<Pid>,
    },
    WentToBackground {
        name: String,
        uptime: Duration,
        left: usize,
    },
    /// A start waits for these programs.
    WaitsForPrograms {
        name: String,
        programs: Vec<String>,
    },
    /// These programs wait for each other, the last for the first.
    WaitsInCircle {
        name: String,
        circle: Vec<String>,
    },
    /// An operator started it though these programs are not there.
    WaitOverruled {
        name: String,
        programs: Vec<String>,
    },
    /// A start waits for a server that accepts no connection yet.
    WaitsForTarget {
        name: String,
        unreached: Unreached,
        /// Until it has taken too long.
        left: Duration,
    },
    TargetsReached {
        name: String,
        after: Duration,
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
        /// Where, and which setting says so: of the first in a row.
        asked: Option<String>,
    },
    /// There is no page of metrics.
    NoMetrics {
        name: String,
        /// Where it was asked for.
        asked: String,
        failure: CheckFailure,
    },
    /// The server wants a client certificate, so that only its connection is checked.
    CheckConnects {
        name: String,
    },
    /// It was not ready in time, because its check asks for the wrong thing.
    CheckedWrongly {
        name: String,
        within: Duration,
        failure: CheckFailure,
    },
    CheckExcused {
        name: String,
    },
    /// Its check has timed out often enough, but its tree is busy.
    CheckBusy {
        name: String,
        /// How long it has timed out.
        since: Duration,
        /// After this time it counts as unhealthy.
        patience: Duration,
    },
    /// It starts, and its check fails as yet.
    NotReadyYet {
        name: String,
        /// Where it was asked.
        asked: String,
        failure: CheckFailure,
        /// How long it has been starting.
        since: Duration,
    },
    /// A rolling restart comes to this process.
    RollingStep {
        name: String,
        /// It is the first, second, third …
        number: usize,
        /// … of so many.
        of: usize,
    },
    /// A rolling restart ends early.
    RollingStops {
        name: String,
        reason: Rejection,
        /// Processes that are not restarted.
        left: usize,
    },
    /// It has reached its soft limit of memory.
    MemoryHigh {
        name: String,
        /// Bytes.
        used: u64,
        /// Bytes from which it is restarted.
        limit: u64,
    },
    /// Its memory can't be measured, so that its limit has no effect.
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
    /// Too many notifications wait for a hook, and the oldest was dropped.
    HookFull {
        name: String,
    },
    /// A state that the core holds for impossible. Said instead of panicking.
    Bug {
        what: String,
    },
}

/// Why a process was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GaveUp {
    /// Its retries are used up.
    TooManyRetries,
    /// It can't be started, and trying again would not change that.
    CannotStart,
    /// It, or a process of its tree, survived SIGKILL.
    Unkillable,
    /// It was unhealthy.
    Unhealthy,
    /// It failed twice of the same before it was ever ready.
    Repeated,
    /// Its devices are lost.
    Hopeless,
    /// A rule with this name says so.
    Rule(String),
    /// This program, on which it depends, was given up or did not complete.
    DependencyLost(String),
    /// A server that it waits for did not accept a connection in time.
    TargetUnreached {
        /// Which, and why not.
        target: String,
        /// That time.
        within: Duration,
    },
}

/// Why the end of what may be a helper that runs once counts as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHelper {
    /// It is to keep running.
    KeptRunning,
    /// It ended before it counted as started.
    TooQuick,
}

/// Why what comes next can't begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPrepared {
    /// The preparation failed with this status.
    Failed(u8),
    /// It had this long, and that was not enough.
    TooLong(Duration),
}
