//! The expected state of one process, which the model derives from the inputs and the documented
//! rules, independently of the core's data.

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
use super::place::{Awaited, Devices};

pub(crate) struct Proc {
    pub(crate) id: ProcId,
    pub(crate) group: String,
    pub(crate) listens: bool,
    pub(crate) spec: Rc<ProcessSpec>,
    /// The state that events report.
    pub(crate) told: StateName,
    /// The latest notice of readiness and health in this run.
    pub(crate) noticed: Option<(bool, &'static str)>,
    /// The number of starts.
    pub(crate) run: u64,
    pub(crate) phase: Phase,
    /// A start that is due.
    pub(crate) pending: Option<Pending>,
    /// The start waits for dependencies.
    pub(crate) waits: bool,
    /// The start waits for servers.
    pub(crate) targets: Option<Targets>,
    /// When the current wait for servers began.
    pub(crate) waits_since: Option<Mono>,
    /// The total length of earlier waits.
    pub(crate) waited: Duration,
    /// The latest exit that no request and no failure caused.
    pub(crate) last_exit: Option<Exit>,
    /// It has been up at least once.
    pub(super) ever_up: bool,
    /// For each consecutive failure: whether the run had been up.
    pub(super) row: Vec<bool>,
    /// The times of its starts.
    pub(super) starts: Vec<Mono>,
    /// The failure of the latest run.
    pub(super) failed_of: Option<(Class, &'static str)>,
    pub(crate) cleanup: Cleanup,
    /// The processes that a census found in its tree.
    pub(crate) known: BTreeSet<Member>,
    /// Orphans among them that count as its own without other evidence.
    pub(crate) taken: BTreeSet<Member>,
    /// The cleanup before its first start has been done.
    pub(crate) cleared: bool,
    /// Its next start waits for its port first.
    pub(crate) port_unseen: bool,
    /// The state of its devices, as the core knows it.
    pub(crate) devices: Devices,
    /// When the files of its current run were last recorded.
    pub(crate) files_seen: Option<Mono>,
    /// The report that must follow an unexpected exit.
    pub(crate) report: Option<Report>,
    /// Descendants that exited during the run, the latest last.
    pub(crate) deaths: Vec<(Mono, Death)>,
    /// The graceful stop in progress, until SIGKILL or the last exit.
    pub(crate) drain: Option<Drain>,
    /// The latest main process.
    pub(crate) latest: Pid,
    /// The latest time for SIGKILL to its leftover processes, because of a budget.
    pub(crate) kill_by: Option<Mono>,
    /// Processes that must get a signal in this turn.
    pub(crate) must_ask: BTreeSet<Member>,
    /// A census must follow in this turn.
    pub(crate) must_count: bool,
    /// When a failed census is repeated.
    pub(crate) recount_at: Option<Mono>,
    /// Signals that must be forwarded in this turn.
    pub(crate) forwards: Vec<Signal>,
    pub(crate) turn: InTurn,
}

/// Facts about the current turn.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InTurn {
    pub(crate) came_up: bool,
    pub(crate) came_alive: bool,
    pub(crate) came_down: bool,
    /// No process of the run is left, so a cleanup must follow.
    pub(crate) to_tidy: bool,
    /// What its start waits for is to be looked at again.
    pub(crate) to_look: bool,
    /// Its devices are to be looked at for the first time.
    pub(crate) to_look_first: bool,
    /// It has waited for that as long as it may.
    pub(crate) limit_over: bool,
    /// Only another program has the memory that is not free.
    pub(crate) shared: bool,
    /// It exited after it had been up.
    pub(crate) had_been_up: bool,
    pub(crate) failed: bool,
    /// Its GPUs are lost, so a restart would not help.
    pub(crate) lost: bool,
    /// It failed for the same reason as before, so a restart would not help.
    pub(crate) repeated: bool,
    /// The supervisor gave up before the start.
    pub(crate) not_begun: bool,
    /// A shutdown was already in progress.
    pub(crate) ending: bool,
    /// The core must judge its health in this turn.
    pub(crate) watched: bool,
    /// An update has shortened its startsecs, which are over.
    pub(crate) comes_up: bool,
}

#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few of them")]
pub(crate) enum Phase {
    Down {
        state_name: StateName,
        why: Why,
    },
    /// The daemon has been asked to start it. `stop`: it must stop after the start.
    Asked {
        stop: bool,
    },
    Alive(Alive),
}

/// The reason why it is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It was stopped, never ran, or is about to start.
    Rests,
    /// An operator stopped it before its restart.
    Held,
    /// It exited.
    Ended,
    /// The supervisor gave up on it, with this status.
    GaveUp(u8),
    /// It was unhealthy. Holds the status, and whether the supervisor exits.
    Unhealthy(u8, bool),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Alive {
    pub(crate) pid: Pid,
    pub(crate) since: Mono,
    pub(crate) up_at: Option<Mono>,
    /// It has met its readiness condition.
    pub(crate) ready: bool,
    /// The time limit for readiness.
    pub(crate) ready_by: Option<Mono>,
    pub(crate) health: Health,
    /// Its check has succeeded.
    pub(crate) answered: bool,
    /// It must get the stop signal in this turn.
    pub(crate) to_stop: bool,
    /// The request that stops it also restarts it.
    pub(crate) to_restart: bool,
    pub(crate) stop: Option<Stop>,
}

impl Alive {
    /// Whether it is unhealthy. Before it is up, only missing processes and memory count.
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
    /// The stop began in this turn.
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
    /// The latest time of the start, if nothing delays it.
    pub(crate) latest: Mono,
    /// The restart rules cause it, not a request.
    pub(crate) by_rule: bool,
    pub(crate) cause: &'static str,
}

/// The state of the cleanup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cleanup {
    Clear,
    /// The main process exited during a stop; [`Proc::drain`] has the details.
    Draining,
    /// `counting`: a census is in progress.
    Busy {
        counting: bool,
        forced: bool,
        asked_at: Option<Mono>,
        killed_at: Option<Mono>,
        grace: Duration,
    },
    Stuck {
        recount_at: Mono,
    },
    /// `for_end`: no start follows.
    Tidying {
        until: Mono,
        for_end: bool,
    },
    /// Nothing is left, and a start waits for this.
    Awaiting(Awaited),
}

/// An expected report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) run: u64,
    pub(crate) pid: Option<Pid>,
    /// The descendant that exited shortly before.
    pub(crate) forerunner: Option<Pid>,
    pub(crate) class: Class,
    pub(crate) exit: Option<Exit>,
    pub(crate) next: Next,
    /// When the run ended.
    pub(crate) at: Mono,
    /// The delay of the restart.
    pub(crate) wait: Wait,
    pub(crate) uptime: Duration,
}

impl Alive {
    /// Whether it is up and clients should send requests to it.
    pub(crate) fn is_ready(&self) -> bool {
        let well = !self.health.leaving && !self.health.told && self.health.condemned.is_none();
        self.stop.is_none() && self.up_at.is_some() && well
    }
}

impl Cleanup {
    /// The cleanup continues with SIGKILL.
    pub(crate) const fn forced(counting: bool) -> Self {
        let (asked_at, killed_at, grace) = (None, None, Duration::ZERO);
        Self::Busy { counting, forced: true, asked_at, killed_at, grace }
    }
}

impl Alive {
    /// The action after a stop that was requested.
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
            last_exit: None,
            ever_up: false,
            row: Vec::new(),
            starts: Vec::new(),
            failed_of: None,
            cleanup: Cleanup::Clear,
            known: BTreeSet::new(),
            taken: BTreeSet::new(),
            deaths: Vec::new(),
            cleared: false,
            port_unseen: false,
            devices: Devices::default(),
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

    /// The process, if it is running and not stopping.
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
        matches!(
            self.cleanup,
            Cleanup::Draining
                | Cleanup::Busy { .. }
                | Cleanup::Tidying { .. }
                | Cleanup::Awaiting(_)
        )
    }

    /// Whether it has a process or will start one.
    pub(crate) fn is_active(&self) -> bool {
        self.is_sweeping()
            || match &self.phase {
                Phase::Down { .. } => self.pending.is_some(),
                Phase::Asked { .. } => true,
                Phase::Alive(alive) => !alive.stop.is_some_and(|stop| stop.stuck),
            }
    }

    /// Whether an operator stopped it and may start it again.
    pub(crate) const fn is_held(&self) -> bool {
        let stopped = matches!(
            self.phase,
            Phase::Down { state_name: StateName::Stopped, .. } | Phase::Down { why: Why::Held, .. }
        );
        stopped && self.pending.is_none() && self.run > 0
    }

    /// Whether it is running or will start.
    pub(crate) fn is_wanted(&self) -> bool {
        match &self.phase {
            Phase::Down { .. } => self.pending.is_some(),
            Phase::Asked { stop } => !stop,
            Phase::Alive(alive) => alive.stop.is_none_or(|stop| stop.intent == Intent::Run),
        }
    }

    /// The exit code of the supervisor, if it exits because this process has exited for good and no
    /// process of its tree is left.
    pub(crate) fn ends_with_it(&self) -> Option<u8> {
        match self.phase {
            Phase::Down { why: Why::Ended, .. }
                if self.spec.essential && self.spec.main && !self.is_active() =>
            {
                Some(self.outcome())
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

    /// Cancels its start because of a shutdown.
    pub(crate) fn cut_short(&mut self) {
        self.pending = None;
        self.stop_awaiting();
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

    /// Notes a successful start.
    pub(crate) fn born(&mut self, pid: Pid, now: Mono) {
        let Phase::Asked { stop } = self.phase else { return };
        let health = &self.spec.health;
        let waits = health.ready != Ready::Startsecs;
        let ready_by = health.start_timeout.filter(|_| waits).map(|within| now + within);
        let asks = health.ready == Ready::Checked;
        self.latest = pid;
        self.turn.came_alive = true;
        self.turn.watched = true;
        self.turn.to_look_first = self.spec.failure.await_devices && self.devices.first.is_none();
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

    /// Notes that it is RUNNING.
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
