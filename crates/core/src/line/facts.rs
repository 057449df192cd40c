//! Log lines as structured data, for JSON logs.
//!
//! Names of events and fields are an interface: users filter and count by them.

use std::time::Duration;

use super::{GaveUp, Line, NoHelper, NotPrepared};
use crate::health::{Block, CheckFailure, Unhealthy};
use crate::ids::Pid;
use crate::input::{Exit, SpawnErrorKind};
use crate::port::Holder;
use crate::report::Because;
use crate::spec::StopTarget;

/// The event name of log lines that are not a [`Line`].
pub const NOTE: &str = "note";

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A count.
    Count(u64),
    /// A number that may be negative.
    Number(i64),
    /// Seconds.
    Seconds(f64),
    /// Yes or no.
    Flag(bool),
    /// Several texts.
    Texts(Vec<String>),
    /// Several numbers.
    Numbers(Vec<i64>),
}

/// The event and the fields of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The name of the event.
    pub event: &'static str,
    /// Names and values of the fields.
    pub fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// The structured form of the line.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table with an arm for each line")]
    pub fn facts(&self) -> Facts {
        match self {
            Self::Spawned { name, pid, run } => of("spawned").run(name, *pid, *run),
            Self::SpawnFailed { name, run, message, kind } => of("spawn_failed")
                .program(name)
                .count("run", *run)
                .text("error", message)
                .text("kind", kind_of(*kind)),
            Self::Success { name, pid, run, startsecs } => {
                of("running").run(name, *pid, *run).seconds("startsecs", *startsecs)
            }
            Self::Exited { name, pid, run, exit, expected } => {
                of("exited").run(name, *pid, *run).exit(*exit).flag("expected", *expected)
            }
            Self::Stopped { name, pid, run, exit, expected } => {
                of("stopped").run(name, *pid, *run).exit(*exit).flag("expected", *expected)
            }
            Self::GaveUp { name, why, because, .. } => {
                let facts = of("gave_up").program(name).text("reason", reason(why)).gave_up(why);
                match because {
                    Some(because) => {
                        let line = because.last_line.as_ref();
                        let line = line.map(|line| ("last_line", Value::Text(line.clone())));
                        facts.because(because).with_all(line)
                    }
                    None => facts,
                }
            }
            Self::LastRun { name, run, uptime, exit, because, .. } => of("last_run")
                .program(name)
                .count("run", *run)
                .seconds("uptime_seconds", *uptime)
                .exit(*exit)
                .because(because),
            Self::Stopping { name, pid, group, signal } => {
                of("stopping").of(name, *pid).text("signal", signal).flag("group", *group)
            }
            Self::StopBegins { name, pid, target, signal, wait } => of("stop_begins")
                .of(name, *pid)
                .text("signal", signal)
                .flag("group", *target == StopTarget::Group)
                .seconds("wait_seconds", *wait),
            Self::Asking { name, program: _, pids, signal, reason, kill_in } => of("asking")
                .program(name)
                .pids(pids.iter().copied())
                .text("signal", signal)
                .text("reason", reason.name())
                .seconds("kill_in_seconds", *kill_in),
            Self::StopEnds { name, took, main, asked, killed } => {
                let facts = of("stop_ends").program(name).seconds("took_seconds", *took);
                let facts = match main {
                    Some(main) => facts.seconds("main_seconds", *main),
                    None => facts,
                };
                facts.count("signaled", *asked as u64).count("killed", *killed as u64)
            }
            Self::Killing { name, pid } => of("killing").of(name, *pid),
            Self::Leftovers { name, members, signal } => of("leftovers")
                .program(name)
                .pids(members.iter().map(|member| member.pid))
                .text("signal", signal),
            Self::Unkillable { name, pids, after } => of("unkillable")
                .program(name)
                .pids(pids.iter().copied())
                .seconds("after_seconds", *after),
            Self::ExitRequest { signal } => of("exit_request").text("signal", signal),
            Self::EndsWith { name } => of("ends_with").program(name),
            Self::Prestop { delay } => of("prestop").seconds("delay_seconds", *delay),
            Self::PrestopUnseen { delay } => of("prestop_unseen").seconds("delay_seconds", *delay),
            Self::PrestopIdle { left } => of("prestop_idle").seconds("left_seconds", *left),
            Self::PrestopCut { signal } => of("prestop_cut").text("signal", signal),
            Self::KillRequest { signal } => of("kill_request").text("signal", signal),
            Self::RestartRequest { signal, ignored } => {
                of("restart_request").text("signal", signal).flag("ignored", *ignored)
            }
            Self::ReopenRequest { signal } => of("reopen_request").text("signal", signal),
            Self::PassedOn { name, signal, sent } => {
                let sent = sent.map_or_else(|| "none".to_owned(), |sent| sent.to_string());
                of("passed_on").program(name).text("signal", signal).text("sent", sent)
            }
            Self::Forwarding { name, pid, signal } => {
                of("forwarding").of(name, *pid).text("signal", signal)
            }
            Self::IgnoredSignal { signal } => of("ignored_signal").text("signal", signal),
            Self::Waiting { names } => of("waiting").with("programs", Value::Texts(names.clone())),
            Self::ReapedUnknown { pid, exit } => of("reaped_unknown").pid(*pid).exit(*exit),
            Self::NothingToRun => of("nothing_to_run"),
            Self::WaitsForOperator { stopped } => {
                of("waits_for_operator").with("programs", Value::Texts(stopped.clone()))
            }
            Self::Updated { name, added, removed } => of("updated")
                .with("group", Value::Text(name.clone()))
                .count("added", *added as u64)
                .count("removed", *removed as u64),
            Self::HelperFails { name, program: _, exit, because, of: limit, ends_all } => {
                let because = match because {
                    NoHelper::KeptRunning => "autorestart",
                    NoHelper::TooQuick => "startsecs",
                };
                of("helper_fails")
                    .program(name)
                    .exit(*exit)
                    .text("because", because)
                    .count("limit", u64::from(*limit))
                    .flag("ends_all", *ends_all)
            }
            Self::OrphansLeft { name, pids } => {
                of("orphans_left").program(name).pids(pids.iter().copied())
            }
            Self::WentToBackground { name, uptime, left } => of("went_to_background")
                .program(name)
                .seconds("uptime_seconds", *uptime)
                .count("left", *left as u64),
            Self::WaitsForPrograms { name, programs } => of("waits_for_programs")
                .program(name)
                .with("waits_for", Value::Texts(programs.clone())),
            Self::WaitsInCircle { name, circle } => {
                of("waits_in_circle").program(name).with("circle", Value::Texts(circle.clone()))
            }
            Self::WaitOverruled { name, programs } => {
                of("wait_overruled").program(name).with("waits_for", Value::Texts(programs.clone()))
            }
            Self::WaitsForTarget { name, unreached, left } => of("waits_for_target")
                .program(name)
                .text("target", &unreached.target)
                .failure(unreached.failure)
                .seconds("left_seconds", *left),
            Self::WaitsForPort { name, port, holder } => {
                of("waits_for_port").program(name).port(*port, holder)
            }
            Self::PortHeld { name, port, holder } => {
                of("port_held").program(name).port(*port, holder)
            }
            Self::MemoryFree { name, released, after } => of("memory_free")
                .program(name)
                .flag("released", *released)
                .seconds("after_seconds", *after),
            Self::MemoryHeld { name, held, after, users } => of("memory_held")
                .program(name)
                .with("devices", Value::Texts(held.iter().map(|(id, _)| id.clone()).collect()))
                .with("more_mib", Value::Numbers(held.iter().map(|(_, more)| mib(*more)).collect()))
                .seconds("after_seconds", *after)
                .pids(users.iter().map(|(pid, _)| *pid)),
            Self::DevicesUnknown { source, within } => {
                of("devices_unknown").text("source", source).seconds("within_seconds", *within)
            }
            Self::TargetsReached { name, after } => {
                of("targets_reached").program(name).seconds("after_seconds", *after)
            }
            Self::Ready { name, pid, run, up_after } => {
                of("ready").run(name, *pid, *run).seconds("up_after_seconds", *up_after)
            }
            Self::CheckFailed { name, failure, times, of: limit, asked } => {
                let facts = of("check_failed")
                    .program(name)
                    .failure(*failure)
                    .count("failures", u64::from(*times))
                    .count("limit", u64::from(*limit));
                asked.iter().fold(facts, |facts, asked| facts.text("asked", asked))
            }
            Self::NoMetrics { name, asked, failure } => {
                of("no_metrics").program(name).text("asked", asked).failure(*failure)
            }
            Self::CheckConnects { name } => of("check_connects").program(name),
            Self::CheckedWrongly { name, within, failure } => of("checked_wrongly")
                .program(name)
                .failure(*failure)
                .seconds("within_seconds", *within),
            Self::CheckExcused { name } => of("check_excused").program(name),
            Self::DumpSignalEnds { name, signal } => {
                of("dump_signal_ended").program(name).text("signal", *signal)
            }
            Self::CheckBusy { name, since, patience } => of("check_busy")
                .program(name)
                .seconds("since_seconds", *since)
                .seconds("patience_seconds", *patience),
            Self::NotReadyYet { name, asked, failure, since } => of("not_ready_yet")
                .program(name)
                .text("asked", asked)
                .failure(*failure)
                .seconds("since_seconds", *since),
            Self::Unhealthy { name, unhealthy, observe } => {
                of("unhealthy").program(name).unhealthy(*unhealthy).flag("observed_only", *observe)
            }
            Self::RollingStep { name, number, of: all } => of("rolling_step")
                .program(name)
                .count("number", *number as u64)
                .count("of", *all as u64),
            Self::RollingStops { name, reason, left } => {
                of("rolling_stops").program(name).text("reason", reason).count("left", *left as u64)
            }
            Self::MemoryHigh { name, used, limit } => of("memory_high")
                .program(name)
                .count("used_bytes", *used)
                .count("limit_bytes", *limit),
            Self::MemoryUnseen { name } => of("memory_unseen").program(name),
            Self::Recovered { name } => of("recovered").program(name),
            Self::NotPrepared { names, why } => {
                of("not_prepared").with("programs", Value::Texts(names.clone())).not_prepared(*why)
            }
            Self::StopInBackoff { name } => of("stop_in_backoff").program(name),
            Self::WaitingToStop { name } => of("waiting_to_stop").program(name),
            Self::EventSent { serial, name } => {
                of("event_sent").program(name).count("serial", *serial)
            }
            Self::EventProcessed { name } => of("event_processed").program(name),
            Self::EventRejected { name } => of("event_rejected").program(name),
            Self::BadResult { name, said } => of("bad_result").program(name).text("said", said),
            Self::ListenerState { name, from, to } => {
                of("listener_state").program(name).text("from", from).text("to", to)
            }
            Self::ListenerUnknown { name } => of("listener_unknown").program(name),
            Self::EventLost { pool, serial } => {
                of("event_lost").text("pool", pool).count("serial", *serial)
            }
            Self::EventKept { pool, serial, waiting, room } => of("event_kept")
                .text("pool", pool)
                .count("serial", *serial)
                .count("waiting", *waiting as u64)
                .count("room", *room as u64),
            Self::ListenerDeaf { name, serial } => {
                of("listener_deaf").program(name).count("serial", *serial)
            }
            Self::HookFull { name } => of("hook_full").text("hook", name),
            Self::Bug { what } => of("bug").text("what", what),
        }
    }
}

fn of(event: &'static str) -> Facts {
    Facts { event, fields: Vec::new() }
}

impl Facts {
    fn with(mut self, name: &'static str, value: Value) -> Self {
        self.fields.push((name, value));
        self
    }

    fn text(self, name: &'static str, text: impl ToString) -> Self {
        self.with(name, Value::Text(text.to_string()))
    }

    fn count(self, name: &'static str, count: u64) -> Self {
        self.with(name, Value::Count(count))
    }

    fn seconds(self, name: &'static str, time: Duration) -> Self {
        self.with(name, Value::Seconds(time.as_secs_f64()))
    }

    fn flag(self, name: &'static str, flag: bool) -> Self {
        self.with(name, Value::Flag(flag))
    }

    fn program(self, name: &str) -> Self {
        self.text("program", name)
    }

    fn pid(self, pid: Pid) -> Self {
        self.with("pid", Value::Number(pid.0.into()))
    }

    fn port(self, port: u16, holder: &Holder) -> Self {
        let facts = self.count("port", port.into());
        match holder {
            Holder::Process { pid, program } => facts.pid(*pid).text("holder", program),
            Holder::Unseen => facts,
        }
    }

    fn pids(self, pids: impl Iterator<Item = Pid>) -> Self {
        self.with("pids", Value::Numbers(pids.map(|pid| pid.0.into()).collect()))
    }

    fn of(self, name: &str, pid: Pid) -> Self {
        self.program(name).pid(pid)
    }

    fn run(self, name: &str, pid: Pid, run: u64) -> Self {
        self.of(name, pid).count("run", run)
    }

    fn exit(self, exit: Exit) -> Self {
        match exit {
            Exit::Code(code) => self.count("exit_code", code.into()),
            Exit::Signal { signal, core_dumped } => {
                self.text("exit_signal", signal).flag("core_dumped", core_dumped)
            }
        }
    }

    fn with_all(mut self, more: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.fields.extend(more);
        self
    }

    fn because(self, because: &Because) -> Self {
        self.text("class", because.class.name()).text("cause", &because.why)
    }

    fn gave_up(self, why: &GaveUp) -> Self {
        match why {
            GaveUp::DependencyLost(dependency) => self.text("dependency", dependency),
            GaveUp::TargetUnreached { target, within } => {
                self.text("target", target).seconds("within_seconds", *within)
            }
            GaveUp::TooManyRetries
            | GaveUp::CannotStart
            | GaveUp::Unkillable
            | GaveUp::Unhealthy
            | GaveUp::Repeated
            | GaveUp::Hopeless => self,
            GaveUp::Rule(name) => self.text("rule", name),
        }
    }

    fn not_prepared(self, why: NotPrepared) -> Self {
        match why {
            NotPrepared::Failed(status) => self.count("status", status.into()),
            NotPrepared::TooLong(within) => self.seconds("within_seconds", within),
        }
    }

    fn failure(self, failure: CheckFailure) -> Self {
        let facts = self.text("failure", failure.kind());
        match failure {
            CheckFailure::Status(status) => facts.count("status", status.into()),
            CheckFailure::Command(status) => facts.count("status", status.into()),
            CheckFailure::Stranger(stranger) => {
                facts.pid(stranger.pid).text("process", stranger.name)
            }
            CheckFailure::Refused
            | CheckFailure::Unresolved
            | CheckFailure::TimedOut
            | CheckFailure::Body
            | CheckFailure::NotStarted
            | CheckFailure::SpeaksTls
            | CheckFailure::LacksTls
            | CheckFailure::Certificate(_)
            | CheckFailure::Withheld
            | CheckFailure::NoHeaders
            | CheckFailure::Broken => facts,
        }
    }

    fn unhealthy(self, unhealthy: Unhealthy) -> Self {
        let facts = self.text("reason", unhealthy.kind());
        match unhealthy {
            Unhealthy::NotReady { within, last } => {
                let facts = facts.seconds("within_seconds", within);
                match last {
                    Some(failure) => facts.failure(failure),
                    None => facts,
                }
            }
            Unhealthy::Check { failure, times } => {
                facts.failure(failure).count("failures", times.into())
            }
            Unhealthy::Stalled { running, since } => {
                facts.count("requests_running", running).seconds("since_seconds", since)
            }
            Unhealthy::Incomplete { alive, of, since } => facts
                .count("alive", alive.into())
                .count("expected", of.into())
                .seconds("since_seconds", since),
            Unhealthy::Silent { since } => facts.seconds("since_seconds", since),
            Unhealthy::Memory { used, limit } => {
                facts.count("used_bytes", used).count("limit_bytes", limit)
            }
            Unhealthy::Blocked(Block { channel, since, waiting }) => facts
                .text("channel", channel.name())
                .seconds("since_seconds", since)
                .count("waiting_bytes", waiting),
        }
    }
}

fn mib(size: u64) -> i64 {
    size.try_into().unwrap_or(i64::MAX)
}

const fn kind_of(kind: SpawnErrorKind) -> &'static str {
    match kind {
        SpawnErrorKind::NotFound => "not_found",
        SpawnErrorKind::NotExecutable => "not_executable",
        SpawnErrorKind::Transient => "transient",
    }
}

const fn reason(why: &GaveUp) -> &'static str {
    match why {
        GaveUp::TooManyRetries => "too_many_retries",
        GaveUp::CannotStart => "cannot_start",
        GaveUp::Unkillable => "unkillable",
        GaveUp::Unhealthy => "unhealthy",
        GaveUp::Repeated => "repeated",
        GaveUp::Hopeless => "hopeless",
        GaveUp::Rule(_) => "rule",
        GaveUp::DependencyLost(_) => "dependency",
        GaveUp::TargetUnreached { .. } => "unreachable",
    }
}

#[cfg(test)]
mod tests;
