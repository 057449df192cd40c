//! The health of a run as the model sees it.

mod changed;

use std::time::Duration;

use supervisor_core::health::{
    CheckAnswer, CheckFailure, Listener, Progress, ProgressSample, Unhealthy,
};
use supervisor_core::input::Notification;
use supervisor_core::spec::health::{Action, HealthSpec, ListenerRule};
use supervisor_core::time::Mono;

use crate::invariants::hold;

/// The maximum delay of an answer.
const GRACE: Duration = Duration::from_secs(1);

/// The interval of memory measurements.
const MEMORY_EVERY: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Health {
    check: Asking,
    progress: Asking,
    tree: Asking,
    memory: Asking,
    /// Consecutive failures, and the latest one.
    fails: u32,
    failure: Option<CheckFailure>,
    asked_at: Option<Mono>,
    /// Start of the first failed check, if all failures since are timeouts.
    late_since: Option<Mono>,
    /// Until then it may time out, because its tree was busy.
    borne_until: Option<Mono>,
    failed_at: Option<Mono>,
    /// The check has succeeded in this run.
    passed: bool,
    last: Option<Progress>,
    seen_at: Option<Mono>,
    moved_at: Option<Mono>,
    still_since: Option<Mono>,
    /// How long it has made no progress, and how long processes have been missing.
    still: Duration,
    fewer: Duration,
    alive: u32,
    most: u32,
    fewer_since: Option<Mono>,
    /// Consecutive measurements above the memory limit.
    over: u32,
    /// The latest measurement caused a warning, and the one before it did not.
    pub(crate) memory_news: bool,
    memory_high: bool,
    /// The deadline of the next watchdog message.
    sign_by: Option<Mono>,
    sign_within: Duration,
    /// The deadline for the question whether its output is blocked.
    pub(crate) looking: Option<Mono>,
    /// A blocked output explains the silence, and the missing activity has not happened since.
    pub(crate) borne: bool,
    /// The missing activity.
    lacks: Lack,
    /// The output was found not to be blocked in this turn.
    pub(crate) free: bool,
    pub(crate) leaving: bool,
    /// The log says that it is unhealthy.
    pub(crate) told: bool,
    /// The log says that its output is blocked.
    pub(crate) told_block: bool,
    pub(crate) condemned: Option<Condemned>,
}

/// The activity that a silent process lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lack {
    #[default]
    Readiness,
    Answer,
    Work,
    Sign,
}

/// The state of a repeated question.
#[derive(Clone, Copy, Debug, Default)]
struct Asking {
    /// The core must ask by then.
    by: Option<Mono>,
    /// The core has asked and must not ask again before this.
    open: Option<Mono>,
    not_before: Option<Mono>,
}

/// A run that will be stopped because it is unhealthy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condemned {
    pub(crate) unhealthy: Unhealthy,
    /// The deadline of the stop.
    pub(crate) by: Mono,
    pub(crate) collected: bool,
}

impl Asking {
    fn due(at: Mono) -> Self {
        Self { by: Some(at), open: None, not_before: Some(at) }
    }

    fn asked(&mut self, what: &str, now: Mono, timeout: Duration) {
        let early = self.open.or(self.not_before).is_none_or(|at| now < at);
        hold!(!early, AsksInTime, "{what} is requested too early: {self:?}");
        *self =
            Self { by: Some(now + timeout + GRACE), open: Some(now + timeout), not_before: None };
    }

    fn answered(&mut self, now: Mono, (least, most): (Duration, Duration)) {
        *self = Self { by: Some(now + most), open: None, not_before: Some(now + least) };
    }
}

impl Health {
    pub(crate) fn starting(check_at: Option<Mono>, spec: &HealthSpec, now: Mono) -> Self {
        Self {
            memory: spec.memory.map(|_| Asking::due(now + MEMORY_EVERY)).unwrap_or_default(),
            check: check_at.map(Asking::due).unwrap_or_default(),
            tree: (spec.tree.as_ref())
                .map(|tree| Asking::due(now + tree.interval))
                .unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The health of a run that is up. The known number of processes stays.
    pub(crate) fn running(start: &Self, spec: &HealthSpec, now: Mono) -> Self {
        let due = |interval: Option<Duration>| {
            interval.map(|interval| Asking::due(now + interval)).unwrap_or_default()
        };
        Self {
            check: due(spec.check.as_ref().map(|check| check.interval)),
            progress: due(spec.progress.as_ref().map(|progress| progress.interval)),
            sign_by: spec.watchdog.map(|within| now + within),
            sign_within: spec.watchdog.unwrap_or_default(),
            tree: start.tree,
            fewer: start.fewer,
            alive: start.alive,
            most: start.most,
            fewer_since: start.fewer_since,
            memory: start.memory,
            over: start.over,
            memory_high: start.memory_high,
            told: start.told && start.condemned.is_none() && !start.told_block,
            passed: start.passed,
            ..Self::default()
        }
    }

    /// When a question or a sign of activity is due.
    pub(crate) fn due(&self) -> Option<Mono> {
        if self.looking.is_some() {
            return self.looking;
        }
        let sign_by = self.sign_by.filter(|_| !self.told || self.told_block);
        [self.check.by, self.progress.by, self.tree.by, self.memory.by, sign_by]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether a question or an answer is overdue.
    pub(crate) fn overdue(&self, now: Mono) -> bool {
        let over = |asking: &Asking| asking.by.is_some_and(|by| by <= now);
        [self.check, self.progress, self.tree, self.memory].iter().any(over)
    }

    pub(crate) fn check_asked(&mut self, spec: &HealthSpec, now: Mono, listener: bool) {
        let Some(check) = &spec.check else { return };
        let wanted = check.listener == ListenerRule::Own && !self.passed;
        hold!(listener == wanted, AsksInTime, "the check looks for the listener: {listener}");
        hold!(self.check.by.is_some(), AsksInTime, "a check that is not configured is requested");
        self.check.asked("a check", now, check.timeout);
        self.asked_at = Some(now);
    }

    /// Counts an overdue check as timed out.
    pub(crate) fn lapse(&mut self, spec: &HealthSpec, now: Mono) {
        if self.looking.is_some_and(|until| now >= until) {
            self.is_free();
        }
        if self.looking.is_some() {
            return;
        }
        if self.check.open.is_some() && self.check.by.is_some_and(|by| now >= by) {
            self.check = Asking::due(now);
            self.failed(spec, CheckFailure::TimedOut, now, false);
        }
    }

    pub(crate) fn progress_asked(&mut self, spec: &HealthSpec, now: Mono) {
        let Some(progress) = &spec.progress else { return };
        self.progress.asked("progress", now, progress.timeout);
    }

    pub(crate) fn tree_asked(&mut self, spec: &HealthSpec, now: Mono) {
        let Some(tree) = &spec.tree else { return };
        self.tree.asked("the tree", now, tree.interval);
    }

    pub(crate) fn memory_asked(&mut self, spec: &HealthSpec, now: Mono) {
        hold!(spec.memory.is_some(), AsksInTime, "memory without a limit is measured");
        self.memory.asked("memory", now, MEMORY_EVERY);
    }

    pub(crate) fn measured(&mut self, spec: &HealthSpec, now: Mono, used: Option<u64>) {
        let Some(memory) = spec.memory.filter(|_| self.memory.open.is_some()) else { return };
        self.memory.answered(now, (MEMORY_EVERY, MEMORY_EVERY));
        let over = used.is_some_and(|used| used > memory.limit);
        self.over = if over { self.over + 1 } else { 0 };
        let high = used.is_none_or(|used| used >= memory.warn);
        self.memory_news = high && !self.memory_high;
        self.memory_high = high;
    }

    /// Whether two consecutive measurements were above the memory limit.
    pub(crate) const fn uses_too_much(&self) -> bool {
        self.over >= 2
    }

    /// Takes the result of a check. Returns whether an awaited check succeeded.
    pub(crate) fn checked(
        &mut self,
        spec: &HealthSpec,
        starting: bool,
        now: Mono,
        (result, busy): (Result<CheckAnswer, CheckFailure>, bool),
    ) -> bool {
        let Some(check) = spec.check.as_ref().filter(|_| self.check.open.is_some()) else {
            return false;
        };
        let second = Duration::from_secs(1);
        let interval = if starting { check.interval.min(second) } else { check.interval };
        self.check.answered(now, (interval, interval + check.jitter));
        let result = match (result, check.listener) {
            (Ok(CheckAnswer { from: Listener::Stranger(stranger), .. }), ListenerRule::Own) => {
                Err(CheckFailure::Stranger(stranger))
            }
            (result, _) => result,
        };
        match result {
            Ok(_) => {
                (self.fails, self.failure, self.passed) = (0, None, true);
                self.lives(Lack::Answer);
            }
            Err(failure) => self.failed(spec, failure, now, busy && !starting),
        }
        result.is_ok()
    }

    fn failed(&mut self, spec: &HealthSpec, failure: CheckFailure, now: Mono, busy: bool) {
        let late = failure == CheckFailure::TimedOut;
        if late && self.moves(spec, now) {
            return self.fails = 0;
        }
        if self.fails == 0 {
            self.late_since = self.asked_at;
        }
        self.late_since = self.late_since.filter(|_| late);
        (self.fails, self.failure, self.failed_at) = (self.fails + 1, Some(failure), Some(now));
        let patience = spec.check.as_ref().map_or(Duration::ZERO, |check| check.patience);
        let tells = spec.progress.as_ref().is_some_and(|progress| progress.tells_idle);
        let idle = tells
            && self.last.is_some_and(|last| (last.running, last.waiting) == (0, 0))
            && self.seen_at >= self.late_since;
        let borne = self.late_since.filter(|_| busy && !idle);
        self.borne_until = borne.map(|since| since + patience);
    }

    /// Whether it has only timed out and its tree was busy.
    fn is_borne(&self) -> bool {
        self.fails > 0 && self.failed_at < self.borne_until
    }

    /// Whether the check has never succeeded and its target does not exist.
    pub(crate) fn is_asked_wrongly(&self) -> bool {
        !self.passed && self.failure == Some(CheckFailure::Status(404))
    }

    /// Whether a recent sample showed progress.
    fn moves(&self, spec: &HealthSpec, now: Mono) -> bool {
        let stalled = spec.progress.as_ref().map(|progress| progress.stalled);
        stalled.is_some_and(|stalled| self.moved_at.is_some_and(|at| now - at < stalled))
    }

    pub(crate) fn progressed(&mut self, spec: &HealthSpec, now: Mono, look: ProgressSample) {
        let Some(progress) = spec.progress.as_ref().filter(|_| self.progress.by.is_some()) else {
            return;
        };
        self.progress.answered(now, (progress.interval, progress.interval));
        // A metrics page that does not answer counts as unchanged.
        let seen = match look {
            ProgressSample::Seen(seen) => {
                self.seen_at = Some(now);
                Some(seen)
            }
            ProgressSample::Late => self.last,
            ProgressSample::Nothing | ProgressSample::Failed(_) => None,
        };
        let Some(seen) = seen else { return };
        let moved = self.last.is_some_and(|last| last.done != seen.done);
        if moved {
            self.moved_at = Some(now);
        }
        let still = !moved && seen.running > 0;
        self.still_since = if still { self.still_since.or(Some(now)) } else { None };
        self.still = self.still_since.map_or(Duration::ZERO, |since| now - since);
        self.last = Some(seen);
        if moved && self.looking.is_some() && self.failure == Some(CheckFailure::TimedOut) {
            self.fails = 0;
        }
        if moved || look == ProgressSample::Seen(seen) && seen.running == 0 {
            self.lives(Lack::Work);
        }
    }

    fn lives(&mut self, there: Lack) {
        if self.lacks == there {
            (self.looking, self.borne) = (None, false);
        }
    }

    fn is_free(&mut self) {
        (self.looking, self.borne, self.free) = (None, false, true);
    }

    /// The missing activity, if the process is unhealthy because of it.
    fn silent(&self, spec: &HealthSpec, now: Mono, (up, late): (bool, bool)) -> Option<Lack> {
        if !up {
            return late.then_some(Lack::Readiness);
        }
        if self.uses_too_much() {
            return None;
        }
        let check = spec.check.as_ref().filter(|check| self.fails >= check.failures);
        let borne = self.is_borne() || self.is_asked_wrongly();
        if let (Some(_), Some(failure), false) = (check, self.failure, borne) {
            let answers = matches!(
                failure,
                CheckFailure::Status(_)
                    | CheckFailure::Body
                    | CheckFailure::Unresolved
                    | CheckFailure::Stranger(_)
            );
            return (!answers).then_some(Lack::Answer);
        }
        if spec.progress.as_ref().is_some_and(|spec| self.still >= spec.stalled) {
            return Some(Lack::Work);
        }
        let silent = !self.is_incomplete(spec) && self.sign_by.is_some_and(|by| now >= by);
        silent.then_some(Lack::Sign)
    }

    /// Expects the question whether the output is blocked.
    pub(crate) fn look_at_output(&mut self, spec: &HealthSpec, now: Mono, when: (bool, bool)) {
        let Some(lacks) = self.silent(spec, now, when) else {
            return hold!(false, UnhealthyForACause, "its output is examined: {self:?}");
        };
        self.lacks = lacks;
        let once = self.looking.is_none() && !self.free;
        hold!(once, UnhealthyIsActedUpon, "its output is examined again: {self:?}");
        self.looking = Some(now + GRACE);
    }

    /// Takes the state of the output. Returns whether the core had asked.
    pub(crate) fn output_seen(&mut self, now: Mono, blocked: bool) -> bool {
        if self.looking.is_none() {
            return false;
        }
        if !blocked {
            self.is_free();
            return true;
        }
        // All deadlines begin again.
        (self.looking, self.borne) = (None, true);
        (self.told, self.told_block) = (true, true);
        (self.fails, self.late_since, self.borne_until) = (0, None, None);
        (self.still_since, self.still) = (None, Duration::ZERO);
        self.sign_by = self.sign_by.map(|_| now + self.sign_within);
        true
    }

    pub(crate) fn counted(&mut self, spec: &HealthSpec, now: Mono, alive: u32) {
        let Some(tree) = spec.tree.as_ref().filter(|_| self.tree.by.is_some()) else { return };
        self.tree.answered(now, (tree.interval, tree.interval));
        (self.alive, self.most) = (alive, self.most.max(alive));
        let fewer = alive < self.most;
        self.fewer_since = if fewer { self.fewer_since.or(Some(now)) } else { None };
        self.fewer = self.fewer_since.map_or(Duration::ZERO, |since| now - since);
    }

    pub(crate) fn notified(&mut self, spec: &HealthSpec, said: &Notification, now: Mono) {
        self.leaving |= said.stopping;
        let ping = said.watchdog || said.watchdog_every.is_some();
        let promised = said.watchdog_every.or(spec.watchdog).filter(|_| ping);
        if let Some(within) = said.extend.or(promised) {
            self.lives(Lack::Sign);
            if self.sign_by.is_some() {
                (self.sign_by, self.sign_within) = (Some(now + within), within);
            }
        }
    }

    /// Whether processes have been missing for too long.
    pub(crate) fn is_incomplete(&self, spec: &HealthSpec) -> bool {
        spec.tree.as_ref().is_some_and(|tree| self.fewer >= tree.patience)
    }

    /// Whether it is unhealthy while it is up.
    pub(crate) fn is_unhealthy(&self, spec: &HealthSpec, now: Mono) -> bool {
        let check = spec
            .check
            .as_ref()
            .is_some_and(|check| self.failure.is_some() && self.fails >= check.failures)
            && !self.is_borne()
            && !self.is_asked_wrongly();
        let over = |so_long: Duration, limit: Option<Duration>| {
            limit.is_some_and(|limit| so_long >= limit)
        };
        check
            || self.uses_too_much()
            || over(self.still, spec.progress.as_ref().map(|progress| progress.stalled))
            || self.is_incomplete(spec)
            || self.sign_by.is_some_and(|by| now >= by)
    }

    /// Checks that there is a reason to treat it as unhealthy.
    pub(crate) fn condemn(
        &mut self,
        spec: &HealthSpec,
        unhealthy: Unhealthy,
        now: Mono,
        (up, late): (bool, bool),
    ) {
        let silent = self.silent(spec, now, (up, late)).is_some();
        let blocked = silent && !self.free;
        hold!(!blocked, BlockedIsNotHung, "it is condemned for {unhealthy:?}: {self:?}");
        let cause = match unhealthy {
            Unhealthy::Blocked(_) => false,
            Unhealthy::NotReady { last, .. } => {
                late && last == self.failure && !self.is_asked_wrongly()
            }
            Unhealthy::Check { failure, .. } => {
                let busy = failure == CheckFailure::TimedOut && self.moves(spec, now);
                let busy = busy || self.is_borne();
                hold!(!busy, BusyIsNotDead, "it is condemned for timeouts: {self:?}");
                hold!(!self.is_asked_wrongly(), UnhealthyForACause, "its check is wrong: {self:?}");
                let limit = spec.check.as_ref().map_or(u32::MAX, |check| check.failures);
                up && self.failure == Some(failure) && self.fails >= limit
            }
            Unhealthy::Incomplete { .. } => self.is_incomplete(spec),
            Unhealthy::Memory { .. } => self.uses_too_much(),
            Unhealthy::Stalled { .. } | Unhealthy::Silent { .. } => {
                up && self.is_unhealthy(spec, now)
            }
        };
        hold!(cause, UnhealthyForACause, "{unhealthy:?} with {self:?}");
        let limit = matches!(unhealthy, Unhealthy::NotReady { .. } | Unhealthy::Memory { .. });
        let observed = spec.action == Action::Observe && !limit;
        hold!(!observed, UnhealthyForACause, "it was only to be observed");
        hold!(self.condemned.is_none(), UnhealthyForACause, "it is condemned twice");
        let by = now + spec.evidence.limit + GRACE;
        self.condemned = Some(Condemned { unhealthy, by, collected: false });
    }
}
