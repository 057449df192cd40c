//! What each line says.

use std::fmt;
use std::time::Duration;

use super::{GaveUp, Line, NoHelper, NotPrepared};
use crate::health::{CheckFailure, Unhealthy, exactly};
use crate::ids::Pid;
use crate::signal::Signal;
use crate::spec::StopTarget;
use crate::tree::drain::AskReason;

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
