//! What the supervisor says in its log, in supervisord's words where it has them:
//! people and tools search for `spawned:`, `exited:`, `gave up:`.

mod facts;

use std::fmt;
use std::time::Duration;

use crate::health::Unreached;
use crate::health::{CheckFailure, Unhealthy, exactly};
use crate::ids::{Member, Pid};
use crate::input::{Exit, SpawnErrorKind};
use crate::level::Level;
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
        /// From then on it is ill.
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
    /// It was ill.
    Unhealthy,
    /// It failed twice of the same before it was ever ready.
    Repeated,
    /// Its devices are lost.
    Hopeless,
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
    /// It is to run for ever.
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

impl Line {
    /// How important the line is.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Stopping { .. }
            | Self::Forwarding { .. }
            | Self::IgnoredSignal { .. }
            // A terminal that is resized, or a shell that continues a job: no event.
            | Self::PassedOn { signal: Signal::CONT | Signal::WINCH, .. }
            | Self::StopInBackoff { .. }
            | Self::EventSent { .. }
            | Self::EventProcessed { .. }
            | Self::ListenerState { .. }
            | Self::EventKept { .. }
            | Self::ListenerDeaf { .. } => Level::Debug,
            Self::Spawned { .. }
            | Self::SpawnFailed { .. }
            | Self::Success { .. }
            | Self::Ready { .. }
            | Self::WaitsForPrograms { .. }
            | Self::WaitsForTarget { .. }
            | Self::TargetsReached { .. }
            | Self::CheckExcused { .. }
            | Self::CheckConnects { .. }
            | Self::NoMetrics { .. }
            | Self::NotReadyYet { .. }
            | Self::Recovered { .. }
            | Self::Exited { expected: true, .. }
            | Self::Stopped { expected: true, .. }
            | Self::GaveUp { ends_all: false, .. }
            | Self::LastRun { ends_all: false, .. }
            | Self::Prestop { .. }
            | Self::PrestopIdle { .. }
            | Self::StopBegins { .. }
            | Self::StopEnds { .. }
            | Self::Asking {
                reason: AskReason::IgnoresStopsignal | AskReason::ParentDied, ..
            }
            | Self::EndsWith { .. }
            | Self::PassedOn { .. }
            | Self::Waiting { .. }
            | Self::WaitingToStop { .. }
            | Self::ReopenRequest { .. }
            | Self::ReapedUnknown { .. } => Level::Info,
            Self::Exited { expected: false, .. }
            | Self::Stopped { expected: false, .. }
            | Self::Killing { .. }
            | Self::Asking {
                reason: AskReason::StillThere | AskReason::BehindShell | AskReason::LastSecond,
                ..
            }
            | Self::Leftovers { .. }
            | Self::ExitRequest { .. }
            | Self::KillRequest { .. }
            | Self::PrestopCut { .. }
            | Self::PrestopUnseen { .. }
            | Self::RestartRequest { .. }
            | Self::CheckFailed { .. }
            | Self::CheckedWrongly { .. }
            | Self::CheckBusy { .. }
            | Self::Unhealthy { .. }
            | Self::EventRejected { .. }
            | Self::BadResult { .. }
            | Self::ListenerUnknown { .. }
            | Self::WaitsInCircle { .. }
            | Self::WaitOverruled { .. }
            | Self::HelperFails { .. }
            | Self::OrphansLeft { .. }
            | Self::WentToBackground { .. }
            | Self::WaitsForOperator { .. }
            | Self::NothingToRun => Level::Warn,
            Self::GaveUp { ends_all: true, .. }
            | Self::LastRun { ends_all: true, .. }
            | Self::EventLost { .. }
            | Self::NotPrepared { .. }
            | Self::Bug { .. } => Level::Error,
            Self::Unkillable { .. } => Level::Critical,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawned { name, pid, .. } => write!(f, "spawned: '{name}' with pid {pid}"),
            Self::SpawnFailed { message, .. } => write!(f, "spawnerr: {message}"),
            Self::Success { name, startsecs, .. } => write!(
                f,
                "success: {name} entered RUNNING state, process has stayed up for > than {} \
                 seconds (startsecs)",
                startsecs.as_secs()
            ),
            Self::Exited { name, exit, expected, .. } => {
                let expected = if *expected { "expected" } else { "not expected" };
                write!(f, "exited: {name} ({exit}; {expected})")
            }
            Self::Stopped { name, exit, .. } => write!(f, "stopped: {name} ({exit})"),
            Self::GaveUp { name, why, because, .. } => {
                write!(f, "gave up: {name} entered FATAL state, {why}")?;
                because.as_ref().map_or(Ok(()), |because| write!(f, ": {because}"))
            }
            // The line before has the last output.
            Self::LastRun { name, run, uptime, exit, because, .. } => {
                let uptime = uptime.as_secs_f64();
                write!(f, "last run: {name} run {run} ended after {uptime:.1} seconds ({exit})")?;
                if because.says_more { write!(f, ": {}", because.why) } else { Ok(()) }
            }
            Self::Stopping { name, pid, group, signal } => {
                let group = if *group { "process group " } else { "" };
                write!(f, "killing {name} (pid {pid}) {group}with signal {signal}")
            }
            Self::StopBegins { name, pid, target, signal, wait } => {
                let target = match target {
                    StopTarget::Main => format!("the main process (pid {pid})"),
                    StopTarget::Group => format!("process group {pid}"),
                };
                write!(
                    f,
                    "stop: {name}: sending {signal} to {target}; SIGKILL in {} seconds",
                    exactly(*wait)
                )
            }
            Self::Asking { name, pids, signal, reason, kill_in } => {
                write!(f, "stop: {name}: ")?;
                reason.write(f, pids, *signal, *kill_in)
            }
            Self::StopEnds { name, took, main, asked, killed } => {
                write!(f, "stop: {name}: finished after {:.1} seconds", took.as_secs_f64())?;
                if let Some(main) = main {
                    write!(f, " (main process: {:.1} seconds)", main.as_secs_f64())?;
                }
                let others = if *asked == 1 { "process" } else { "processes" };
                write!(f, "; {asked} other {others} signaled, {killed} killed")
            }
            Self::Killing { name, pid } => write!(f, "killing '{name}' ({pid}) with SIGKILL"),
            Self::Leftovers { name, members, signal } => write!(
                f,
                "killing {} left behind by '{name}' ({}) with {signal}",
                processes(members.len()),
                list(members.iter().map(|member| member.pid))
            ),
            Self::Unkillable { name, pids, after } => write!(
                f,
                "'{name}' ({}) is still there {} seconds after SIGKILL, stuck in the kernel; \
                 no second copy will be started",
                list(pids),
                after.as_secs()
            ),
            Self::ExitRequest { signal } => write!(f, "received {signal} indicating exit request"),
            Self::Prestop { delay } => write!(
                f,
                "not ready any more; programs are stopped in {} seconds",
                delay.as_secs_f64()
            ),
            Self::EndsWith { name } => {
                write!(f, "{name} has ended and is not started again: everything stops")
            }
            Self::PassedOn { name, signal } => write!(f, "received {signal}, passed on to {name}"),
            Self::PrestopUnseen { delay } => write!(
                f,
                "PROCESS_PRESTOP_UNTIL_IDLE: no metrics say when the server is idle (presets \
                 vllm, sglang, tgi and llama.cpp have them); waiting the full {} seconds",
                delay.as_secs_f64()
            ),
            Self::PrestopIdle { left } => write!(
                f,
                "no request is running or waiting: stopping programs {:.1} seconds early",
                left.as_secs_f64()
            ),
            Self::PrestopCut { signal } => {
                write!(f, "received {signal} again, stopping programs now")
            }
            Self::KillRequest { signal } => {
                write!(f, "received {signal} again, killing everything at once")
            }
            Self::RestartRequest { signal, ignored: false } => {
                write!(f, "received {signal} indicating restart request")
            }
            Self::RestartRequest { signal, ignored: true } => {
                write!(f, "ignored {signal} indicating restart request (shutdown in progress)")
            }
            Self::ReopenRequest { signal } => {
                write!(f, "received {signal} indicating log reopen request")
            }
            Self::Forwarding { name, pid, signal } => {
                write!(f, "sending {name} (pid {pid}) sig {signal}")
            }
            Self::IgnoredSignal { signal } => write!(f, "ignored {signal}"),
            Self::Waiting { names } => write!(f, "waiting for {} to die", list(names)),
            Self::ReapedUnknown { pid, exit } => write!(f, "reaped unknown pid {pid} ({exit})"),
            Self::NothingToRun => f.write_str(
                "nothing to run: no program has autostart=true, and there is no way to start one",
            ),
            Self::WaitsForOperator { stopped } => {
                f.write_str("no program is running")?;
                if !stopped.is_empty() {
                    write!(f, ": a command stopped {}", list(stopped))?;
                }
                f.write_str("; waiting for a command that starts or adds one, or for SIGTERM")
            }
            Self::HelperFails { name, program, exit, because, of, ends_all } => {
                let program = program.to_uppercase();
                let (rule, key, value) = match because {
                    NoHelper::KeptRunning => {
                        ("autorestart=true keeps it running", "AUTORESTART", "unexpected")
                    }
                    NoHelper::TooQuick => ("it exited within startsecs", "STARTSECS", "0"),
                };
                let end = if *ends_all { " and stops all programs" } else { "" };
                write!(
                    f,
                    "helper: {name} exited successfully ({exit}), but {rule}: this is failure 1/{of}, \
                     at {of}/{of} the supervisor gives up on it{end}; if it should run once, set \
                     SUPERVISOR_PROGRAM__{program}_{key}={value}"
                )
            }
            Self::OrphansLeft { name, pids } => write!(
                f,
                "cannot tell whether '{name}' or another program started {} ({}); leaving {} alone",
                processes(pids.len()),
                list(pids),
                if pids.len() == 1 { "it" } else { "them" }
            ),
            Self::WentToBackground { name, uptime, left } => write!(
                f,
                "background: {name} exited with status 0 after {:.1} seconds and left {} running: \
                 it seems to put itself into the background, where the supervisor cannot keep \
                 it; start it in the foreground (nginx: daemon off; a script: without & at the \
                 end, or with wait)",
                uptime.as_secs_f64(),
                processes(*left),
            ),
            Self::WaitsForPrograms { name, programs } => {
                write!(f, "waiting: {name} starts after {}", list(programs))
            }
            Self::WaitsInCircle { name, circle } => write!(
                f,
                "starting {name} without waiting, because depends_on of the active groups is \
                 circular: {}; run 'supervisorctl update' to activate one configuration",
                circle.join(" -> ")
            ),
            Self::WaitOverruled { name, programs } => write!(
                f,
                "starting {name} without waiting for {}, because an operator started it",
                list(programs)
            ),
            Self::WaitsForTarget { name, unreached, left } => write!(
                f,
                "waiting: {name} starts when {} accepts connections: {}; waiting for another {} \
                 seconds at most",
                unreached.target,
                unreached.failure,
                left.as_secs()
            ),
            Self::TargetsReached { name, after } => write!(
                f,
                "waiting: {name} has reached all servers after {:.1} seconds; starting it",
                after.as_secs_f64()
            ),
            Self::Ready { name, up_after, .. } => write!(
                f,
                "success: {name} entered RUNNING state, it was ready after {:.1} seconds",
                up_after.as_secs_f64()
            ),
            Self::CheckFailed { name, failure, times, of, asked } => {
                write!(f, "check: {name} failed: {failure} ({times} in a row; {of} are too many)")?;
                match asked {
                    Some(asked) => write!(f, "; {asked}{}", remedy(*failure)),
                    None => Ok(()),
                }
            }
            Self::NoMetrics { name, asked, failure } => write!(
                f,
                "check: {name} has no metrics at {asked} ({failure}), so its progress is not \
                 watched{}",
                if *failure == CheckFailure::Status(404) {
                    "; enable the server's metrics, or set progress_url".to_owned()
                } else {
                    remedy(*failure)
                }
            ),
            Self::CheckConnects { name } => write!(
                f,
                "check: {name} wants a client certificate, and the supervisor has none; checking \
                 only that it accepts connections"
            ),
            Self::CheckedWrongly { name, within, failure } => write!(
                f,
                "check: {name} was not ready within {} seconds ({failure}); it is not restarted, \
                 because it answers{}",
                exactly(*within),
                remedy(*failure)
            ),
            Self::CheckExcused { name } => {
                write!(f, "check: {name} timed out, but gets on with its work: it is busy")
            }
            Self::CheckBusy { name, since, patience } => write!(
                f,
                "check: {name} has timed out for {} seconds, but its processes are busy; it is \
                 unhealthy if that lasts {} seconds",
                since.as_secs(),
                exactly(*patience)
            ),
            Self::NotReadyYet { name, asked, failure, since } => write!(
                f,
                "check: {name} is not ready yet, it has been starting for {} seconds; {asked}: \
                 {failure}{}",
                since.as_secs(),
                remedy(*failure)
            ),
            Self::Unhealthy { name, unhealthy: unhealthy @ Unhealthy::Blocked(_), .. } => {
                write!(f, "unhealthy: {name}, {unhealthy}; it is not restarted for that")
            }
            Self::Unhealthy { name, unhealthy, observe: false } => {
                write!(f, "unhealthy: {name}, {unhealthy}")
            }
            Self::Unhealthy { name, unhealthy, observe: true } => {
                write!(f, "unhealthy: {name}, {unhealthy}; nothing is done about it")
            }
            Self::Recovered { name } => write!(f, "healthy: {name} has recovered"),
            Self::NotPrepared { names, why } => {
                write!(f, "gave up: {} {why}; nothing else is started", list(names))
            }
            Self::StopInBackoff { name } => {
                write!(f, "Attempted to kill {name}, which is in BACKOFF state.")
            }
            Self::WaitingToStop { name } => write!(f, "waiting for {name} to stop"),
            Self::EventSent { serial, name } => {
                write!(f, "event {serial} sent to listener {name}")
            }
            Self::EventProcessed { name } => write!(f, "{name}: event was processed"),
            Self::EventRejected { name } => write!(f, "{name}: event was rejected"),
            Self::BadResult { name, said } => write!(f, "{name}: bad result line: '{said}'"),
            Self::ListenerState { name, from, to } => write!(f, "{name}: {from} -> {to}"),
            Self::ListenerUnknown { name } => write!(
                f,
                "{name}: has entered the UNKNOWN state and will no longer receive events, this \
                 usually indicates the process violated the eventlistener protocol"
            ),
            Self::EventLost { pool, serial } => {
                write!(f, "pool {pool} event buffer overflowed, discarding event {serial}")
            }
            Self::EventKept { pool, serial, waiting, room } => write!(
                f,
                "rebuffering event {serial} for pool {pool} (buf size={waiting}, max={room})"
            ),
            Self::ListenerDeaf { name, serial } => write!(
                f,
                "epipe occurred while sending event {serial} to listener {name}; it is told \
                 nothing more until it is started again"
            ),
            Self::Bug { what } => write!(f, "bug: {what}; please report this"),
        }
    }
}

impl AskReason {
    fn write(
        self,
        f: &mut fmt::Formatter<'_>,
        pids: &[Pid],
        signal: Signal,
        kill_in: Duration,
    ) -> fmt::Result {
        let those = format!("{} ({})", processes(pids.len()), list(pids));
        let kill_in = format!("SIGKILL in {:.1} seconds", kill_in.as_secs_f64());
        match self {
            Self::IgnoresStopsignal => {
                write!(f, "sending {signal} to {those}: the stop signal is ignored there")
            }
            Self::ParentDied => write!(
                f,
                "sending {signal} to {those}: the parent was terminated without passing the \
                 signal on; {kill_in}"
            ),
            Self::StillThere => write!(
                f,
                "sending {signal} to {those}: still running after the parent exited; {kill_in}"
            ),
            Self::BehindShell => write!(
                f,
                "sending {signal} to {those}: the shell in front has not passed the signal on; \
                 {kill_in}. Start the server with exec, or set stop_target=group"
            ),
            Self::LastSecond => {
                write!(f, "sending {signal} to {those}: not stopped by the parent; {kill_in}")
            }
        }
    }
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyRetries => f.write_str("too many start retries too quickly"),
            Self::CannotStart => f.write_str("it can't be started and retrying would not help"),
            Self::Unkillable => f.write_str("a process of it survived SIGKILL"),
            Self::Unhealthy => f.write_str("it was unhealthy"),
            Self::Hopeless => f.write_str("no restart in this container can help"),
            Self::Repeated => f.write_str(
                "a restart would not help, it failed twice of the same before it was ever ready",
            ),
            Self::DependencyLost(dependency) => {
                write!(f, "it depends on {dependency}, which failed")
            }
            Self::TargetUnreached { target, within } => {
                write!(f, "it waited {} seconds for {target}", exactly(*within))
            }
        }
    }
}

impl fmt::Display for NotPrepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(status) => write!(f, "failed with status {status}"),
            Self::TooLong(within) => {
                write!(f, "took longer than the {} seconds it may take", exactly(*within))
            }
        }
    }
}

/// What to do about a failure, as the end of a line.
fn remedy(failure: CheckFailure) -> String {
    failure.remedy().map_or_else(String::new, |remedy| format!("; {remedy}"))
}

fn list(things: impl IntoIterator<Item = impl fmt::Display>) -> String {
    things.into_iter().map(|thing| thing.to_string()).collect::<Vec<_>>().join(", ")
}

fn processes(n: usize) -> String {
    format!("{n} process{}", if n == 1 { "" } else { "es" })
}
