//! Methods that return information about processes.

use std::path::Path;

use supervisor_core::Info;
use supervisor_core::StateName;
use supervisor_core::event::Channel;
use supervisor_core::ids::{Pid, ProcId};
use supervisor_core::input::Exit;
use supervisor_core::spec::Sink;
use supervisor_core::time::Wall;
use supervisor_sys::process::process_table;
use supervisor_sys::wall;
use supervisor_wire::supervisord::process_text;
use supervisor_wire::xmlrpc::Value;

use super::fault::{Fault, Kind};
use super::params::Params;
use super::response_budget::ResponseBudget;
use super::table::{Later, Outcome};
use super::{length, record, text};
use crate::http::serve::ServerState;
use crate::snapshot::SUSPENDED;

pub(super) fn one(server: &ServerState, params: &Params) -> Outcome {
    let name = params.text(0)?;
    let core = server.control.core();
    let found = core.resolve_process(name).ok().and_then(|proc| core.process(proc));
    let info = found.ok_or_else(|| Fault::new(Kind::BadName, name))?;
    Ok(described(server, &info, server.control.now().wall))
}

/// The approximate size of the information about a process in bytes.
const TOLD_OF_ONE: u64 = 2048;

/// Returns all processes at one moment. If there are many, only one such response is built at a
/// time.
pub(super) fn all<'a>(
    server: &'a ServerState,
    _: &'a Params,
    budget: &'a mut ResponseBudget<'_>,
) -> Later<'a> {
    Box::pin(async move {
        let processes = server.control.core().processes().count() as u64;
        budget.wait_for_turn(processes * TOLD_OF_ONE).await;
        let all = described_all(server);
        budget.take(length(&all)).await?;
        Ok(all)
    })
}

fn described_all(server: &ServerState) -> Value {
    let core = server.control.core();
    let mut all: Vec<Info<'_>> = core.processes().collect();
    all.sort_by(|a, b| (&a.named.group, &a.named.name).cmp(&(&b.named.group, &b.named.name)));
    let now = server.control.now().wall;
    Value::Array(all.iter().map(|info| described(server, info, now)).collect())
}

/// Whether a process can still receive bytes on its stdin.
pub(super) fn takes_input(server: &ServerState, proc: ProcId) -> bool {
    let core = server.control.core();
    core.process(proc).is_some_and(|info| match info.condition.state {
        StateName::Starting | StateName::Running => info.pid.is_some(),
        StateName::Stopped
        | StateName::Backoff
        | StateName::Stopping
        | StateName::Exited
        | StateName::Fatal => false,
    })
}

/// The name of the log of a stream as clients expect it: empty if there is none.
pub(super) fn log_name(server: &ServerState, info: &Info<'_>, channel: Channel) -> String {
    let named = |path: &Path| path.display().to_string();
    let log = server.control.log_path(info.named.proc, channel);
    if let Some(path) = log {
        return named(&path);
    }
    let sink = info.spec.launch.stdio.output(channel).map(|output| &output.sink);
    match sink {
        Some(Sink::Stdout) => "/dev/stdout".to_owned(),
        Some(Sink::Stderr) => "/dev/stderr".to_owned(),
        Some(Sink::File(file)) => named(&file.path),
        Some(Sink::Discard | Sink::Auto { .. }) | None => String::new(),
    }
}

/// supervisord's number for a state.
const fn number(state: StateName) -> i64 {
    match state {
        StateName::Stopped => 0,
        StateName::Starting => 10,
        StateName::Running => 20,
        StateName::Backoff => 30,
        StateName::Stopping => 40,
        StateName::Exited => 100,
        StateName::Fatal => 200,
    }
}

/// The information about a process. Clients expect exactly these members and types.
fn described(server: &ServerState, info: &Info<'_>, now: Wall) -> Value {
    let log = |channel| log_name(server, info, channel);
    let stdout = log(Channel::Stdout);
    record([
        ("name", text(info.named.name.clone())),
        ("group", text(info.named.group.clone())),
        ("start", seconds(info.history.started)),
        ("stop", seconds(info.history.stopped)),
        ("now", seconds(Some(now))),
        ("state", Value::Int(number(info.condition.state))),
        ("statename", text(info.condition.state.name())),
        ("spawnerr", text(info.history.error.clone().unwrap_or_default())),
        ("exitstatus", Value::Int(exit_status(info.history.exit))),
        ("logfile", text(stdout.clone())),
        ("stdout_logfile", text(stdout)),
        ("stderr_logfile", text(log(Channel::Stderr))),
        ("pid", Value::Int(info.pid.map_or(0, |Pid(pid)| pid.into()))),
        ("description", text(description(info, now))),
    ])
}

/// supervisord's description, followed by our remark if there is one.
fn description(info: &Info<'_>, now: Wall) -> String {
    let history = info.history;
    let up = || {
        let started = history.started.map_or(now, |started| started);
        let uptime = now.secs().cast_signed().saturating_sub(started.secs().cast_signed());
        process_text::running(info.pid.map_or(0, |Pid(pid)| pid), uptime)
    };
    match (info.condition.state, remark(info)) {
        (StateName::Starting | StateName::Running | StateName::Stopping, Some(remark)) => {
            format!("{}, {remark}", up())
        }
        (StateName::Running, None) => up(),
        (StateName::Stopped | StateName::Exited | StateName::Backoff, _)
            if info.waits_for.is_some() =>
        {
            format!("waiting for {}", info.waits_for.as_deref().unwrap_or_default())
        }
        (StateName::Fatal | StateName::Backoff, _) => {
            process_text::failed(history.error.as_deref().unwrap_or_default(), &info.named.name)
        }
        (StateName::Stopped | StateName::Exited, _) => {
            let stopped = history.started.map(|_| history.stopped.unwrap_or_default());
            process_text::ended(stopped.map(wall::local))
        }
        (StateName::Starting | StateName::Stopping, None) => String::new(),
    }
}

/// A remark that adds to the state. The server checks whether a process is suspended only if
/// its condition has a remark.
fn remark(info: &Info<'_>) -> Option<String> {
    let remark = info.condition.remark()?;
    let suspended = info.pid.is_some_and(process_table::is_suspended);
    Some(if suspended { format!("{remark}, {SUSPENDED}") } else { remark })
}

fn seconds(time: Option<Wall>) -> Value {
    Value::Int(time.map_or(0, |time| time.secs().cast_signed()))
}

fn exit_status(exit: Option<Exit>) -> i64 {
    match exit {
        None => 0,
        Some(Exit::Code(code)) => code.into(),
        Some(Exit::Signal { .. }) => -1,
    }
}
