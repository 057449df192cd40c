//! The values of all metrics at one moment.

use std::collections::BTreeMap;

use supervisor_core::failure::Class;
use supervisor_core::files::Kept;
use supervisor_core::health::{CheckFailure, Unhealthy};
use supervisor_core::hook::HookInfo;
use supervisor_core::ids::ProcId;
use supervisor_core::spec::health::HealthSpec;
use supervisor_core::time::Wall;
use supervisor_core::{Info, PoolInfo, StateName, StopCounts, Supervisor};
use supervisor_sys::io::counters::{Flow, IoCounters};

use crate::http::{Refused, Traffic};
use crate::tally::{BUCKETS, Counts, DeviceMemory, Tally, UNSEEN};
use crate::tree_usage::TreeUsage;

/// The sources of the values.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) core: &'a Supervisor,
    pub(super) tally: &'a Tally,
    pub(super) traffic: &'a Traffic,
    pub(super) usages: &'a BTreeMap<ProcId, TreeUsage>,
    pub(super) io_counters: &'a BTreeMap<ProcId, IoCounters>,
    pub(super) began: Wall,
    /// Number of lines of the supervisor's log that were lost.
    pub(super) lines_lost: u64,
    /// Number of events that observers missed.
    pub(super) missed: u64,
}

/// A value and its labels, in the order of the metric's labels.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) labels: Vec<String>,
    pub(super) value: Value,
}

/// A value of a metric.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Count(u64),
    Number(f64),
    Times { counts: Vec<u64>, sum: f64 },
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Count(yes.into())
    }
}

pub(super) fn build_info(_: &Reading<'_>) -> Vec<Sample> {
    vec![sample([env!("CARGO_PKG_VERSION")], 1)]
}

pub(super) fn start_time(reading: &Reading<'_>) -> Vec<Sample> {
    one(reading.began.since_epoch().as_secs_f64())
}

pub(super) fn ready(reading: &Reading<'_>) -> Vec<Sample> {
    one(reading.core.readiness() == supervisor_core::Readiness::Ready)
}

pub(super) fn stopping(reading: &Reading<'_>) -> Vec<Sample> {
    one(reading.core.is_ending())
}

pub(super) fn state(reading: &Reading<'_>) -> Vec<Sample> {
    let states = |info: Info<'_>| {
        StateName::ALL
            .map(|state| (state.name(), Value::from(info.condition.state == state)))
            .to_vec()
    };
    each_by(reading, states)
}

pub(super) fn up(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.pid.is_some())
}

pub(super) fn process_ready(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.condition.ready)
}

pub(super) fn starts(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.runs)
}

pub(super) fn restarts(reading: &Reading<'_>) -> Vec<Sample> {
    each_by(reading, |info| {
        let restarts = |class| info.history.restarts.get(&class).copied().unwrap_or_default();
        Class::ALL.map(|class| (class.name(), Value::from(restarts(class)))).into()
    })
}

pub(super) fn process_start_time(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| {
        info.history.started.map_or(f64::NAN, |started| started.since_epoch().as_secs_f64())
    })
}

pub(super) fn last_exit_code(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.history.last_exit.map_or(f64::NAN, |exit| exit.status().into()))
}

pub(super) fn time_to_ready(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.history.up_after.map_or(f64::NAN, |time| time.as_secs_f64()))
}

pub(super) fn check_duration(reading: &Reading<'_>) -> Vec<Sample> {
    let times = |counts: Counts| {
        let answers = counts.answers;
        vec![Value::Times { counts: answers.counts.to_vec(), sum: answers.sum }]
    };
    checked(reading, times, &[])
}

pub(super) fn check_failures(reading: &Reading<'_>) -> Vec<Sample> {
    let failures = |counts: Counts| counts.failures.map(Value::from).to_vec();
    checked(reading, failures, &CheckFailure::KINDS)
}

pub(super) fn progress_unseen(reading: &Reading<'_>) -> Vec<Sample> {
    each_by(reading, |info| {
        if info.spec.health.progress.is_none() {
            return Vec::new();
        }
        let unseen = reading.tally.of(info.named.proc).unseen;
        UNSEEN.into_iter().zip(unseen.map(Value::from)).collect()
    })
}

pub(super) fn unhealthy(reading: &Reading<'_>) -> Vec<Sample> {
    each_by(reading, |info| {
        if info.spec.health == HealthSpec::default() {
            return Vec::new();
        }
        let unhealthy = reading.tally.of(info.named.proc).unhealthy;
        Unhealthy::KINDS.into_iter().zip(unhealthy.map(Value::from)).collect()
    })
}

pub(super) fn failures(reading: &Reading<'_>) -> Vec<Sample> {
    each_by(reading, |info| {
        let counts = reading.tally.of(info.named.proc).classes;
        let names = Class::ALL.iter().map(|class| class.name());
        names.zip(counts.map(Value::from)).collect()
    })
}

pub(super) fn oom_kills(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| reading.tally.of(info.named.proc).classes[Class::Oom as usize])
}

pub(super) fn leftovers(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| reading.tally.of(info.named.proc).leftovers)
}

pub(super) fn stdin_refused(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| reading.io_counters.get(&info.named.proc).map_or(0, |of| of.stdin_refused))
}

pub(super) fn output(reading: &Reading<'_>) -> Vec<Sample> {
    streams(reading, |flow| flow.carried)
}

pub(super) fn output_lost(reading: &Reading<'_>) -> Vec<Sample> {
    streams(reading, |flow| flow.lost)
}

pub(super) fn output_waiting(reading: &Reading<'_>) -> Vec<Sample> {
    streams(reading, |flow| flow.waiting)
}

pub(super) fn syslog_lost(reading: &Reading<'_>) -> Vec<Sample> {
    streams(reading, |flow| flow.syslog_lost)
}

pub(super) fn output_stalls(reading: &Reading<'_>) -> Vec<Sample> {
    streams(reading, |flow| flow.stalls)
}

pub(super) fn cpu(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| usage(reading, &info).cpu.as_secs_f64())
}

pub(super) fn memory(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| usage(reading, &info).memory)
}

pub(super) fn tree_size(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| u64::from(usage(reading, &info).processes))
}

pub(super) fn stop_signals(reading: &Reading<'_>) -> Vec<Sample> {
    each_by(reading, |info| {
        let StopCounts { main, group, others, .. } = info.history.stops;
        let counts = [("main", main), ("group", group), ("other", others)];
        counts.map(|(target, count)| (target, Value::from(count))).to_vec()
    })
}

pub(super) fn wait_seconds(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.history.waited.as_secs_f64())
}

pub(super) fn own_memory(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.history.memory.map_or(f64::NAN, |bytes| bytes as f64))
}

pub(super) fn memory_limit(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.spec.health.memory.map_or(f64::NAN, |memory| memory.limit as f64))
}

pub(super) fn restarts_paced(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.history.paced)
}

pub(super) fn stop_seconds(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.history.stops.time.as_secs_f64())
}

pub(super) fn stop_kills(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.history.stops.kills)
}

pub(super) fn stop_cuts(reading: &Reading<'_>) -> Vec<Sample> {
    each(reading, |info| info.history.stops.cuts)
}

pub(super) fn sigkills(reading: &Reading<'_>) -> Vec<Sample> {
    let Tally { killed, killed_leftovers, .. } = reading.tally;
    vec![sample(["main_process"], *killed), sample(["leftover"], *killed_leftovers)]
}

pub(super) fn stuck(reading: &Reading<'_>) -> Vec<Sample> {
    one(reading.tally.stuck)
}

pub(super) fn files_kept(reading: &Reading<'_>) -> Vec<Sample> {
    each_by(reading, |info| {
        let kept =
            reading.io_counters.get(&info.named.proc).map(|of| of.files_kept).unwrap_or_default();
        let words = Kept::ALL.into_iter().map(Kept::word);
        words.zip(kept).map(|(word, count)| (word, count.into())).collect()
    })
}

pub(super) fn shared_memory(_: &Reading<'_>) -> Vec<Sample> {
    one(supervisor_sys::io::shared_memory::shared_memory()
        .map_or(f64::NAN, |(_, size)| size as f64))
}

pub(super) fn shared_memory_used(_: &Reading<'_>) -> Vec<Sample> {
    one(supervisor_sys::io::shared_memory::shared_memory()
        .map_or(f64::NAN, |(used, _)| used as f64))
}

pub(super) fn gpu_memory(reading: &Reading<'_>) -> Vec<Sample> {
    devices(reading, |memory| memory.total)
}

pub(super) fn gpu_memory_used(reading: &Reading<'_>) -> Vec<Sample> {
    devices(reading, |memory| memory.used)
}

fn devices(reading: &Reading<'_>, mebibytes: fn(DeviceMemory) -> Option<u64>) -> Vec<Sample> {
    let of_device = |((index, id), memory): (&(u32, String), &DeviceMemory)| Sample {
        labels: vec![index.to_string(), id.clone()],
        value: mebibytes(*memory).map_or(f64::NAN, |used| (used << 20) as f64).into(),
    };
    reading.tally.devices.iter().map(of_device).collect()
}

pub(super) fn log_lines_lost(reading: &Reading<'_>) -> Vec<Sample> {
    one(reading.lines_lost)
}

pub(super) fn events_waiting(reading: &Reading<'_>) -> Vec<Sample> {
    pools(reading, |pool| pool.waiting as u64)
}

pub(super) fn events_room(reading: &Reading<'_>) -> Vec<Sample> {
    pools(reading, |pool| pool.room as u64)
}

pub(super) fn events_lost(reading: &Reading<'_>) -> Vec<Sample> {
    pools(reading, |pool| pool.lost)
}

pub(super) fn missed(reading: &Reading<'_>) -> Vec<Sample> {
    one(reading.missed)
}

pub(super) fn requests_waiting(reading: &Reading<'_>) -> Vec<Sample> {
    one(reading.core.waiting_requests() as u64)
}

pub(super) fn connections(reading: &Reading<'_>) -> Vec<Sample> {
    one(reading.traffic.connections() as u64)
}

pub(super) fn refused(reading: &Reading<'_>) -> Vec<Sample> {
    let all = Refused::ALL.into_iter();
    all.map(|reason| sample([reason.name()], reading.traffic.refused(reason))).collect()
}

fn sample<const N: usize>(labels: [&str; N], value: impl Into<Value>) -> Sample {
    Sample { labels: labels.map(str::to_owned).to_vec(), value: value.into() }
}

fn one(value: impl Into<Value>) -> Vec<Sample> {
    vec![sample([], value)]
}

fn each<V: Into<Value>>(reading: &Reading<'_>, value: impl Fn(Info<'_>) -> V) -> Vec<Sample> {
    let processes = reading.core.processes();
    processes.map(|info| sample([&info.named.group, &info.named.name], value(info))).collect()
}

fn each_by(
    reading: &Reading<'_>,
    values: impl Fn(Info<'_>) -> Vec<(&'static str, Value)>,
) -> Vec<Sample> {
    let mut samples = Vec::new();
    for info in reading.core.processes() {
        for (label, value) in values(info.clone()) {
            samples.push(sample([&info.named.group, &info.named.name, label], value));
        }
    }
    samples
}

/// Samples of the processes with a health check. Each process has one for each of the `kinds`, or
/// one if there are none.
fn checked(
    reading: &Reading<'_>,
    values: impl Fn(Counts) -> Vec<Value>,
    kinds: &[&str],
) -> Vec<Sample> {
    let mut samples = Vec::new();
    for info in reading.core.processes().filter(|info| info.spec.health.check.is_some()) {
        let (group, name) = (&info.named.group, &info.named.name);
        let kinds = kinds.iter().copied().map(Some).chain(std::iter::repeat(None));
        for (value, kind) in values(reading.tally.of(info.named.proc)).into_iter().zip(kinds) {
            samples.push(match kind {
                Some(kind) => sample([group, name, kind], value),
                None => sample([group, name], value),
            });
        }
    }
    samples
}

fn streams(reading: &Reading<'_>, value: impl Fn(&Flow) -> u64) -> Vec<Sample> {
    let mut samples = Vec::new();
    for info in reading.core.processes() {
        let counters = reading.io_counters.get(&info.named.proc);
        for (stream, flow) in counters.into_iter().flat_map(|counters| &counters.streams) {
            samples.push(sample([&info.named.group, &info.named.name, stream], value(flow)));
        }
    }
    samples
}

fn pools(reading: &Reading<'_>, value: impl Fn(PoolInfo<'_>) -> u64) -> Vec<Sample> {
    reading.core.listener_pools().map(|pool| sample([pool.name], value(pool))).collect()
}

/// Outcomes of a notification.
const FATES: [&str; 3] = ["delivered", "failed", "dropped"];

pub(super) fn hook_notifications(reading: &Reading<'_>) -> Vec<Sample> {
    let of_hook = |HookInfo { name, sent, failed, dropped }: HookInfo<'_>| {
        FATES
            .into_iter()
            .zip([sent, failed, dropped])
            .map(|(fate, count)| sample([name, fate], count))
            .collect::<Vec<_>>()
    };
    reading.core.hooks().flat_map(of_hook).collect()
}

fn usage(reading: &Reading<'_>, info: &Info<'_>) -> TreeUsage {
    reading.usages.get(&info.named.proc).copied().unwrap_or_default()
}

/// Upper bounds of the buckets, with the count of each.
pub(super) fn buckets(counts: &[u64]) -> Vec<(f64, u64)> {
    BUCKETS.into_iter().chain([f64::INFINITY]).zip(counts.iter().copied()).collect()
}
