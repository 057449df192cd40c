//! Whether a run is healthy: its answers to checks, its progress, its number of processes.
//!
//! ```text
//!   asked ──> passes ─────────────────────────────> healthy
//!     │ refused, bad status, bad body ──> counted ──> N in a row: unhealthy
//!     └ timed out ── and makes progress: excused
//!                 ├─ and only timed out, while its tree is busy and no counter shows
//!                 │  that it is idle: counted, but unhealthy only after a longer time
//!                 └─ otherwise: counted
//!   requests in flight without progress, or no metrics, for a while ──> unhealthy
//!   fewer processes than before, for a while, ready or not ──> unhealthy
//!   memory above its limit twice in a row, ready or not ──> unhealthy
//!   no watchdog message within its own interval ──> unhealthy
//!
//!   silent ──> can it write its output? ── no: no restart, and a log line
//!                                       └─ yes: unhealthy
//! ```
//!
//! A busy server is not a hung one: while it makes progress, a timeout does not make it unhealthy.
//! All deadlines belong to one run and end with it.

mod answer;
mod changing;
mod checking;
mod counting;
mod memory;
mod output;
mod progressing;
mod shown;
mod unhealthy;

use std::time::Duration;

use crate::asking::Asking;
use crate::ids::RunId;
use crate::spec::health::{HealthSpec, ListenerRule, MemorySpec, ProgressSpec, Ready, TreeSpec};
use crate::time::Mono;

use checking::Checking;
use counting::Counting;
use memory::Measuring;
use output::OutputSeen;
use progressing::Progressing;

pub use answer::{
    BadCertificate, CheckAnswer, CheckFailure, Comm, Depth, Listener, Stranger, Unreached,
};
pub use checking::Load;
pub use counting::TreeCount;
pub(crate) use memory::MemoryNews;
pub use memory::{MEMORY_EVERY, MEMORY_LOOKS};
pub use unhealthy::{Block, Unhealthy};
pub(crate) use unhealthy::{exactly, mebibytes};

/// Longest interval between checks of a process that is starting.
const STARTUP_INTERVAL: Duration = Duration::from_secs(1);

/// The log repeats the same failed check at most this often while a server is starting or known to
/// be unhealthy. The check may run every second, for hours.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// Every server refuses connections in its first moments. The log reports failed checks of a
/// starting server only after this time.
const NOT_YET_AFTER: Duration = Duration::from_secs(5);

/// Time that the core waits beyond a question's own limit. The daemon normally reports a timeout
/// itself; after this time the core assumes one.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// The workload of a server and its progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Requests that the server is processing.
    pub running: u64,
    /// Requests that wait, perhaps for another server.
    pub waiting: u64,
    /// Total of the progress counters since the server started.
    pub done: u64,
}

/// A sample of a server's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressSample {
    /// The metrics were read.
    Seen(Progress),
    /// The metrics page did not answer in time.
    Late,
    /// The metrics page has none of the expected metrics.
    Nothing,
    /// The metrics page could not be read.
    Failed(CheckFailure),
}

/// A question that the daemon must answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Check {
        /// Whether the daemon must also find out which process answers.
        find_listener: bool,
    },
    Progress,
    Tree,
    Memory,
}

/// The health of a run. Its parts have memory only in programs that have such a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    check: Option<Box<Checking>>,
    progress: Option<Box<Progressing>>,
    tree: Option<Box<Counting>>,
    memory: Option<Box<Measuring>>,
    watchdog: Option<Watchdog>,
    /// The server announced that it is about to exit.
    leaving: bool,
    /// The reason for being unhealthy that was logged last.
    unhealthy: Option<Unhealthy>,
    output: OutputSeen,
    condemned: Option<Condemned>,
}

/// A run that the supervisor will stop as unhealthy, once diagnostics have been collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condemned {
    pub(crate) unhealthy: Unhealthy,
    /// When the stop begins, even if the diagnostics are incomplete.
    pub(crate) until: Mono,
}

/// The meaning of a check result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Healthy,
    /// The first success of this run, but the check could only connect.
    Connects,
    /// The check timed out, but the server is making progress.
    Excused,
    Failed {
        failure: CheckFailure,
        times: u32,
        of: u32,
        /// Whether to log it.
        new: bool,
    },
    /// The timeouts would make the server unhealthy, but its tree is busy.
    Busy {
        /// Time since the first timeout, and the time that is allowed.
        since: Duration,
        patience: Duration,
        /// Whether to log it.
        new: bool,
    },
    /// The server is starting and need not answer yet.
    NotYet {
        failure: CheckFailure,
        /// Whether to log it.
        new: bool,
    },
}

/// Deadline for the next watchdog message, `within` after the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Watchdog {
    at: Mono,
    within: Duration,
}

impl Health {
    /// The health of a run that has just been started: it has a readiness check and counts of its
    /// processes. During startup, only the count notices a worker that dies.
    pub(crate) fn of_start(spec: &HealthSpec, now: Mono) -> Self {
        let asks = spec.ready == Ready::Checked;
        let check = spec.check.as_ref().filter(|_| asks).map(|_| Box::new(Checking::new(now, now)));
        let tree = spec.tree.as_ref().map(|tree| Box::new(Counting::new(now + tree.interval)));
        let memory = spec.memory.map(|_| Box::new(Measuring::new(now + MEMORY_EVERY)));
        Self { check, tree, memory, ..Self::default() }
    }

    /// The health of a run that is up. Missing processes stay missing.
    pub(crate) fn of_run(self, spec: &HealthSpec, now: Mono) -> Self {
        let proven = self.check.is_some_and(|check| check.proven);
        Self {
            check: spec.check.as_ref().map(|check| {
                let due = now + check.interval;
                Box::new(if proven { Checking::proven(now, due) } else { Checking::new(now, due) })
            }),
            progress: spec
                .progress
                .as_ref()
                .map(|progress| Box::new(Progressing::new(now + progress.interval))),
            tree: self.tree,
            memory: self.memory,
            watchdog: spec.watchdog.map(|within| Watchdog { at: now + within, within }),
            // A program that became ready is no longer blocked on its output.
            unhealthy: self
                .unhealthy
                .filter(|unhealthy| self.condemned.is_none() && !unhealthy.is_block()),
            ..Self::default()
        }
    }

    /// When [`Self::lapse`] or [`Self::questions`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        if let Some(condemned) = self.condemned {
            return Some(condemned.until);
        }
        if let OutputSeen::Asked { until, .. } = self.output {
            return Some(until);
        }
        let check = self.check.as_ref().map(|check| check.asking.at());
        let progress = self.progress.as_ref().map(|progress| progress.asking.at());
        let tree = self.tree.as_ref().map(|tree| tree.asking.at());
        let memory = self.memory.as_ref().map(|memory| memory.asking.at());
        // A program that is known to be silent needs no deadline, unless its output has to be
        // checked again.
        let known = self.unhealthy.is_some_and(|unhealthy| !unhealthy.is_block());
        let watchdog = self.watchdog.filter(|_| !known).map(|watchdog| watchdog.at);
        [check, progress, tree, memory, watchdog].into_iter().flatten().min()
    }

    /// Counts an overdue check as timed out.
    pub(crate) fn lapse(&mut self, spec: &HealthSpec, now: Mono) {
        let gets_on = spec.progress.as_ref().is_some_and(|progress| self.gets_on(progress, now));
        if let Some(check) = &mut self.check
            && let Asking::Asked { until } = check.asking
            && now >= until
        {
            check.asking = Asking::Due(now);
            if gets_on {
                check.excused();
            } else {
                check.failed(CheckFailure::TimedOut);
            }
        }
    }

    /// The questions that are due, including those that have not been answered in time.
    pub(crate) fn questions(&mut self, spec: &HealthSpec, now: Mono) -> Vec<Question> {
        let mut questions = Vec::new();
        if let (Some(check), Some(spec)) = (&mut self.check, &spec.check)
            && now >= check.asking.at()
        {
            check.ask(spec, now);
            let find_listener = spec.listener == ListenerRule::Own && !check.proven;
            questions.push(Question::Check { find_listener });
        }
        if let (Some(progress), Some(spec)) = (&mut self.progress, &spec.progress)
            && now >= progress.asking.at()
        {
            progress.asking = Asking::Asked { until: now + spec.timeout + ANSWER_GRACE };
            questions.push(Question::Progress);
        }
        if let (Some(tree), Some(spec)) = (&mut self.tree, &spec.tree)
            && now >= tree.asking.at()
        {
            tree.asking = Asking::Asked { until: now + spec.interval + ANSWER_GRACE };
            questions.push(Question::Tree);
        }
        if let Some(memory) = self.memory.as_mut().filter(|memory| now >= memory.asking.at()) {
            memory.ask(now);
            questions.push(Question::Memory);
        }
        questions
    }

    /// Takes the result of a check. After a timeout, `load` is the processor use of the tree. The
    /// next check comes sooner while the server is starting.
    pub(crate) fn checked(
        &mut self,
        spec: &HealthSpec,
        (run, starting): (RunId, bool),
        now: Mono,
        (result, load): (Result<CheckAnswer, CheckFailure>, Option<Load>),
    ) -> Checked {
        let gets_on = spec.progress.as_ref().is_some_and(|progress| self.gets_on(progress, now));
        let tells_idle = spec.progress.as_ref().is_some_and(|progress| progress.tells_idle);
        let idle_at =
            self.progress.as_ref().filter(|_| tells_idle).and_then(|progress| progress.idle_at());
        let borne = self.is_borne();
        let (Some(check), Some(spec)) = (&mut self.check, &spec.check) else {
            return Checked::Healthy;
        };
        // Ignores duplicate and late answers.
        let Asking::Asked { .. } = check.asking else { return Checked::Healthy };
        let interval = if starting { spec.interval.min(STARTUP_INTERVAL) } else { spec.interval };
        check.asking = Asking::Due(now + interval + jitter(spec.jitter, run, check.asked));
        match result.and_then(|answer| answer.judge(spec.listener)) {
            Ok(depth) => {
                let first = !check.proven;
                check.succeeded();
                self.shows_life(|unhealthy| matches!(unhealthy, Unhealthy::Check { .. }));
                match depth {
                    Depth::Connection if first => Checked::Connects,
                    Depth::Connection | Depth::Whole => Checked::Healthy,
                }
            }
            // The server is alive, and its earlier timeouts had the same cause.
            Err(CheckFailure::TimedOut) if gets_on => {
                check.excused();
                Checked::Excused
            }
            Err(failure) => {
                check.failed(failure);
                if starting {
                    let early = now - check.since < NOT_YET_AFTER && failure.is_usual_at_first();
                    let new = !early && check.is_news(failure, now);
                    return Checked::NotYet { failure, new };
                }
                let late_since = check.late_since();
                let idle = idle_at.zip(late_since).is_some_and(|(seen, since)| seen >= since);
                if !idle && load.is_some_and(Load::is_busy) {
                    check.note_busy(spec, now);
                }
                let (times, of, patience) = (check.failures, spec.failures, spec.patience);
                // The log reports each failure that counts towards unhealthy, even if they are
                // alike.
                let new = check.is_news(failure, now) || (times <= of && !borne);
                match check.busy_for() {
                    Some(since) if times >= of => Checked::Busy { since, patience, new },
                    Some(_) | None => Checked::Failed { failure, times, of, new },
                }
            }
        }
    }

    /// Whether to log that the metrics page is missing: once in a run that never had one.
    pub(crate) fn is_news_of_progress(&mut self) -> bool {
        self.progress.as_mut().is_some_and(|progress| progress.is_news())
    }

    /// Takes a progress sample.
    pub(crate) fn progressed(&mut self, spec: &ProgressSpec, now: Mono, look: ProgressSample) {
        let Some(progress) = &mut self.progress else { return };
        let Some((seen, moved)) = progress.take(spec, now, look) else { return };
        // The server was about to be treated as unhealthy because of its timeouts.
        if moved
            && self.output_asked_until().is_some()
            && let Some(check) = &mut self.check
            && check.last == Some(Err(CheckFailure::TimedOut))
        {
            check.excused();
        }
        if moved || (seen.running == 0 && look != ProgressSample::Late) {
            self.shows_life(|unhealthy| matches!(unhealthy, Unhealthy::Stalled { .. }));
        }
    }

    /// Takes a count of the processes.
    pub(crate) fn counted(&mut self, spec: &TreeSpec, starting: bool, now: Mono, count: TreeCount) {
        if let Some(tree) = &mut self.tree {
            tree.take(spec, starting, now, count);
        }
    }

    /// Takes a measurement of the memory, in bytes. Returns what to log.
    pub(crate) fn measured(
        &mut self,
        spec: &MemorySpec,
        now: Mono,
        used: Option<u64>,
    ) -> Option<MemoryNews> {
        self.memory.as_mut()?.take(spec, now, used)
    }

    /// Takes a watchdog message. The next one is due after `within`.
    pub(crate) fn pinged(&mut self, within: Duration, now: Mono) {
        self.watchdog = self.watchdog.map(|_| Watchdog { at: now + within, within });
        self.shows_life(|unhealthy| matches!(unhealthy, Unhealthy::Silent { .. }));
    }

    /// Decides to stop the run as unhealthy. The core asks no more questions about it.
    pub(crate) const fn condemn(&mut self, unhealthy: Unhealthy, until: Mono) {
        self.condemned = Some(Condemned { unhealthy, until });
    }

    /// The decision to stop the run as unhealthy, if there is one.
    pub(crate) const fn condemned(&self) -> Option<Condemned> {
        self.condemned
    }

    /// Whether the core is waiting for diagnostics or for the state of the output.
    pub(crate) const fn is_looked_into(&self) -> bool {
        self.condemned.is_some() || self.output_asked_until().is_some()
    }

    /// Notes the reason for being unhealthy, or that there is none. Returns whether to log it: the
    /// run became healthy or unhealthy, or its output became or stopped being the cause.
    pub(crate) fn tell(&mut self, unhealthy: Option<Unhealthy>) -> bool {
        let block = |unhealthy: Option<Unhealthy>| unhealthy.is_some_and(Unhealthy::is_block);
        let new = self.unhealthy.is_some() != unhealthy.is_some()
            || block(self.unhealthy) != block(unhealthy);
        self.unhealthy = unhealthy;
        new
    }

    /// The reason for being unhealthy that was noted last.
    pub(crate) const fn unhealthy(&self) -> Option<Unhealthy> {
        self.unhealthy
    }

    /// Notes that the server is about to exit.
    pub(crate) const fn leaves(&mut self) {
        self.leaving = true;
    }

    /// Whether clients should send requests to the server. A single failed check does not change
    /// this. A hung server counts as unhealthy even if the supervisor only observes it.
    pub(crate) const fn is_healthy(&self) -> bool {
        !self.leaving && self.unhealthy.is_none()
    }

    /// Whether the latest check succeeded.
    pub(crate) fn has_passed(&self) -> bool {
        self.check.as_ref().is_some_and(|check| check.last == Some(Ok(())))
    }

    /// Whether the check has never succeeded and its failure shows that the check itself is wrong.
    pub(crate) fn is_checked_wrongly(&self) -> bool {
        self.check.as_ref().is_some_and(|check| check.is_wrong())
    }

    /// The latest failure, unless the latest check succeeded.
    pub(crate) fn last_failure(&self) -> Option<CheckFailure> {
        self.check.as_ref()?.last?.err()
    }

    /// The reason for which the run is unhealthy now.
    pub(crate) fn verdict(&self, spec: &HealthSpec, now: Mono) -> Option<Unhealthy> {
        self.memory_verdict(spec)
            .or_else(|| self.check_verdict(spec))
            .or_else(|| self.progress_verdict(spec))
            .or_else(|| self.tree_verdict(spec))
            .or_else(|| self.watchdog_verdict(now))
    }

    fn check_verdict(&self, spec: &HealthSpec) -> Option<Unhealthy> {
        self.check.as_ref()?.verdict(spec.check.as_ref()?)
    }

    fn progress_verdict(&self, spec: &HealthSpec) -> Option<Unhealthy> {
        self.progress.as_ref()?.verdict(spec.progress.as_ref()?)
    }

    /// The reason for which a run is unhealthy before it is ready: only its memory and the number
    /// of its processes count.
    pub(crate) fn early_verdict(&self, spec: &HealthSpec) -> Option<Unhealthy> {
        self.memory_verdict(spec).or_else(|| self.tree_verdict(spec))
    }

    fn memory_verdict(&self, spec: &HealthSpec) -> Option<Unhealthy> {
        self.memory.as_ref()?.verdict(spec.memory.as_ref()?)
    }

    fn tree_verdict(&self, spec: &HealthSpec) -> Option<Unhealthy> {
        self.tree.as_ref()?.verdict(spec.tree.as_ref()?)
    }

    fn watchdog_verdict(&self, now: Mono) -> Option<Unhealthy> {
        let Watchdog { at, within } = self.watchdog?;
        (now >= at).then_some(Unhealthy::Silent { since: within })
    }

    /// Whether a recent sample showed progress.
    fn gets_on(&self, spec: &ProgressSpec, now: Mono) -> bool {
        self.progress.as_ref().is_some_and(|progress| progress.gets_on(spec, now))
    }
}

/// A pseudo-random delay up to `most`, different for each run and check. It spreads the checks of
/// servers that were started together.
fn jitter(most: Duration, run: RunId, asked: u64) -> Duration {
    let mixed = (run.0 ^ asked.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    most.mul_f64(f64::from(u32::try_from(mixed).unwrap_or(0)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn checks_of_many_servers_are_spread_over_the_jitter() {
        let most = Duration::from_secs(8);
        let first: BTreeSet<Duration> = (1..=100).map(|run| jitter(most, RunId(run), 0)).collect();
        let later: BTreeSet<Duration> =
            (0..100).map(|asked| jitter(most, RunId(1), asked)).collect();
        for spread in [first, later] {
            assert!(spread.len() > 90, "{spread:?}");
            assert!(spread.iter().all(|time| *time <= most), "{spread:?}");
            let quarters: BTreeSet<u64> = spread.iter().map(|time| time.as_secs() / 2).collect();
            assert!(quarters.is_superset(&(0..4).collect()), "{spread:?}");
        }
        assert_eq!(jitter(Duration::ZERO, RunId(1), 0), Duration::ZERO);
    }
}
