//! Resource usage of programs in the last hour. The supervisor takes a sample when a client
//! requests the usage or the metrics, and when a health check is due. No timer runs for it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use supervisor_core::ids::ProcId;
use supervisor_core::time::Mono;

/// Resource usage of all processes of a program together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TreeUsage {
    /// Number of processes.
    pub(crate) processes: u32,
    /// Processor time of these processes, and of those of them that have exited.
    pub(crate) cpu: Duration,
    /// Bytes of memory. Memory that two processes share counts twice.
    pub(crate) memory: u64,
    /// A signal has suspended its main process.
    pub(crate) suspended: bool,
}

/// How long a sample is kept.
pub(crate) const KEPT: Duration = Duration::from_secs(3600);

/// Time from one sample to the next, at least.
pub(crate) const APART: Duration = Duration::from_secs(30);

/// Samples of each program, at most.
const SAMPLES: usize = 120;

/// Samples of all programs.
#[derive(Debug, Default)]
pub(crate) struct UsageHistory {
    taken: Option<Mono>,
    samples: BTreeMap<ProcId, VecDeque<Sample>>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Mono,
    cpu: Duration,
    memory: u64,
}

/// Resource usage of a program at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) at: Mono,
    /// Processors used since the previous point, 1.0 is one processor; `None`: there is no
    /// previous point.
    pub(crate) cpu: Option<f64>,
    /// Bytes of memory.
    pub(crate) memory: u64,
}

impl UsageHistory {
    /// Whether the last sample is old enough for a new one.
    pub(crate) fn is_due(&self, now: Mono) -> bool {
        self.taken.is_none_or(|taken| now - taken >= APART)
    }

    /// Adds a sample of each program in `usages`. The history drops samples older than [`KEPT`],
    /// so a program that no longer runs has none in the end.
    pub(crate) fn note(&mut self, now: Mono, usages: &BTreeMap<ProcId, TreeUsage>) {
        if !self.is_due(now) {
            return;
        }
        // A process that has exited and is not reaped yet has no memory. Such a sample would say
        // that the program used none for half a minute.
        for (proc, usage) in usages.iter().filter(|(_, usage)| usage.memory > 0) {
            self.taken = Some(now);
            let sample = Sample { at: now, cpu: usage.cpu, memory: usage.memory };
            self.samples.entry(*proc).or_default().push_back(sample);
        }
        self.samples.retain(|_, samples| {
            samples.retain(|sample| now - sample.at < KEPT);
            let gone = samples.len().saturating_sub(SAMPLES);
            samples.drain(..gone);
            !samples.is_empty()
        });
    }

    /// Resource usage of a program, the oldest point first.
    pub(crate) fn of(&self, proc: ProcId) -> Vec<Point> {
        let samples = self.samples.get(&proc).into_iter().flatten();
        let mut before: Option<Sample> = None;
        let points = samples.map(|sample| {
            let cpu = before.replace(*sample).map(|before| {
                // The processor time of a new run starts at zero.
                let used = sample.cpu.checked_sub(before.cpu).unwrap_or(sample.cpu);
                used.as_secs_f64() / (sample.at - before.at).as_secs_f64().max(f64::EPSILON)
            });
            Point { at: sample.at, cpu, memory: sample.memory }
        });
        points.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROC: ProcId = ProcId(1);

    fn at(secs: u64) -> Mono {
        Mono::from_zero(Duration::from_secs(secs))
    }

    fn uses(cpu: u64, memory: u64) -> BTreeMap<ProcId, TreeUsage> {
        let cpu = Duration::from_secs(cpu);
        [(PROC, TreeUsage { cpu, memory, ..TreeUsage::default() })].into()
    }

    #[test]
    fn samples_have_a_minimum_distance_and_include_the_use_in_between() {
        let mut history = UsageHistory::default();
        // At first, the process has exited and is not reaped yet.
        history.note(at(99), &uses(10, 0));
        history.note(at(100), &uses(10, 7));
        history.note(at(110), &uses(11, 9));
        history.note(at(140), &uses(30, 8));
        // Another run.
        history.note(at(180), &uses(4, 1));
        let seen: Vec<_> = history.of(PROC).iter().map(|p| (p.cpu, p.memory)).collect();
        assert_eq!(seen, [(None, 7), (Some(0.5), 8), (Some(0.1), 1)]);
        assert!(!history.is_due(at(200)) && history.is_due(at(210)));
    }

    #[test]
    fn the_history_keeps_one_hour() {
        let mut history = UsageHistory::default();
        for minute in 0..200 {
            history.note(at(minute * 31), &uses(minute, 1));
        }
        let points = history.of(PROC);
        assert!(points.len() <= SAMPLES && points.len() > 100, "{}", points.len());
        assert!(at(199 * 31) - points[0].at < KEPT);
        history.note(at(20_000), &BTreeMap::new());
        assert!(history.samples.is_empty());
    }
}
