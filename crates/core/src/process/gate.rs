//! Conditions that delay a start: programs that it depends on, and servers elsewhere that must
//! accept connections.
//!
//! ```text
//!   wanted ──> Dependencies ── all are up ─────> Targets ── all accept ──> Open: spawn
//!                  │ one never comes up             │ timeout
//!                  └──────────────> Fatal <─────────┘
//! ```
//!
//! A program waits for its dependencies at boot, when its group is added and when one request
//! starts several programs. A later crash of a dependency does not hold back the programs that
//! depend on it. A program waits for its targets before every start. The wait itself does not count
//! as a failure.

use std::time::Duration;

use super::deaths::Deaths;
use super::{AfterExit, AfterStop, Intent, Process, State, Transition};
use crate::asking::Asking;
use crate::effect::Effect;
use crate::failure::Class;
use crate::health::Unreached;
use crate::ids::RunId;
use crate::line::{GaveUp, Line};
use crate::report::{Cause, Next};
use crate::spec::start::{Dependency, Until, WaitSpec};
use crate::time::Mono;

/// Time limit for one connection attempt.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Time from one attempt to the next.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Time that the core waits beyond an attempt's own limit. The daemon normally reports a timeout
/// itself; after this time the core assumes one.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// The log repeats the same wait at most this often.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// The condition that delays a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Nothing delays the start.
    Open,
    /// Dependencies that were not up when the core last checked. An empty list means that it has
    /// not checked yet.
    Dependencies { missing: Vec<Dependency> },
    /// Servers that have not all accepted a connection yet.
    Targets(Box<Waiting>),
}

/// A wait for servers elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    since: Mono,
    /// When the wait fails.
    until: Mono,
    asking: Asking,
    /// The server that did not accept at the latest attempt.
    last: Option<Unreached>,
    /// When the log last reported that server.
    told_at: Option<Mono>,
    /// The wait up to this time is already part of [`History::waited`](super::History::waited).
    counted: Mono,
}

/// The state of a dependency, from the point of view of the programs that depend on it; the best
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It has reached the required state.
    There,
    /// It is starting, or will start by itself.
    Coming,
    /// It stays stopped until an operator starts it.
    Resting,
    /// It will never reach the required state by itself.
    Lost,
}

/// How an operator's start request treats the program's dependencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ByOrder {
    /// All dependencies are up.
    Start,
    /// Some are still starting; the program waits for them.
    Wait,
    /// These are not up, and the program starts without them.
    Overrule(Vec<Dependency>),
}

impl Waiting {
    /// Returns the time that has passed since the previous call.
    fn count(&mut self, now: Mono) -> Duration {
        let before = std::mem::replace(&mut self.counted, now);
        now - before
    }
}

impl Gate {
    /// Opens the gate. Returns the part of a wait for servers that has not been counted yet.
    pub(super) fn open(&mut self, now: Mono) -> Duration {
        match std::mem::replace(self, Self::Open) {
            Self::Targets(mut waiting) => waiting.count(now),
            Self::Open | Self::Dependencies { .. } => Duration::ZERO,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        match self {
            Self::Open | Self::Dependencies { .. } => None,
            Self::Targets(waiting) => Some(waiting.asking.at().min(waiting.until)),
        }
    }
}

impl Process {
    /// Starts the program once its dependencies are up.
    pub(crate) fn start_with_others(&mut self, cx: &mut Transition<'_>) {
        if self.spec.start.depends_on.is_empty() {
            return self.start(cx);
        }
        self.gate = Gate::Dependencies { missing: Vec::new() };
        self.want_start(cx);
    }

    /// Marks the program as due to start once nothing delays it.
    pub(super) fn want_start(&mut self, cx: &mut Transition<'_>) {
        match self.state {
            State::Stopped { intent: Intent::Rest } | State::Fatal { .. } => {
                self.enter(State::Stopped { intent: Intent::Run }, cx);
            }
            State::Stopped { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. } => {}
        }
    }

    /// Whether the program is due to start but has not been spawned.
    pub(super) const fn wants_start(&self) -> bool {
        matches!(
            self.state,
            State::Backoff { .. }
                | State::Stopped { intent: Intent::Run }
                | State::Exited { after: AfterExit::Run { .. }, .. }
                | State::Stopping { after: AfterStop::Run, .. }
        )
    }

    /// Whether the program waits only for its dependencies.
    pub(crate) const fn waits_for_others(&self) -> bool {
        let down = self.pid().is_none() && !self.tree.is_busy();
        down && matches!(self.gate, Gate::Dependencies { .. })
    }

    /// The programs or servers that the start waits for, as text.
    pub(crate) fn waits_for(&self) -> Option<String> {
        match &self.gate {
            Gate::Open => None,
            Gate::Dependencies { missing } => Some(list(missing)),
            Gate::Targets(waiting) => match &waiting.last {
                Some(last) => Some(last.to_string()),
                None => self.spec.start.wait_for.as_ref().map(|wait| list(&wait.targets)),
            },
        }
    }

    /// Notes the dependencies that are not up, and logs them the first time.
    pub(crate) fn waits_on(&mut self, found: Vec<Dependency>, cx: &mut Transition<'_>) {
        let Gate::Dependencies { missing } = &mut self.gate else { return };
        let first = missing.is_empty();
        *missing = found;
        if first {
            let programs = missing.iter().map(ToString::to_string).collect();
            cx.log(Line::WaitsForPrograms { name: self.name(), programs });
        }
    }

    /// Starts the program because all of its dependencies are up.
    pub(crate) fn no_longer_waits(&mut self, cx: &mut Transition<'_>) {
        self.gate = Gate::Open;
        self.start(cx);
    }

    /// Starts this program, the first of `circle`, because the programs of a circle would wait for
    /// each other forever.
    pub(crate) fn leaves_circle(&mut self, circle: Vec<String>, cx: &mut Transition<'_>) {
        cx.log(Line::WaitsInCircle { name: self.name(), circle });
        self.no_longer_waits(cx);
    }

    /// Applies an operator's start request to the gate.
    pub(super) fn pass_gate(&mut self, by: ByOrder, cx: &mut Transition<'_>) {
        match (by, &self.gate) {
            (ByOrder::Wait, Gate::Open) => {
                self.gate = Gate::Dependencies { missing: Vec::new() };
            }
            (ByOrder::Wait, Gate::Dependencies { .. } | Gate::Targets(_)) => {}
            // A gate that waits for servers has already passed the dependencies.
            (ByOrder::Start | ByOrder::Overrule(_), Gate::Targets(_)) => {}
            (ByOrder::Start, Gate::Open | Gate::Dependencies { .. }) => self.gate = Gate::Open,
            (ByOrder::Overrule(missing), Gate::Open | Gate::Dependencies { .. }) => {
                self.gate = Gate::Open;
                let programs = missing.iter().map(ToString::to_string).collect();
                cx.log(Line::WaitOverruled { name: self.name(), programs });
            }
        }
    }

    /// Whether an operator's start request leads to a spawn immediately.
    pub(super) fn can_spawn_at_once(&self, by: &ByOrder, now: Mono) -> bool {
        let passes = match by {
            ByOrder::Wait => false,
            ByOrder::Start | ByOrder::Overrule(_) => true,
        };
        let waits = self.has_to_await(now) || self.spec.start.wait_for.is_some();
        passes && self.tree.is_clear() && !waits
    }

    /// Gives up on the program because a dependency will never come up.
    pub(crate) fn lost(&mut self, dependency: &Dependency, cx: &mut Transition<'_>) {
        self.cannot_start(GaveUp::DependencyLost(dependency.to_string()), cx);
    }

    fn cannot_start(&mut self, why: GaveUp, cx: &mut Transition<'_>) {
        // The exits and output of an earlier run did not cause this failure.
        (self.deaths, self.last_line) = (Deaths::default(), None);
        self.history.error = Some(why.to_string());
        self.file_report(None, Cause::Spawn(why.to_string()), Next::GiveUp, cx);
        self.give_up(why, None, (1, Class::Spawn), cx);
    }

    /// Asks the daemon to connect to all of the servers that the program waits for.
    pub(super) fn ask_targets(&mut self, wait: &WaitSpec, cx: &mut Transition<'_>) {
        let now = cx.now;
        let asked = Asking::Asked { until: now + CONNECT_LIMIT + ANSWER_GRACE };
        match &mut self.gate {
            Gate::Targets(waiting) => waiting.asking = asked,
            gate @ (Gate::Open | Gate::Dependencies { .. }) => {
                *gate = Gate::Targets(Box::new(Waiting {
                    since: now,
                    until: now + wait.timeout,
                    asking: asked,
                    last: None,
                    told_at: None,
                    counted: now,
                }));
            }
        }
        cx.effects.push(Effect::Connect { proc: self.named.proc, run: self.next_run() });
    }

    /// Ends a wait for servers, because the configuration names others or none. The start, which is
    /// due, waits for the new ones.
    pub(super) fn forget_targets(&mut self, cx: &Transition<'_>) {
        if let Gate::Targets(_) = self.gate {
            self.history.waited += self.gate.open(cx.now);
        }
    }

    /// The id that the next run gets.
    pub(super) const fn next_run(&self) -> RunId {
        RunId(self.runs + 1)
    }

    /// Takes the result of connecting to the servers that the program waits for.
    pub(crate) fn connected(&mut self, result: Result<(), Unreached>, cx: &mut Transition<'_>) {
        let (name, now) = (self.name(), cx.now);
        let Gate::Targets(waiting) = &mut self.gate else { return };
        let Asking::Asked { .. } = waiting.asking else { return };
        self.history.waited += waiting.count(now);
        match result {
            Ok(()) => {
                if waiting.told_at.is_some() {
                    cx.log(Line::TargetsReached { name, after: now - waiting.since });
                }
                self.gate = Gate::Open;
                // An update during this wait may require a cleanup or a wait for the port first.
                if !self.tidies_first(cx) && !self.awaits_place(cx) {
                    self.spawn(cx);
                }
            }
            Err(unreached) => {
                waiting.asking = Asking::Due(now + ASK_AGAIN);
                let known = waiting.last.as_ref() == Some(&unreached);
                let told = waiting.told_at.is_some_and(|at| known && now - at < REMIND_EVERY);
                waiting.last = Some(unreached.clone());
                if !told {
                    waiting.told_at = Some(now);
                    let left = waiting.until - now;
                    cx.log(Line::WaitsForTarget { name, unreached, left });
                }
            }
        }
    }

    /// Checks the deadlines of the wait.
    pub(super) fn tick_gate(&mut self, cx: &mut Transition<'_>) {
        let Gate::Targets(waiting) = &mut self.gate else { return };
        self.history.waited += waiting.count(cx.now);
        let spec = std::rc::Rc::clone(&self.spec);
        let Some(wait) = &spec.start.wait_for else { return };
        let (Asking::Due(at) | Asking::Asked { until: at }) = waiting.asking;
        if cx.now >= waiting.until {
            let target = match &waiting.last {
                Some(last) => last.to_string(),
                None => list(&wait.targets),
            };
            self.cannot_start(GaveUp::TargetUnreached { target, within: wait.timeout }, cx);
        } else if cx.now >= at {
            self.ask_targets(wait, cx);
        }
    }

    /// The state of this program for a program that depends on it with the condition `until`.
    pub(crate) fn standing(&self, until: Until) -> Standing {
        match (&self.state, until) {
            (State::Running { .. }, Until::Started) => Standing::There,
            (State::Running { .. }, Until::Ready) if self.is_ready() => Standing::There,
            // A program that exited had been RUNNING.
            (State::Exited { after: AfterExit::Rest, .. }, Until::Started) => Standing::There,
            (State::Exited { exit, after: AfterExit::Rest }, Until::Completed)
                if self.expects(*exit) =>
            {
                if self.tree.is_clear() {
                    Standing::There
                } else {
                    Standing::Coming
                }
            }
            (State::Exited { after: AfterExit::Rest, .. }, Until::Ready | Until::Completed) => {
                Standing::Lost
            }
            (State::Fatal { .. }, _) => {
                if self.gave_up() {
                    Standing::Lost
                } else {
                    Standing::Resting
                }
            }
            (
                State::Stopped { intent: Intent::Rest }
                | State::Exited { after: AfterExit::Held, .. }
                | State::Spawning { intent: Intent::Rest, .. }
                | State::Stopping { after: AfterStop::Rest, .. },
                _,
            ) => Standing::Resting,
            (
                State::Stopped { intent: Intent::Run }
                | State::Exited { after: AfterExit::Run { .. }, .. }
                | State::Spawning { intent: Intent::Run, .. }
                | State::Stopping { after: AfterStop::Run | AfterStop::Fail(_), .. }
                | State::Starting { .. }
                | State::Backoff { .. }
                | State::Running { .. },
                _,
            ) => Standing::Coming,
        }
    }
}

fn list(things: &[impl std::fmt::Display]) -> String {
    things.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
