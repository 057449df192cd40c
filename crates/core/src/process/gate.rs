//! What holds back a start that is wanted: programs that it depends on, and servers elsewhere
//! that must accept connections.
//!
//! ```text
//!   wanted ──> Dependencies ── all are there ──> Targets ── all accept ──> Open: spawn
//!                  │ one will never be there        │ not in time
//!                  └──────────────> Fatal <─────────┘
//! ```
//!
//! Dependencies are waited for at boot, when a group is added and when several are started
//! by one order: a later crash of a program is no reason to hold back those that depend on
//! it. Targets are waited for before every start. The wait itself is no failure.

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

/// How long one connection may take.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// From one attempt to the next.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How much later than it had to come an answer may come. The world keeps its times; this
/// is for when it doesn't.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// For how long the same wait isn't reported again.
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// What holds back a start that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Nothing.
    Open,
    /// Programs that are not where they must be, as was found out last; empty: nobody has
    /// looked yet.
    Dependencies { missing: Vec<Dependency> },
    /// Servers that have not all accepted a connection yet.
    Targets(Waiting),
}

/// A wait for servers elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    since: Mono,
    /// By then it has taken too long.
    until: Mono,
    asking: Asking,
    /// Which did not accept the last time.
    last: Option<Unreached>,
    /// When that was last reported.
    told_at: Option<Mono>,
    /// Until when the wait is part of [`History::waited`](super::History::waited).
    counted: Mono,
}

/// How far a program is from where those that depend on it need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is there.
    There,
    /// It is on its way.
    Coming,
    /// It rests until an operator starts it.
    Resting,
    /// It will never get there by itself.
    Lost,
}

/// What an order to start a process means for those that it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ByOrder {
    /// They are there.
    Start,
    /// They come, and are waited for.
    Wait,
    /// These are not there, and are not waited for.
    Overrule(Vec<Dependency>),
}

impl Waiting {
    /// Returns how long it has lasted since it was last counted.
    fn count(&mut self, now: Mono) -> Duration {
        let before = std::mem::replace(&mut self.counted, now);
        now - before
    }
}

impl Gate {
    /// Opens it. Returns how long a wait for servers has lasted since it was last counted.
    pub(super) fn open(&mut self, now: Mono) -> Duration {
        match std::mem::replace(self, Self::Open) {
            Self::Targets(mut waiting) => waiting.count(now),
            Self::Open | Self::Dependencies { .. } => Duration::ZERO,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        match self {
            Self::Open | Self::Dependencies { .. } => None,
            Self::Targets(Waiting {
                asking: Asking::Due(at) | Asking::Asked { until: at },
                until,
                ..
            }) => Some((*at).min(*until)),
        }
    }
}

impl Process {
    /// Starts it when all that it depends on is there.
    pub(crate) fn start_with_others(&mut self, cx: &mut Transition<'_>) {
        if self.spec.start.depends_on.is_empty() {
            return self.start(cx);
        }
        self.gate = Gate::Dependencies { missing: Vec::new() };
        self.want_start(cx);
    }

    /// Notes that it is to be started as soon as nothing is in its way.
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

    /// Whether a start is wanted that has not begun.
    pub(super) const fn wants_start(&self) -> bool {
        matches!(
            self.state,
            State::Backoff { .. }
                | State::Stopped { intent: Intent::Run }
                | State::Exited { after: AfterExit::Run { .. }, .. }
                | State::Stopping { after: AfterStop::Run, .. }
        )
    }

    /// Whether it waits for programs that it depends on, and for nothing else.
    pub(crate) const fn waits_for_others(&self) -> bool {
        let down = self.pid().is_none() && !self.tree.is_busy();
        down && matches!(self.gate, Gate::Dependencies { .. })
    }

    /// What its start waits for, for people to read.
    pub(crate) fn waits_for(&self) -> Option<String> {
        match &self.gate {
            Gate::Open => None,
            Gate::Dependencies { missing } => Some(list(missing)),
            Gate::Targets(Waiting { last: Some(last), .. }) => Some(last.to_string()),
            Gate::Targets(Waiting { last: None, .. }) => {
                self.spec.start.wait_for.as_ref().map(|wait| list(&wait.targets))
            }
        }
    }

    /// These are not there yet.
    pub(crate) fn waits_on(&mut self, found: Vec<Dependency>, cx: &mut Transition<'_>) {
        let Gate::Dependencies { missing } = &mut self.gate else { return };
        let first = missing.is_empty();
        *missing = found;
        if first {
            let programs = missing.iter().map(ToString::to_string).collect();
            cx.log(Line::WaitsForPrograms { name: self.name(), programs });
        }
    }

    /// All that it depends on is there.
    pub(crate) fn no_longer_waits(&mut self, cx: &mut Transition<'_>) {
        self.gate = Gate::Open;
        self.start(cx);
    }

    /// Those of `circle` wait for each other, and it is the first.
    pub(crate) fn leaves_circle(&mut self, circle: Vec<String>, cx: &mut Transition<'_>) {
        cx.log(Line::WaitsInCircle { name: self.name(), circle });
        self.no_longer_waits(cx);
    }

    /// An operator starts it.
    pub(super) fn pass_gate(&mut self, by: ByOrder, cx: &mut Transition<'_>) {
        match (by, &self.gate) {
            (ByOrder::Wait, Gate::Open) => {
                self.gate = Gate::Dependencies { missing: Vec::new() };
            }
            (ByOrder::Wait, Gate::Dependencies { .. } | Gate::Targets(_)) => {}
            // Who asks for them has been let through before.
            (ByOrder::Start | ByOrder::Overrule(_), Gate::Targets(_)) => {}
            (ByOrder::Start, Gate::Open | Gate::Dependencies { .. }) => self.gate = Gate::Open,
            (ByOrder::Overrule(missing), Gate::Open | Gate::Dependencies { .. }) => {
                self.gate = Gate::Open;
                let programs = missing.iter().map(ToString::to_string).collect();
                cx.log(Line::WaitOverruled { name: self.name(), programs });
            }
        }
    }

    /// Whether an order to start it leads to a spawn with no wait in between.
    pub(super) fn can_spawn_at_once(&self, by: &ByOrder) -> bool {
        let passes = match by {
            ByOrder::Wait => false,
            ByOrder::Start | ByOrder::Overrule(_) => true,
        };
        passes && self.tree.is_clear() && self.spec.start.wait_for.is_none()
    }

    /// One that it depends on will never be there.
    pub(crate) fn lost(&mut self, dependency: &Dependency, cx: &mut Transition<'_>) {
        self.cannot_start(GaveUp::DependencyLost(dependency.to_string()), cx);
    }

    fn cannot_start(&mut self, why: GaveUp, cx: &mut Transition<'_>) {
        // What is known of an earlier run is no reason.
        (self.deaths, self.last_line) = (Deaths::default(), None);
        self.history.error = Some(why.to_string());
        self.file_report(None, Cause::Spawn(why.to_string()), Next::GiveUp, cx);
        self.give_up(why, None, (1, Class::Spawn), cx);
    }

    /// Asks whether all servers that it waits for accept connections.
    pub(super) fn ask_targets(&mut self, wait: &WaitSpec, cx: &mut Transition<'_>) {
        let now = cx.now;
        let asked = Asking::Asked { until: now + CONNECT_LIMIT + ANSWER_GRACE };
        match &mut self.gate {
            Gate::Targets(waiting) => waiting.asking = asked,
            gate @ (Gate::Open | Gate::Dependencies { .. }) => {
                *gate = Gate::Targets(Waiting {
                    since: now,
                    until: now + wait.timeout,
                    asking: asked,
                    last: None,
                    told_at: None,
                    counted: now,
                });
            }
        }
        cx.effects.push(Effect::Connect { proc: self.named.proc, run: self.next_run() });
    }

    /// The run that a start would begin.
    pub(super) const fn next_run(&self) -> RunId {
        RunId(self.runs + 1)
    }

    /// It was tried to connect to the servers that it waits for.
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
                self.spawn(cx);
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

    /// Lets time pass for what it waits for.
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

    /// How far it is from where one that depends on it needs it.
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
