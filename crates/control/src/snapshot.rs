//! The state of the supervisor and its programs at one moment, for the page and the API.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use supervisor_core::event::Channel;
use supervisor_core::failure::Class;
use supervisor_core::health::CheckFailure;
use supervisor_core::ids::{Pid, ProcId};
use supervisor_core::time::Wall;
use supervisor_core::{HealthStatus, Info, RunRecord, StateName};

use crate::control::Control;
use crate::tally::Work;
use crate::tree_usage::{TreeUsage, tree_usage};
use crate::usage_history::Point;

/// The number of programs that are processed before other tasks run.
pub(crate) const AT_ONCE: usize = 100;

/// The remark on a main process that a signal has suspended.
pub(crate) const SUSPENDED: &str = "suspended by a signal such as SIGSTOP";

/// The state of the supervisor.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) identifier: String,
    pub(crate) pid: u32,
    /// Everything is being stopped.
    pub(crate) ending: bool,
    /// The time of the snapshot.
    pub(crate) at: Wall,
    /// All programs, by group and then by name.
    pub(crate) programs: Vec<Program>,
    /// All groups by name: those of the latest configuration, and active groups that it no longer
    /// contains.
    pub(crate) groups: Vec<Group>,
}

/// A group of programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// The group is active.
    pub(crate) active: bool,
    /// Its programs are event listeners.
    pub(crate) listens: bool,
    pub(crate) priority: Option<i64>,
}

/// The result of a health check, as it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) at: Wall,
    pub(crate) took: Duration,
    pub(crate) result: Result<(), CheckFailure>,
}

/// A run, and its crash report if it failed.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) record: RunRecord,
    /// The duration of the run.
    pub(crate) uptime: Duration,
    /// The crash report, in the format of its file.
    pub(crate) report: Option<Json>,
}

/// Resource usage of a program at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Wall,
    /// Processors used since the previous sample; 1.0 is one processor.
    pub(crate) cpu: Option<f64>,
    pub(crate) memory: u64,
}

/// The state of a process.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The name for commands, with the group in front unless both are equal.
    pub(crate) spec: String,
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) state: StateName,
    /// It is ready for requests from clients.
    pub(crate) ready: bool,
    pub(crate) health: HealthStatus,
    /// A short remark that adds to the state.
    pub(crate) remark: Option<String>,
    /// The time of the last change of state, readiness or health.
    pub(crate) since: Option<Wall>,
    /// The class of the latest run that failed.
    pub(crate) last_failure: Option<Class>,
    pub(crate) pid: Option<Pid>,
    pub(crate) uptime: Option<Duration>,
    /// The number of its starts.
    pub(crate) starts: u64,
    /// The time of its latest start.
    pub(crate) started: Option<Wall>,
    /// The time of its latest exit.
    pub(crate) stopped: Option<Wall>,
    /// The exit of its previous run.
    pub(crate) last_exit: Option<String>,
    /// The error of the latest run.
    pub(crate) error: Option<String>,
    /// `None`: not measured, or no process of it is alive.
    pub(crate) usage: Option<TreeUsage>,
    /// The latest result of its health check.
    pub(crate) check: Option<Answered>,
    /// Its queue length and throughput.
    pub(crate) work: Option<Work>,
    /// The unit of progress: tokens, or steps of another kind.
    pub(crate) work_unit: &'static str,
    /// The condition that its start waits for.
    pub(crate) waits_for: Option<String>,
    /// The streams with a log file that can be read.
    pub(crate) logs: Vec<Channel>,
}

impl Program {
    /// The number of starts after the first one.
    pub(crate) const fn restarts(&self) -> u64 {
        self.starts.saturating_sub(1)
    }
}

impl Snapshot {
    /// Takes a snapshot of the supervisor and all programs, with their resource usage.
    pub(crate) async fn take(control: &Control) -> Self {
        let usages = tree_usage(control).await;
        let (programs, groups) = (programs(control, &usages), groups(control));
        Self { programs, groups, ..Self::without_programs(control) }
    }

    /// Takes a snapshot of the supervisor alone.
    pub(crate) fn without_programs(control: &Control) -> Self {
        Self {
            identifier: control.about().identifier.clone(),
            pid: std::process::id(),
            ending: control.core().is_ending(),
            at: control.now().wall,
            programs: Vec::new(),
            groups: Vec::new(),
        }
    }
}

/// The state of one program with its resource usage; `None`: it does not exist.
pub(crate) async fn program(control: &Control, name: &str) -> Option<Program> {
    let proc = control.core().resolve_process(name).ok()?;
    let usages = tree_usage(control).await;
    let core = control.core();
    core.process(proc).map(|info| described(control, &info, &usages))
}

/// The latest runs of a program, the newest first.
pub(crate) fn runs(control: &Control, proc: ProcId) -> Vec<Run> {
    let reports = control.crash_reports(proc);
    let core = control.core();
    let Some(info) = core.process(proc) else { return Vec::new() };
    let now = control.now();
    let runs = info.history.runs.iter().rev().map(|record| {
        let so_far = now.wall.since_epoch().saturating_sub(record.started.since_epoch());
        let report = reports.iter().rfind(|(run, _)| *run == record.run);
        Run {
            record: record.clone(),
            uptime: record.end.as_ref().map_or(so_far, |end| end.uptime),
            report: report.map(|(_, report)| report.clone()),
        }
    });
    runs.collect()
}

/// Samples of a program's resource usage in the last hour, the oldest first.
pub(crate) fn usage(control: &Control, proc: ProcId) -> Vec<Sample> {
    let now = control.now();
    let points = control.usage().borrow().of(proc).into_iter();
    points.map(|Point { at, cpu, memory }| Sample { at: now.wall_of(at), cpu, memory }).collect()
}

/// All active groups and those that could be added.
pub(crate) fn groups(control: &Control) -> Vec<Group> {
    let core = control.core();
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for group in core.available() {
        let spec = group.spec;
        let (name, listens) = (spec.name.clone(), spec.pool.is_some());
        let priority = Some(spec.priority);
        groups.insert(name.clone(), Group { name, active: group.active, listens, priority });
    }
    for info in core.processes() {
        let name = &info.named.group;
        groups.entry(name.clone()).or_insert_with(|| Group {
            name: name.clone(),
            active: true,
            listens: false,
            priority: None,
        });
    }
    groups.into_values().collect()
}

fn programs(control: &Control, usages: &BTreeMap<ProcId, TreeUsage>) -> Vec<Program> {
    let core = control.core();
    let mut programs: Vec<Program> =
        core.processes().map(|info| described(control, &info, usages)).collect();
    programs.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    programs
}

fn described(control: &Control, info: &Info<'_>, usages: &BTreeMap<ProcId, TreeUsage>) -> Program {
    let proc = info.named.proc;
    let (now, condition) = (control.now(), &info.condition);
    let usage = usages.get(&proc).copied();
    let suspended = usage.is_some_and(|usage| usage.suspended).then(|| SUSPENDED.to_owned());
    let remark = [condition.remark(), suspended]
        .into_iter()
        .flatten()
        .reduce(|one, other| format!("{one}, {other}"));
    let counts = control.counts(proc);
    let check = counts.last_check.map(|check| Answered {
        at: now.wall_of(check.at),
        took: check.took,
        result: check.result,
    });
    let done = info.spec.health.progress.iter().flat_map(|progress| &progress.done);
    let tokens = done.clone().count() > 0 && done.clone().all(|name| name.contains("token"));
    let has_log = |channel: &Channel| control.log(proc, *channel).is_some();
    Program {
        spec: info.named.full(),
        name: info.named.name.clone(),
        group: info.named.group.clone(),
        state: condition.state,
        ready: condition.ready,
        health: condition.health,
        remark,
        since: condition.since.map(|since| now.wall_of(since)),
        last_failure: condition.last_failure,
        pid: info.pid,
        uptime: info.up_since.map(|since| now.mono - since),
        starts: info.runs,
        started: info.history.started,
        stopped: info.history.stopped,
        last_exit: info.history.runs.last_end().map(ToString::to_string),
        error: info.history.error.clone(),
        check,
        work: counts.work,
        work_unit: if tokens { "tokens" } else { "steps" },
        waits_for: info.waits_for.clone(),
        usage,
        logs: [Channel::Stdout, Channel::Stderr].into_iter().filter(has_log).collect(),
    }
}
