//! The text of each log line.

use std::fmt;
use std::time::Duration;

use super::{GaveUp, Line, NoHelper, NotPrepared};
use crate::health::{CheckFailure, Unhealthy, exactly, mebibytes};
use crate::hook::HOOK_QUEUE;
use crate::ids::Pid;
use crate::signal::Signal;
use crate::spec::StopTarget;
use crate::tree::drain::AskReason;

impl fmt::Display for Line {
    #[expect(clippy::too_many_lines, reason = "a table with an arm for each line")]
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
            // The line before this one contains the last output.
            Self::LastRun { name, run, uptime, exit, because, .. } => {
                let uptime = uptime.as_secs_f64();
                write!(f, "last run: {name} run {run} ended after {uptime:.1} s ({exit})")?;
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
                    "stop: {name}: sending {signal} to {target}; SIGKILL in {} s",
                    exactly(*wait)
                )
            }
            Self::Asking { name, program, pids, signal, reason, kill_in } => {
                write!(f, "stop: {name}: ")?;
                reason.write(f, pids, *signal, *kill_in)?;
                if *reason != AskReason::BehindShell {
                    return Ok(());
                }
                let program = program.to_uppercase();
                write!(
                    f,
                    "; start the server with exec, or set stop_target=group (command mode: \
                     SUPERVISOR_PROGRAM__{program}_STOP_TARGET=group)"
                )
            }
            Self::StopEnds { name, took, main, asked, killed } => {
                write!(f, "stop: {name}: finished after {:.1} s", took.as_secs_f64())?;
                if let Some(main) = main {
                    write!(f, " (main process: {:.1} s)", main.as_secs_f64())?;
                }
                let others = if *asked == 1 { "process" } else { "processes" };
                write!(f, "; {asked} other {others} signaled, {killed} killed")
            }
            Self::Killing { name, pid } => write!(f, "killing '{name}' ({pid}) with SIGKILL"),
            Self::Leftovers { name, members, signal } => write!(
                f,
                "killing {} of '{name}' ({}) with {signal}",
                counted(members.len(), "leftover process"),
                list(members.iter().map(|member| member.pid))
            ),
            Self::Unkillable { name, pids, after } => write!(
                f,
                "'{name}' ({}) still exists {} s after SIGKILL, stuck in the kernel; not \
                 starting a second copy",
                list(pids),
                after.as_secs()
            ),
            Self::ExitRequest { signal } => write!(f, "received {signal} indicating exit request"),
            Self::Prestop { delay } => {
                write!(f, "no longer ready; stopping programs in {} s", delay.as_secs_f64())
            }
            Self::EndsWith { name } => {
                write!(f, "{name} exited and will not be restarted; stopping all programs")
            }
            Self::PassedOn { name, signal, sent: None } => {
                write!(f, "received {signal}, not forwarded to {name} (signal_map)")
            }
            Self::PassedOn { name, signal, sent: Some(sent) } => {
                write!(f, "received {signal}, forwarded to {name}")?;
                if sent == signal { Ok(()) } else { write!(f, " as {sent}") }
            }
            Self::PrestopUnseen { delay } => write!(
                f,
                "PROCESS_PRESTOP_UNTIL_IDLE: no metrics show when the server is idle (presets \
                 vllm, sglang, tgi and llama.cpp have them); waiting the full {} s",
                delay.as_secs_f64()
            ),
            Self::PrestopIdle { left } => write!(
                f,
                "no request is running or waiting: stopping programs {:.1} s early",
                left.as_secs_f64()
            ),
            Self::PrestopCut { signal } => {
                write!(f, "received {signal} again, stopping programs now")
            }
            Self::KillRequest { signal } => {
                write!(f, "received {signal} again, killing all processes now")
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
                "nothing to run: no program has autostart=true, and no control interface is \
                 configured to start one",
            ),
            Self::WaitsForOperator { stopped } => {
                f.write_str("no program is running")?;
                if !stopped.is_empty() {
                    write!(f, ": a command stopped {}", list(stopped))?;
                }
                f.write_str("; waiting for a command that starts or adds one, or for SIGTERM")
            }
            Self::Updated { name, added: 0, removed: 0 } => {
                write!(f, "updated: {name}: new settings apply without a restart")
            }
            Self::Updated { name, added, removed } => write!(
                f,
                "updated: {name}: processes added: {added}, removed: {removed}; the others continue"
            ),
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
                "background: {name} exited with status 0 after {:.1} s and left {} \
                 running: it seems to run in the background, where the supervisor cannot manage \
                 it; run it in the foreground (nginx: daemon off; a script: no & at the end, or \
                 wait)",
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
                "waiting: {name} starts when {} accepts connections: {}; waiting up to {} s \
                 more",
                unreached.target,
                unreached.failure,
                left.as_secs()
            ),
            Self::WaitsForPort { name, port, holder } => {
                write!(f, "'{name}' is waiting for port {port}: {holder} listens on it")
            }
            Self::PortHeld { name, port, holder } => write!(
                f,
                "port {port} of '{name}' is still in use: {holder} listens on it; starting '{name}' \
                 anyway"
            ),
            Self::MemoryFree { name, released, after } => {
                let what = if *released { "was released" } else { "stopped decreasing" };
                write!(f, "gpu: {name}: GPU memory {what} after {:.1} s", after.as_secs_f64())
            }
            Self::MemoryHeld { name, held, after, users } => {
                write!(f, "gpu: {name}: after {} s", after.as_secs())?;
                for (device, more) in held {
                    write!(f, ", {device} has {more} MiB more in use than at the first start")?;
                }
                if users.is_empty() {
                    f.write_str(
                        "; no process visible in this container has a GPU open; another container \
                         may use it, or the driver has not released it yet",
                    )?;
                } else {
                    let users = users.iter().map(|(pid, name)| format!("{name} (pid {pid})"));
                    write!(f, "; these have a GPU open: {}", list(users))?;
                }
                f.write_str("; starting anyway")
            }
            Self::DevicesUnknown { source, within } => write!(
                f,
                "gpu: {source} did not respond within {} s; the state of the GPUs is unknown",
                within.as_secs()
            ),
            Self::TargetsReached { name, after } => write!(
                f,
                "waiting: {name}: all servers accept connections after {:.1} s; starting it",
                after.as_secs_f64()
            ),
            Self::Ready { name, up_after, .. } => write!(
                f,
                "success: {name} entered RUNNING state, ready after {:.1} s",
                up_after.as_secs_f64()
            ),
            Self::CheckFailed { name, failure, times, of, asked } => {
                if times > of {
                    write!(f, "check: {name} failed ({times} consecutive): {failure}")?;
                } else {
                    write!(f, "check: {name} failed ({times}/{of}): {failure}")?;
                }
                match asked {
                    Some(asked) => write!(f, "; {asked}{}", remedy(*failure)),
                    None => Ok(()),
                }
            }
            Self::NoMetrics { name, asked, failure } => write!(
                f,
                "check: {name}: no metrics at {asked} ({failure}); its progress is not \
                 monitored{}",
                if *failure == CheckFailure::Status(404) {
                    "; enable the server's metrics, or set progress_url".to_owned()
                } else {
                    remedy(*failure)
                }
            ),
            Self::CheckConnects { name } => write!(
                f,
                "check: {name} requires a client certificate, which the supervisor does not \
                 have; checking only that it accepts connections"
            ),
            Self::CheckedWrongly { name, within, failure } => write!(
                f,
                "check: {name} was not ready within {} s ({failure}); not restarting it, \
                 because it responds{}",
                exactly(*within),
                remedy(*failure)
            ),
            Self::CheckExcused { name } => {
                write!(f, "check: {name} timed out but is making progress; treating it as busy")
            }
            Self::DumpSignalEnds { name, signal } => write!(
                f,
                "unhealthy: {name} has no handler for the dump signal {signal}, which terminated \
                 it"
            ),
            Self::CheckBusy { name, since, patience } => write!(
                f,
                "check: {name} has timed out for {} s, but its processes use the CPU; it \
                 becomes unhealthy after {} s",
                since.as_secs(),
                exactly(*patience)
            ),
            Self::NotReadyYet { name, asked, failure, since } => write!(
                f,
                "check: {name} not ready after {} s: {asked}: {failure}{}",
                since.as_secs(),
                remedy(*failure)
            ),
            Self::Unhealthy { name, unhealthy: unhealthy @ Unhealthy::Blocked(_), .. } => {
                write!(f, "unhealthy: {name}: {unhealthy}; not restarting it for this")
            }
            Self::Unhealthy { name, unhealthy, observe: false } => {
                write!(f, "unhealthy: {name}: {unhealthy}; stopping it")
            }
            Self::Unhealthy { name, unhealthy, observe: true } => {
                write!(f, "unhealthy: {name}: {unhealthy}; no action (health_action=observe)")
            }
            Self::RollingStep { name, number, of } => {
                write!(f, "rolling restart: restarting {name} ({number}/{of})")
            }
            Self::RollingStops { name, reason, left } => write!(
                f,
                "rolling restart: stopped at {name}: {reason}; {left} other{} not restarted",
                if *left == 1 { "" } else { "s" }
            ),
            Self::MemoryHigh { name, used, limit } => write!(
                f,
                "memory: {name} uses {} MiB of {} MiB (memory_limit); the supervisor restarts it \
                 above that",
                mebibytes(*used),
                mebibytes(*limit)
            ),
            Self::MemoryUnseen { name } => write!(
                f,
                "memory: cannot measure {name}: /proc/PID/status has no RssAnon; memory_limit has \
                 no effect"
            ),
            Self::Recovered { name } => write!(f, "healthy: {name} has recovered"),
            Self::NotPrepared { names, why } => {
                write!(f, "gave up: {} {why}; not starting any other program", list(names))
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
                "epipe occurred while sending event {serial} to listener {name}; sending it no \
                 events until it restarts"
            ),
            Self::HookFull { name } => write!(
                f,
                "hook: {name}: {HOOK_QUEUE} notifications are waiting, dropped the oldest; the \
                 next notification has the number of dropped ones"
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
        let kill_in = format!("SIGKILL in {:.1} s", kill_in.as_secs_f64());
        match self {
            Self::IgnoresStopsignal => {
                write!(f, "sending {signal} to {those}: stop signal ignored")
            }
            Self::ParentDied => write!(
                f,
                "sending {signal} to {those}: the parent was terminated without forwarding the \
                 signal; {kill_in}"
            ),
            Self::StillThere => write!(
                f,
                "sending {signal} to {those}: still running after the parent exited; {kill_in}"
            ),
            Self::BehindShell => write!(
                f,
                "sending {signal} to {those}: the parent shell has not forwarded the signal; \
                 {kill_in}"
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
            Self::CannotStart => f.write_str("it cannot be started, and retrying would not help"),
            Self::Unkillable => f.write_str("one of its processes survived SIGKILL"),
            Self::Unhealthy => f.write_str("it was unhealthy"),
            Self::Rule(name) => write!(f, "rule '{name}' says so"),
            Self::Hopeless => f.write_str("no restart in this container can help"),
            Self::Repeated => f.write_str(
                "a restart would not help: it failed twice in the same way before it was ever \
                 ready",
            ),
            Self::DependencyLost(dependency) => {
                write!(f, "it depends on {dependency}, which failed")
            }
            Self::TargetUnreached { target, within } => {
                write!(f, "it waited {} s for {target}", exactly(*within))
            }
        }
    }
}

impl fmt::Display for NotPrepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(status) => write!(f, "failed with status {status}"),
            Self::TooLong(within) => {
                write!(f, "took longer than {} s", exactly(*within))
            }
        }
    }
}

/// The remedy for a failure, to append to a line.
fn remedy(failure: CheckFailure) -> String {
    failure.remedy().map_or_else(String::new, |remedy| format!("; {remedy}"))
}

fn list(things: impl IntoIterator<Item = impl fmt::Display>) -> String {
    things.into_iter().map(|thing| thing.to_string()).collect::<Vec<_>>().join(", ")
}

fn processes(n: usize) -> String {
    counted(n, "process")
}

fn counted(n: usize, process: &str) -> String {
    format!("{n} {process}{}", if n == 1 { "" } else { "es" })
}
