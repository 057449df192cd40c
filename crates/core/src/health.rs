//! Whether a run is healthy: its answers to checks, its progress, its number of processes.
//!
//! ```text
//!   asked ──> passes ─────────────────────────────> healthy
//!     │ refused, bad status, bad body ──> counted ──> N in a row: unhealthy
//!     └ timed out ── and it gets on with its work: excused
//!                 ├─ and does nothing else, while its tree is busy and no counter says
//!                 │  that it is idle: counted, but unhealthy only after a longer patience
//!                 └─ otherwise: counted
//!   requests under way, nothing done, or no page in time, for a while ──> unhealthy
//!   fewer of its processes than there were, for a while, ready or not ──> unhealthy
//!   more memory than it may use, twice in a row, ready or not ──> unhealthy
//!   no sign of life within the time that it promised ──> unhealthy
//!
//!   silent ──> can it write its output? ── no: no restart, and a line
//!                                       └─ yes: unhealthy
//! ```
//!
//! A server that is busy is not dead: while it gets on with its work, not answering in
//! time is no reason to end it. All deadlines are those of one run; they go with it.

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

/// How often a process is asked whether it is ready, unless it is asked more often anyway.
const STARTUP_INTERVAL: Duration = Duration::from_secs(1);

/// For how long the supervisor does not repeat that a check fails in the same way, of a
/// server that starts, or is known to be unhealthy. It may be checked every second, for hours.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// Every server refuses connections for its first moments. The supervisor reports failed
/// checks of a server that starts from then on.
const NOT_YET_AFTER: Duration = Duration::from_secs(5);

/// How much later than it had to come an answer may come. The world keeps its times; this
/// is for when it doesn't.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// How much a server has to do and has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Requests under way, for which something should be done.
    pub running: u64,
    /// Requests that wait, perhaps for another server.
    pub waiting: u64,
    /// What was done since it started, in whatever is counted.
    pub done: u64,
}

/// What came of a look at how far a server has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressSample {
    /// This was seen.
    Seen(Progress),
    /// Its page was not there in time.
    Late,
    /// There is a page, and nothing to be seen on it.
    Nothing,
    /// There is no page, for this reason.
    Failed(CheckFailure),
}

/// What is to be found out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Check {
        /// Which process answers is to be found out as well.
        find_listener: bool,
    },
    Progress,
    Tree,
    Memory,
}

/// What is known of the health of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    check: Option<Checking>,
    progress: Option<Progressing>,
    tree: Option<Counting>,
    memory: Option<Measuring>,
    watchdog: Option<Watchdog>,
    /// It says that it is about to end.
    leaving: bool,
    /// Why it is unhealthy, as was logged.
    unhealthy: Option<Unhealthy>,
    output: OutputSeen,
    condemned: Option<Condemned>,
}

/// A run that the supervisor will stop as unhealthy, once diagnostics have been collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condemned {
    pub(crate) unhealthy: Unhealthy,
    /// By then it will have been looked into.
    pub(crate) until: Mono,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Healthy,
    /// For the first time in this run, but only the connection could be checked.
    Connects,
    /// It did not answer in time, and gets on with its work.
    Excused,
    Failed {
        failure: CheckFailure,
        times: u32,
        of: u32,
        /// To be said: it isn't known by now.
        new: bool,
    },
    /// It times out, often enough to be unhealthy, but its tree is busy.
    Busy {
        /// For how long that has been so, and may be.
        since: Duration,
        patience: Duration,
        /// To be said: it isn't known by now.
        new: bool,
    },
    /// It starts, and is not expected to answer yet.
    NotYet {
        failure: CheckFailure,
        /// To be said: it isn't known by now.
        new: bool,
    },
}

/// The next sign of life is due at `at`, which is `within` after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Watchdog {
    at: Mono,
    within: Duration,
}

impl Health {
    /// Of a run that was just started: what tells that it is ready, and its processes. A
    /// only the count notices a worker that dies while the model loads.
    pub(crate) fn of_start(spec: &HealthSpec, now: Mono) -> Self {
        let asks = spec.ready == Ready::Checked;
        let check = spec.check.as_ref().filter(|_| asks).map(|_| Checking::new(now, now));
        let tree = spec.tree.as_ref().map(|tree| Counting::new(now + tree.interval));
        let memory = spec.memory.map(|_| Measuring::new(now + MEMORY_EVERY));
        Self { check, tree, memory, ..Self::default() }
    }

    /// Of this run, which is up from now on. Processes that were missing stay missing.
    pub(crate) fn of_run(self, spec: &HealthSpec, now: Mono) -> Self {
        let proven = self.check.is_some_and(|check| check.proven);
        Self {
            check: spec.check.as_ref().map(|check| {
                let due = now + check.interval;
                if proven { Checking::proven(now, due) } else { Checking::new(now, due) }
            }),
            progress: spec
                .progress
                .as_ref()
                .map(|progress| Progressing::new(now + progress.interval)),
            tree: self.tree,
            memory: self.memory,
            watchdog: spec.watchdog.map(|within| Watchdog { at: now + within, within }),
            // A program that became ready is no longer blocked.
            unhealthy: self
                .unhealthy
                .filter(|unhealthy| self.condemned.is_none() && !unhealthy.is_block()),
            ..Self::default()
        }
    }

    /// When it wants to be ticked next.
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
        // Once it is known to be silent there is nothing to wait for, unless it is to be seen
        // again why.
        let known = self.unhealthy.is_some_and(|unhealthy| !unhealthy.is_block());
        let watchdog = self.watchdog.filter(|_| !known).map(|watchdog| watchdog.at);
        [check, progress, tree, memory, watchdog].into_iter().flatten().min()
    }

    /// Counts questions without an answer by now as timed out.
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

    /// What is to be asked now. What has not been answered in time is asked again.
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

    /// Takes the answer to a check, of one that timed out with what its tree used of the
    /// processors. While it starts, it is asked sooner again.
    pub(crate) fn checked(
        &mut self,
        spec: &HealthSpec,
        (run, starting): (RunId, bool),
        now: Mono,
        (result, load): (Result<CheckAnswer, CheckFailure>, Option<Load>),
    ) -> Checked {
        let gets_on = spec.progress.as_ref().is_some_and(|progress| self.gets_on(progress, now));
        let tells_idle = spec.progress.as_ref().is_some_and(|progress| progress.tells_idle);
        let idle_at = self.progress.as_ref().filter(|_| tells_idle).and_then(Progressing::idle_at);
        let borne = self.is_borne();
        let (Some(check), Some(spec)) = (&mut self.check, &spec.check) else {
            return Checked::Healthy;
        };
        // Each question is answered once; what comes later, or again, says nothing.
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
            // It lives; what it failed before was of the same kind, or has passed.
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
                // Those that make it unhealthy are told one by one, even if they are alike.
                let new = check.is_news(failure, now) || (times <= of && !borne);
                match check.busy_for() {
                    Some(since) if times >= of => Checked::Busy { since, patience, new },
                    Some(_) | None => Checked::Failed { failure, times, of, new },
                }
            }
        }
    }

    /// Whether it is to be said that there is no page: once in a run that never had one.
    pub(crate) fn is_news_of_progress(&mut self) -> bool {
        self.progress.as_mut().is_some_and(Progressing::is_news)
    }

    /// Takes a look at its work.
    pub(crate) fn progressed(&mut self, spec: &ProgressSpec, now: Mono, look: ProgressSample) {
        let Some(progress) = &mut self.progress else { return };
        let Some((seen, moved)) = progress.take(spec, now, look) else { return };
        // Its time-outs were about to be acted upon.
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

    /// Takes a count of its processes.
    pub(crate) fn counted(&mut self, spec: &TreeSpec, starting: bool, now: Mono, count: TreeCount) {
        if let Some(tree) = &mut self.tree {
            tree.take(spec, starting, now, count);
        }
    }

    /// Takes a measurement of its memory, in bytes. Returns what is to be logged of it.
    pub(crate) fn measured(
        &mut self,
        spec: &MemorySpec,
        now: Mono,
        used: Option<u64>,
    ) -> Option<MemoryNews> {
        self.memory.as_mut()?.take(spec, now, used)
    }

    /// It gave a sign of life; the next is due after `within`.
    pub(crate) fn pinged(&mut self, within: Duration, now: Mono) {
        self.watchdog = self.watchdog.map(|_| Watchdog { at: now + within, within });
        self.shows_life(|unhealthy| matches!(unhealthy, Unhealthy::Silent { .. }));
    }

    /// Decides to stop the run as unhealthy. No question follows.
    pub(crate) const fn condemn(&mut self, unhealthy: Unhealthy, until: Mono) {
        self.condemned = Some(Condemned { unhealthy, until });
    }

    /// Whether the supervisor will stop it as unhealthy.
    pub(crate) const fn condemned(&self) -> Option<Condemned> {
        self.condemned
    }

    /// Whether all else waits for what is found out about it.
    pub(crate) const fn is_looked_into(&self) -> bool {
        self.condemned.is_some() || self.output_asked_until().is_some()
    }

    /// Notes why it is known to be unhealthy, if it is; whether that it is or isn't is new, or that
    /// its output is no longer to blame.
    pub(crate) fn tell(&mut self, unhealthy: Option<Unhealthy>) -> bool {
        let block = |unhealthy: Option<Unhealthy>| unhealthy.is_some_and(Unhealthy::is_block);
        let new = self.unhealthy.is_some() != unhealthy.is_some()
            || block(self.unhealthy) != block(unhealthy);
        self.unhealthy = unhealthy;
        new
    }

    /// Why it is known to be unhealthy, if it is.
    pub(crate) const fn unhealthy(&self) -> Option<Unhealthy> {
        self.unhealthy
    }

    /// It says that it is about to end.
    pub(crate) const fn leaves(&mut self) {
        self.leaving = true;
    }

    /// Whether clients should send it work, whatever the supervisor does about an unhealthy
    /// server. One failed check does not count, and a hung server that is only observed gets no
    /// work.
    pub(crate) const fn is_healthy(&self) -> bool {
        !self.leaving && self.unhealthy.is_none()
    }

    /// Whether its check has succeeded.
    pub(crate) fn has_passed(&self) -> bool {
        self.check.as_ref().is_some_and(|check| check.last == Some(Ok(())))
    }

    /// Whether its check, which has never succeeded, asks a server that is there for the
    /// wrong thing.
    pub(crate) fn is_checked_wrongly(&self) -> bool {
        self.check.as_ref().is_some_and(Checking::is_wrong)
    }

    /// How its check failed, if it did the last time.
    pub(crate) const fn last_failure(&self) -> Option<CheckFailure> {
        match &self.check {
            Some(Checking { last: Some(Err(failure)), .. }) => Some(*failure),
            Some(Checking { last: Some(Ok(())) | None, .. }) | None => None,
        }
    }

    /// Why it is unhealthy, if it is.
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

    /// Why it is unhealthy, if it is, by all that is judged before it is ready: its memory and
    /// its processes.
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

    /// Whether it was seen to get on with its work, not too long ago.
    fn gets_on(&self, spec: &ProgressSpec, now: Mono) -> bool {
        self.progress.as_ref().is_some_and(|progress| progress.gets_on(spec, now))
    }
}

/// Some time up to `most`, another for each run and question: many servers that were
/// started together needn't all be asked at once.
fn jitter(most: Duration, run: RunId, asked: u64) -> Duration {
    let mixed = (run.0 ^ asked.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    most.mul_f64(f64::from(u32::try_from(mixed).unwrap_or(0)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn checks_of_many_servers_spread_over_the_jitter() {
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
