//! What one process should be doing.
//!
//! The model goes by what happened and by the rules as they are written down for people;
//! it knows nothing of how the core keeps its books.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::StateName;
use supervisor_core::failure::Class;
use supervisor_core::health::Unhealthy;
use supervisor_core::ids::{Member, Pid, ProcId};
use supervisor_core::input::{Death, Exit};
use supervisor_core::report::Next;
use supervisor_core::signal::Signal;
use supervisor_core::spec::health::{HealthSpec, Ready};
use supervisor_core::spec::{ProcessSpec, RemoveLeftovers};
use supervisor_core::time::Mono;

use super::backoff::Wait;
use super::drain::Drain;
use super::gate::Targets;
use super::health::Health;

pub(crate) struct Proc {
    pub(crate) id: ProcId,
    pub(crate) group: String,
    pub(crate) listens: bool,
    pub(crate) spec: Rc<ProcessSpec>,
    /// As observers were told.
    pub(crate) told: StateName,
    /// Readiness and health, as operators were told in this run.
    pub(crate) noticed: Option<(bool, &'static str)>,
    /// How often it was started.
    pub(crate) run: u64,
    pub(crate) phase: Phase,
    /// It is to be started.
    pub(crate) pending: Option<Pending>,
    /// Its start waits for other programs.
    pub(crate) waits: bool,
    /// Its start waits for servers.
    pub(crate) targets: Option<Targets>,
    /// When the wait for servers began that is under way.
    pub(crate) waits_since: Option<Mono>,
    /// How long all earlier ones lasted.
    pub(crate) waited: Duration,
    /// It ended as expected the last time.
    pub(crate) ended_as_expected: bool,
    /// It was up once.
    pub(super) ever_up: bool,
    /// Of each failure that still counts, whether the run had been up.
    pub(super) row: Vec<bool>,
    /// When it was started.
    pub(super) starts: Vec<Mono>,
    /// What the last run failed of.
    pub(super) failed_of: Option<(Class, &'static str)>,
    pub(crate) cleanup: Cleanup,
    /// Who was found in its tree.
    pub(crate) known: BTreeSet<Member>,
    /// Those of them that nothing links to it, and that count as its own all the same.
    pub(crate) taken: BTreeSet<Member>,
    /// Its place was made clean before its first start.
    pub(crate) cleared: bool,
    /// When it was last looked at what its present run has open.
    pub(crate) files_seen: Option<Mono>,
    /// Of an end that nobody asked for, until it is reported.
    pub(crate) report: Option<Report>,
    /// Processes of its tree that ended while it ran, the latest last.
    pub(crate) deaths: Vec<(Mono, Death)>,
    /// The stop that is under way, until SIGKILL or the end of the tree.
    pub(crate) drain: Option<Drain>,
    /// The latest main process.
    pub(crate) latest: Pid,
    /// What it left behind comes to SIGKILL by then, as a budget has it.
    pub(crate) kill_by: Option<Mono>,
    /// Those that must be asked to end in this turn.
    pub(crate) must_ask: BTreeSet<Member>,
    /// Its tree must be counted in this turn.
    pub(crate) must_count: bool,
    /// It could not be counted, and is counted again then.
    pub(crate) recount_at: Option<Mono>,
    /// Signals to pass on that were asked for in this turn.
    pub(crate) forwards: Vec<Signal>,
    pub(crate) turn: InTurn,
}

/// What happened in this turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InTurn {
    pub(crate) came_up: bool,
    pub(crate) came_alive: bool,
    pub(crate) came_down: bool,
    /// All that its run left has gone, and its place is to be made clean.
    pub(crate) to_tidy: bool,
    /// It ended, and had been there long enough to count as RUNNING.
    pub(crate) had_been_up: bool,
    pub(crate) failed: bool,
    /// Its devices are lost, and a restart would not help.
    pub(crate) lost: bool,
    /// It failed as before, and a restart would not help.
    pub(crate) repeated: bool,
    /// It was given up before it began.
    pub(crate) not_begun: bool,
    /// Everything was being stopped already.
    pub(crate) ending: bool,
    /// It was to be looked at: is it well?
    pub(crate) watched: bool,
}

#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few of them")]
pub(crate) enum Phase {
    Down {
        state_name: StateName,
        why: Why,
    },
    /// Its start was ordered and not answered. `stop`: it is not wanted any more.
    Asked {
        stop: bool,
    },
    Alive(Alive),
}

/// Why it is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It was told to, or never ran, or will be started.
    Rests,
    /// It had ended and was to be started again, but was told not to.
    Held,
    /// It ended; this is what its end counts for.
    Ended(u8),
    /// It was given up; this is its status.
    GaveUp(u8),
    /// It was ill; this is its status, and whether it ends everything.
    Unhealthy(u8, bool),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Alive {
    pub(crate) pid: Pid,
    pub(crate) since: Mono,
    pub(crate) up_at: Option<Mono>,
    /// It said, or showed, that it is ready.
    pub(crate) ready: bool,
    /// By then it must be ready.
    pub(crate) ready_by: Option<Mono>,
    pub(crate) health: Health,
    /// Its check has succeeded.
    pub(crate) answered: bool,
    /// It is to be asked to stop in this turn.
    pub(crate) to_stop: bool,
    /// The order that stops it starts it again.
    pub(crate) to_restart: bool,
    pub(crate) stop: Option<Stop>,
}

impl Alive {
    /// Whether it is ill by its rules: before it is up, only if it lacks processes.
    pub(crate) fn is_unhealthy(&self, spec: &HealthSpec, now: Mono) -> bool {
        match self.up_at {
            Some(_) => self.health.is_unhealthy(spec, now),
            None => self.health.is_incomplete(spec) || self.health.uses_too_much(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    pub(crate) killed_at: Option<Mono>,
    pub(crate) hurried: bool,
    pub(crate) stuck: bool,
    /// It was asked in this turn.
    pub(crate) fresh: bool,
    pub(crate) intent: Intent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Rest,
    Run,
    Fail(Unhealthy),
}

/// A start that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    pub(crate) not_before: Mono,
    /// By then it is to be, if nothing is in its way.
    pub(crate) latest: Mono,
    /// It follows from its rules, and not from an order.
    pub(crate) by_rule: bool,
    pub(crate) cause: &'static str,
}

/// Where the clean-up stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cleanup {
    Clear,
    /// A stop has lost its main process; [`Proc::drain`] says how it goes on.
    Draining,
    /// `counting`: a census was asked for.
    Busy {
        counting: bool,
        forced: bool,
        asked_at: Option<Mono>,
        killed_at: Option<Mono>,
    },
    Stuck {
        recount_at: Mono,
    },
    /// `for_end`: everything ends, and no start follows.
    Tidying {
        until: Mono,
        for_end: bool,
    },
}

/// What is to be reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) run: u64,
    pub(crate) pid: Option<Pid>,
    /// Who of its tree had ended shortly before.
    pub(crate) forerunner: Option<Pid>,
    pub(crate) class: Class,
    pub(crate) exit: Option<Exit>,
    pub(crate) next: Next,
    /// When the run ended.
    pub(crate) at: Mono,
    /// How long the restart waits that follows.
    pub(crate) wait: Wait,
    pub(crate) uptime: Duration,
}

impl Alive {
    /// It is up, and to be given work.
    pub(crate) fn is_ready(&self) -> bool {
        let well = !self.health.leaving && !self.health.told && self.health.condemned.is_none();
        self.stop.is_none() && self.up_at.is_some() && well
    }
}

impl Cleanup {
    /// By SIGKILL from now on.
    pub(crate) const fn forced(counting: bool) -> Self {
        Self::Busy { counting, forced: true, asked_at: None, killed_at: None }
    }
}

impl Alive {
    /// What it does after its stop, if that was ordered.
    pub(crate) const fn intent(&self) -> Option<Intent> {
        match (self.stop, self.to_stop, self.to_restart) {
            (Some(stop), ..) => Some(stop.intent),
            (None, true, true) => Some(Intent::Run),
            (None, true, false) => Some(Intent::Rest),
            (None, false, _) => None,
        }
    }
}

impl Proc {
    pub(crate) fn new(id: ProcId, group: &str, listens: bool, spec: Rc<ProcessSpec>) -> Self {
        Self {
            id,
            group: group.to_owned(),
            listens,
            spec,
            told: StateName::Stopped,
            noticed: None,
            run: 0,
            phase: Phase::Down { state_name: StateName::Stopped, why: Why::Rests },
            pending: None,
            waits: false,
            targets: None,
            waits_since: None,
            waited: Duration::ZERO,
            ended_as_expected: false,
            ever_up: false,
            row: Vec::new(),
            starts: Vec::new(),
            failed_of: None,
            cleanup: Cleanup::Clear,
            known: BTreeSet::new(),
            taken: BTreeSet::new(),
            deaths: Vec::new(),
            cleared: false,
            files_seen: None,
            report: None,
            drain: None,
            latest: Pid(0),
            kill_by: None,
            must_ask: BTreeSet::new(),
            must_count: false,
            recount_at: None,
            forwards: Vec::new(),
            turn: InTurn::default(),
        }
    }

    pub(crate) const fn state_name(&self) -> StateName {
        match &self.phase {
            Phase::Down { state_name, .. } => *state_name,
            Phase::Asked { .. } => StateName::Starting,
            Phase::Alive(Alive { stop: Some(_), .. }) => StateName::Stopping,
            Phase::Alive(Alive { up_at: Some(_), .. }) => StateName::Running,
            Phase::Alive(_) => StateName::Starting,
        }
    }

    pub(crate) const fn alive(&self) -> Option<&Alive> {
        match &self.phase {
            Phase::Alive(alive) => Some(alive),
            Phase::Down { .. } | Phase::Asked { .. } => None,
        }
    }

    pub(crate) const fn alive_mut(&mut self) -> Option<&mut Alive> {
        match &mut self.phase {
            Phase::Alive(alive) => Some(alive),
            Phase::Down { .. } | Phase::Asked { .. } => None,
        }
    }

    /// It lives, and nobody wants it to stop.
    pub(crate) fn well_alive(&mut self) -> Option<&mut Alive> {
        self.alive_mut().filter(|alive| alive.stop.is_none())
    }

    pub(crate) fn is_stuck(&self) -> bool {
        self.has_stuck_tree()
            || self.alive().is_some_and(|alive| alive.stop.is_some_and(|stop| stop.stuck))
    }

    pub(crate) const fn has_stuck_tree(&self) -> bool {
        matches!(self.cleanup, Cleanup::Stuck { .. })
    }

    pub(crate) const fn is_sweeping(&self) -> bool {
        matches!(self.cleanup, Cleanup::Draining | Cleanup::Busy { .. } | Cleanup::Tidying { .. })
    }

    /// Which of its files are removed.
    pub(crate) fn removes(&self) -> RemoveLeftovers {
        self.spec.tidy.as_ref().map_or(RemoveLeftovers::No, |tidy| tidy.remove_leftovers)
    }

    /// Whether its first start waits until its place is clean.
    pub(crate) fn clears_first(&self) -> bool {
        self.run == 0 && !self.cleared && self.removes() == RemoveLeftovers::All
    }

    /// Something of it is there, or will be.
    pub(crate) fn is_active(&self) -> bool {
        self.is_sweeping()
            || match &self.phase {
                Phase::Down { .. } => self.pending.is_some(),
                Phase::Asked { .. } => true,
                Phase::Alive(alive) => !alive.stop.is_some_and(|stop| stop.stuck),
            }
    }

    /// Nothing of it is being stopped or cleaned up.
    pub(crate) fn is_steady(&self) -> bool {
        let stops = match &self.phase {
            Phase::Down { .. } => false,
            Phase::Asked { stop } => *stop,
            Phase::Alive(alive) => alive.stop.is_some() || alive.to_stop,
        };
        !stops && self.cleanup == Cleanup::Clear
    }

    /// Somebody has stopped it, and may start it again.
    pub(crate) const fn is_held(&self) -> bool {
        let stopped = matches!(
            self.phase,
            Phase::Down { state_name: StateName::Stopped, .. } | Phase::Down { why: Why::Held, .. }
        );
        stopped && self.pending.is_none() && self.run > 0
    }

    /// It runs, or will.
    pub(crate) fn is_wanted(&self) -> bool {
        match &self.phase {
            Phase::Down { .. } => self.pending.is_some(),
            Phase::Asked { stop } => !stop,
            Phase::Alive(alive) => alive.stop.is_none_or(|stop| stop.intent == Intent::Run),
        }
    }

    /// The exit code with which everything ends because of this process.
    pub(crate) fn ends_all(&self) -> Option<u8> {
        let code = match &self.phase {
            Phase::Down { why: Why::Unhealthy(code, ends), .. } if *ends || self.spec.essential => {
                *code
            }
            Phase::Down { why: Why::GaveUp(code), .. } if self.spec.essential => *code,
            Phase::Down { .. } | Phase::Asked { .. } | Phase::Alive(_) => {
                return (self.spec.essential && self.is_stuck()).then_some(1);
            }
        };
        Some(if self.is_stuck() { 1 } else { code })
    }

    /// The exit code with which everything ends since this process has ended for good, and
    /// nothing of it is left.
    pub(crate) fn ends_with_it(&self) -> Option<u8> {
        match self.phase {
            Phase::Down { why: Why::Ended(code), .. }
                if self.spec.essential && self.spec.main && !self.is_active() =>
            {
                Some(code)
            }
            Phase::Down { .. } | Phase::Asked { .. } | Phase::Alive(_) => None,
        }
    }

    pub(crate) const fn start(&mut self, now: Mono, cause: &'static str) {
        self.pending = Some(Pending { not_before: now, latest: now, by_rule: false, cause });
    }

    pub(crate) fn start_with_others(&mut self, now: Mono) {
        self.start(now, "boot");
        self.waits = !self.spec.start.depends_on.is_empty();
    }

    /// Everything stops: what is not up will not be.
    pub(crate) fn cut_short(&mut self) {
        self.pending = None;
        let for_nothing = self.run == 0 || self.removes() == RemoveLeftovers::No;
        if let Cleanup::Tidying { for_end: false, .. } = self.cleanup
            && for_nothing
        {
            (self.cleanup, self.turn.came_down) = (Cleanup::Clear, true);
        }
        match &mut self.phase {
            Phase::Down { state_name: state_name @ StateName::Backoff, .. } => {
                *state_name = StateName::Fatal
            }
            Phase::Alive(Alive { stop: Some(stop), .. }) => stop.intent = Intent::Rest,
            Phase::Down { .. } | Phase::Asked { .. } | Phase::Alive(_) => {}
        }
    }

    /// Its start was answered.
    pub(crate) fn born(&mut self, pid: Pid, now: Mono) {
        let Phase::Asked { stop } = self.phase else { return };
        let health = &self.spec.health;
        let waits = health.ready != Ready::Startsecs;
        let ready_by = health.start_timeout.filter(|_| waits).map(|within| now + within);
        let asks = health.ready == Ready::Checked;
        self.latest = pid;
        self.turn.came_alive = true;
        self.turn.watched = true;
        self.phase = Phase::Alive(Alive {
            pid,
            since: now,
            up_at: None,
            ready: false,
            ready_by,
            health: Health::starting(asks.then_some(now), health, now),
            answered: false,
            to_stop: stop,
            to_restart: false,
            stop: None,
        });
    }

    /// It is RUNNING from now on.
    pub(crate) fn up(&mut self, now: Mono) {
        self.forgive(Duration::ZERO, true);
        if !self.ever_up && self.spec.start.retries_before_ready.is_some() {
            self.row.clear();
        }
        self.ever_up = true;
        let spec = Rc::clone(&self.spec);
        self.turn.came_up = true;
        if let Some(alive) = self.alive_mut() {
            alive.up_at = Some(now);
            alive.health = Health::running(&alive.health, &spec.health, now);
        }
    }
}
