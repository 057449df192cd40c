//! Counters since the start of the supervisor, taken as inputs and effects pass between core and
//! world.
//!
//! The tally counts everything that no other part of the supervisor remembers. It does not exist
//! if no endpoint exposes the counters.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::Answer;
use supervisor_core::device::{Device, DevicesSeen};
use supervisor_core::failure::Class;
use supervisor_core::health::{Block, CheckFailure, Progress, ProgressSample, Unhealthy};
use supervisor_core::ids::RunKey;
use supervisor_core::ids::{ProcId, RunId};
use supervisor_core::line::Line;
use supervisor_core::signal::Signal;
use supervisor_core::time::Mono;
use supervisor_core::{Effect, Input, SignalTarget};
use tokio::sync::Notify;

/// Upper bounds of the buckets of check durations in seconds: from a healthy local server to the
/// longest usual timeout.
pub(crate) const BUCKETS: [f64; 11] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Reasons for a progress query without a result: the metrics page was late, or the page or its
/// metric does not exist.
pub(crate) const UNSEEN: [&str; 2] = ["late", "nothing"];

/// All counters.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    processes: BTreeMap<ProcId, Counts>,
    /// The devices as last seen, by index and identifier.
    pub(crate) devices: BTreeMap<(u32, String), DeviceMemory>,
    /// Main processes that were killed because they did not stop in time.
    pub(crate) killed: u64,
    /// SIGKILLs to leftover processes of a program that did not exit by themselves.
    pub(crate) killed_leftovers: u64,
    /// Times that a process did not exit after SIGKILL.
    pub(crate) stuck: u64,
    /// Notified when a health check starts.
    checks: Rc<Notify>,
}

/// The memory of a device in MiB, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeviceMemory {
    pub(crate) total: Option<u64>,
    pub(crate) used: Option<u64>,
}

/// Counters of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// The health check that has no result yet.
    asked: Option<(RunId, Mono)>,
    /// Durations of health checks.
    pub(crate) answers: Histogram,
    /// By [`CheckFailure::KINDS`].
    pub(crate) failures: [u64; CheckFailure::KINDS.len()],
    /// Progress queries without a result, by [`UNSEEN`].
    pub(crate) unseen: [u64; UNSEEN.len()],
    /// By [`Unhealthy::KINDS`].
    pub(crate) unhealthy: [u64; Unhealthy::KINDS.len()],
    /// Runs that exited unexpectedly, by [`Class::ALL`].
    pub(crate) classes: [u64; Class::ALL.len()],
    /// Leftover processes of runs.
    pub(crate) leftovers: u64,
    /// The latest health check result of the present run.
    pub(crate) last_check: Option<LastCheck>,
    /// The latest progress sample of the present run.
    pub(crate) work: Option<Work>,
}

/// The result of a health check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastCheck {
    pub(crate) at: Mono,
    /// The duration.
    pub(crate) took: Duration,
    pub(crate) result: Result<(), CheckFailure>,
}

/// The queue length and the throughput of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    at: Mono,
    pub(crate) seen: Progress,
    /// Progress per second since the previous sample; `None`: there was no previous sample.
    pub(crate) per_second: Option<f64>,
}

impl Work {
    /// The next sample, with the progress seen at `at`.
    #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
    fn next(before: Option<Self>, at: Mono, seen: Progress) -> Self {
        let per_second = before.filter(|before| at > before.at).map(|before| {
            let done = seen.done.saturating_sub(before.seen.done);
            done as f64 / (at - before.at).as_secs_f64()
        });
        Self { at, seen, per_second }
    }
}

/// A histogram of durations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    /// The count of each bucket of [`BUCKETS`], and of longer durations.
    pub(crate) counts: [u64; BUCKETS.len() + 1],
    /// The sum in seconds.
    pub(crate) sum: f64,
}

impl Tally {
    /// Notified when a health check starts.
    pub(crate) fn checks(&self) -> Rc<Notify> {
        Rc::clone(&self.checks)
    }

    /// Counters of a process.
    pub(crate) fn of(&self, proc: ProcId) -> Counts {
        self.processes.get(&proc).cloned().unwrap_or_default()
    }

    /// Counts an input of the core.
    pub fn note_input(&mut self, now: Mono, input: &Input) {
        let Input::Answer { run: RunKey { proc, run }, answer } = input else { return };
        match answer {
            Answer::Progressed(sample) => {
                let counts = self.processes.entry(*proc).or_default();
                match sample {
                    ProgressSample::Seen(seen) => {
                        counts.work = Some(Work::next(counts.work, now, *seen));
                    }
                    ProgressSample::Late => counts.unseen[0] += 1,
                    ProgressSample::Nothing | ProgressSample::Failed(_) => counts.unseen[1] += 1,
                }
            }
            Answer::DevicesSeen(DevicesSeen::Devices(inventory)) => {
                self.devices = inventory.devices.iter().map(memory).collect();
            }
            Answer::OutputSeen(Some(block)) => self.note_block(*proc, *block),
            Answer::Checked { result, load: _ } => {
                let counts = self.processes.entry(*proc).or_default();
                let asked = counts.asked.take().filter(|(asked, _)| asked == run);
                let took = asked.map(|(_, at)| now - at);
                if let Some(took) = took {
                    counts.answers.add(took.as_secs_f64());
                    let result = result.map(|_| ());
                    counts.last_check = Some(LastCheck { at: now, took, result });
                }
                if let Err(failure) = result {
                    count(&mut counts.failures, &CheckFailure::KINDS, failure.kind());
                }
            }
            Answer::Spawned { .. }
            | Answer::SpawnFailed(_)
            | Answer::Census { .. }
            | Answer::CensusFailed
            | Answer::TreeEnded
            | Answer::LoadSeen { .. }
            | Answer::TreeCounted(_)
            | Answer::MemorySeen { .. }
            | Answer::OutputSeen(None)
            | Answer::Collected
            | Answer::Tidied
            | Answer::DevicesSeen(DevicesSeen::Nothing | DevicesSeen::Hangs)
            | Answer::PortSeen { .. }
            | Answer::Connected(_) => {}
        }
    }

    /// Counts a blocked program. It does not become unhealthy, so no other input shows it.
    fn note_block(&mut self, proc: ProcId, block: Block) {
        if block.counts() {
            let counts = self.processes.entry(proc).or_default();
            count(&mut counts.unhealthy, &Unhealthy::KINDS, Unhealthy::Blocked(block).kind());
        }
    }

    /// Counts an effect of the core.
    pub fn note_effect(&mut self, now: Mono, effect: &Effect) {
        match effect {
            Effect::Check { proc, run, .. } => {
                self.processes.entry(*proc).or_default().asked = Some((*run, now));
                self.checks.notify_one();
            }
            Effect::Spawn { proc, .. } => {
                if let Some(counts) = self.processes.get_mut(proc) {
                    (counts.last_check, counts.work) = (None, None);
                }
            }
            Effect::Collect { proc, unhealthy, .. } => {
                let counts = self.processes.entry(*proc).or_default();
                count(&mut counts.unhealthy, &Unhealthy::KINDS, unhealthy.kind());
            }
            Effect::Report(report) => {
                let counts = self.processes.entry(report.process.proc).or_default();
                counts.classes[report.cause.class() as usize] += 1;
                counts.leftovers += report.leftovers as u64;
            }
            Effect::Signal { target: SignalTarget::Member(_), signal } => {
                self.killed_leftovers += u64::from(*signal == Signal::KILL);
            }
            Effect::Signal {
                target: SignalTarget::Process(_) | SignalTarget::Group(_),
                signal,
            } => {
                self.killed += u64::from(*signal == Signal::KILL);
            }
            Effect::Log(line) => self.stuck += u64::from(matches!(line, Line::Unkillable { .. })),
            Effect::RemoveProcesses { procs } => procs.iter().for_each(|proc| {
                self.processes.remove(proc);
            }),
            Effect::Census { .. }
            | Effect::AwaitEnd { .. }
            | Effect::KillTree { .. }
            | Effect::LookAtProgress { .. }
            | Effect::LookAtLoad { .. }
            | Effect::LookAtOutput { .. }
            | Effect::CountTree { .. }
            | Effect::MeasureMemory { .. }
            | Effect::Suspend { .. }
            | Effect::Resume { .. }
            | Effect::LookAtFiles { .. }
            | Effect::Tidy { .. }
            | Effect::LookAtPort { .. }
            | Effect::LookAtDevices { .. }
            | Effect::Connect { .. }
            | Effect::Emit(_)
            | Effect::Notice(_)
            | Effect::Tell { .. }
            | Effect::Deliver { .. }
            | Effect::Print { .. }
            | Effect::Reply { .. }
            | Effect::AddGroup { .. }
            | Effect::UpdateGroup { .. }
            | Effect::ReopenLogs
            | Effect::Exit { .. }
            | Effect::Restart
            | Effect::Proceed => {}
        }
    }
}

impl Histogram {
    fn add(&mut self, seconds: f64) {
        let bucket = BUCKETS.iter().position(|end| seconds <= *end).unwrap_or(BUCKETS.len());
        self.counts[bucket] += 1;
        self.sum += seconds;
    }
}

fn memory(device: &Device) -> ((u32, String), DeviceMemory) {
    let Device { index, id, total, used, .. } = device;
    ((*index, id.clone()), DeviceMemory { total: *total, used: *used })
}

fn count<const N: usize>(counts: &mut [u64; N], kinds: &[&str; N], kind: &str) {
    if let Some(place) = kinds.iter().position(|known| *known == kind) {
        counts[place] += 1;
    }
}

#[cfg(test)]
mod tests {
    use supervisor_core::health::CheckAnswer;

    use super::*;

    #[test]
    fn a_check_counts_by_its_duration_and_failure() {
        let (proc, run) = (ProcId(3), RunId(1));
        let at = |millis| Mono::from_zero(Duration::from_millis(millis));
        let mut tally = Tally::default();
        tally.note_effect(at(100), &Effect::Check { proc, run, find_listener: false });
        let result = Err(CheckFailure::TimedOut);
        tally.note_input(
            at(2100),
            &Input::answer(proc, run, Answer::Checked { result, load: None }),
        );
        // A check of an earlier run does not affect the duration of this one.
        tally.note_effect(at(3000), &Effect::Check { proc, run, find_listener: false });
        let (run, result) = (RunId(2), Ok(CheckAnswer::default()));
        tally.note_input(
            at(3001),
            &Input::answer(proc, run, Answer::Checked { result, load: None }),
        );
        let counts = tally.of(proc);
        assert_eq!(counts.answers.counts.iter().sum::<u64>(), 1);
        assert_eq!(counts.answers.counts[8], 1, "2 s is more than 1 and less than 2.5");
        assert!((counts.answers.sum - 2.0).abs() < 1e-9);
        assert_eq!(counts.failures, [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn only_sigkill_counts_as_a_kill() {
        let mut tally = Tally::default();
        for signal in [Signal::TERM, Signal::KILL] {
            let target = SignalTarget::Group(supervisor_core::ids::Pid(7));
            tally.note_effect(Mono::from_zero(Duration::ZERO), &Effect::Signal { target, signal });
        }
        assert_eq!((tally.killed, tally.killed_leftovers), (1, 0));
    }
}
