//! A model of the correct behavior. It reports every difference from the core.
//!
//! [`Model::hears`] takes an input before the core does. [`Model::sees`] checks each effect, and
//! [`Model::concludes`] the state after all effects have been carried out.

mod answers;
mod backoff;
mod budget;
mod conclude;
mod drain;
mod ending;
pub(crate) mod gate;
pub(crate) mod health;
mod hooks;
mod job;
mod ordered;
mod orders;
mod place;
mod pools;
pub(crate) mod process;
mod reported;
mod rolling;
mod updates;
mod watch;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::Input;
use supervisor_core::ids::{Pid, ProcId};
use supervisor_core::input::{Circumstances, Exit};
use supervisor_core::signal::Signal;
use supervisor_core::spec::{GroupSpec, ProcessSpec, SignalRule, Spec, WhenDone};
use supervisor_core::time::Mono;

use crate::diagram::Diagram;
use crate::kernel::Kernel;
use budget::Budget;
use orders::Asked;
use pools::{Clock, Pool};
use process::{Cleanup, Phase, Proc};

/// A second stop request counts only this long after the first.
const SECOND_REQUEST_AFTER: Duration = Duration::from_secs(1);

pub(crate) struct Model {
    pub(crate) procs: BTreeMap<ProcId, Proc>,
    /// The active groups in start order.
    pub(crate) groups: Vec<Group>,
    pub(crate) available: Vec<Rc<GroupSpec>>,
    next_proc: usize,
    signals: SignalRule,
    when_done: WhenDone,
    prestop_delay: Duration,
    prestop_idle: Option<Duration>,
    /// When the delay may end early, and the consecutive samples of each server without a request.
    idle: Option<(Mono, BTreeMap<ProcId, u32>)>,
    stop_budget: Option<Duration>,
    budget: Option<Budget>,
    booted: bool,
    pub(crate) ending: Option<End>,
    /// The stop signals are sent from then on.
    stops_from: Option<Mono>,
    asked_at: Option<Mono>,
    /// When a stop of the supervisor was first requested.
    ordered_at: Option<Mono>,
    hooks: Vec<hooks::Hook>,
    /// A report in this turn already says that the supervisor gave up on this process.
    reported_end: Option<String>,
    /// When all programs had exited. From then on only hooks matter.
    finished_at: Option<Mono>,
    /// The time limit of the preparation stage.
    late_at: Option<Mono>,
    /// All processes get SIGKILL in this turn.
    hurry: bool,
    job: job::JobControl,
    /// When the listeners that still get events are stopped.
    drained_at: Option<Mono>,
    last_outcome: u8,
    /// A program was removed on request, and none has run since.
    vacated: bool,
    requests: Vec<Asked>,
    rolling: Vec<rolling::Rolling>,
    updates: Vec<updates::Update>,
    remote_events: usize,
    group_changes: usize,
    /// An update changed rules in this turn, and started the processes that it may start.
    rules_changed: bool,
    removed: Vec<ProcId>,
    /// Processes were removed whose trees the supervisor does not stop.
    spared: bool,
    next_serial: u64,
    clock: Clock,
    /// Events that were dropped in this turn for events that came back from listeners.
    lost: Vec<u64>,
    /// Results that are output and have not been printed.
    printed: usize,
    /// Processes that get a stop signal in this turn because of the shutdown.
    stopped: Vec<ProcId>,
    pub(crate) over: bool,
    ticked: bool,
    pub(crate) diagram: Diagram,
}

pub(crate) struct Group {
    pub(crate) spec: Rc<GroupSpec>,
    pub(crate) members: Vec<ProcId>,
    pub(crate) pool: Option<Pool>,
}

/// The action at the end of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Exit(u8),
    Restart,
    /// The next stage starts.
    Proceed,
}

impl Model {
    pub(crate) fn new(spec: &Spec, next_serial: u64) -> Self {
        let mut model = Self {
            procs: BTreeMap::new(),
            groups: Vec::new(),
            available: spec.groups.iter().cloned().map(Rc::new).collect(),
            next_proc: 0,
            signals: spec.signals,
            when_done: spec.when_done,
            prestop_delay: spec.prestop_delay,
            prestop_idle: spec.prestop_idle,
            idle: None,
            stop_budget: spec.stop_budget,
            budget: None,
            booted: false,
            ending: None,
            stops_from: None,
            asked_at: None,
            ordered_at: None,
            hooks: spec.hooks.iter().map(hooks::Hook::new).collect(),
            reported_end: None,
            finished_at: None,
            late_at: None,
            hurry: false,
            job: job::JobControl::default(),
            drained_at: None,
            last_outcome: 0,
            vacated: false,
            requests: Vec::new(),
            rolling: Vec::new(),
            updates: Vec::new(),
            remote_events: 0,
            group_changes: 0,
            rules_changed: false,
            removed: Vec::new(),
            spared: false,
            next_serial,
            clock: Clock::default(),
            lost: Vec::new(),
            printed: 0,
            stopped: Vec::new(),
            over: false,
            ticked: false,
            diagram: Diagram::default(),
        };
        for group in model.available.clone() {
            model.insert(group);
        }
        model
    }

    fn insert(&mut self, spec: Rc<GroupSpec>) -> Vec<ProcId> {
        let create = |process| self.create(&spec, process);
        let members: Vec<_> = spec.processes.iter().map(create).collect();
        let pool = spec.pool.as_ref().map(|pool| Pool::new(pool, &members));
        self.groups.push(Group { spec, members: members.clone(), pool });
        self.groups
            .sort_by(|a, b| (a.spec.priority, &a.spec.name).cmp(&(b.spec.priority, &b.spec.name)));
        members
    }

    fn create(&mut self, group: &GroupSpec, process: &Rc<ProcessSpec>) -> ProcId {
        let id = ProcId(self.next_proc);
        self.next_proc += 1;
        let proc = Proc::new(id, &group.name, group.pool.is_some(), Rc::clone(process));
        self.procs.insert(id, proc);
        id
    }

    pub(crate) fn members_of(&self, name: &str) -> Vec<ProcId> {
        let group = self.groups.iter().find(|group| group.spec.name == name);
        group.map(|group| group.members.clone()).unwrap_or_default()
    }

    pub(crate) fn listens(&self, proc: ProcId) -> bool {
        self.procs.get(&proc).is_some_and(|proc| proc.listens)
    }

    /// The process whose main process has this pid.
    pub(crate) fn main(&self, pid: Pid) -> Option<ProcId> {
        let mut procs = self.procs.values();
        procs.find(|proc| proc.alive().is_some_and(|alive| alive.pid == pid)).map(|proc| proc.id)
    }

    /// A stop of the supervisor is requested. Clients may need time to notice it.
    pub(crate) fn end_by_order(&mut self, end: End, now: Mono) {
        self.ordered_at.get_or_insert(now);
        if self.ending.is_none() {
            let delay = self.affordable(self.prestop_delay);
            self.stops_from = Some(now + delay);
            self.watch_idle(now, delay);
        }
        self.end(end);
    }

    /// Allows an early end of the delay if the metrics of all servers show that they are idle.
    fn watch_idle(&mut self, now: Mono, delay: Duration) {
        let Some(least) = self.prestop_idle.filter(|least| *least < delay) else { return };
        let servers: Vec<_> = self
            .procs
            .values()
            .filter(|proc| proc.spec.main && !proc.listens && proc.alive().is_some())
            .collect();
        let tells = |proc: &&Proc| {
            proc.spec.health.progress.as_ref().is_some_and(|progress| progress.tells_idle)
        };
        if !servers.is_empty() && servers.iter().all(tells) {
            self.idle = Some((now + least, servers.iter().map(|proc| (proc.id, 0)).collect()));
        }
    }

    /// Ends the delay when two consecutive samples of each running server showed no request.
    fn load_seen(&mut self, id: ProcId, requests: Option<u64>, now: Mono) {
        let Some((not_before, looks)) = self.idle.as_mut() else { return };
        if self.stops_from.is_none_or(|from| now >= from) {
            return;
        }
        looks.retain(|id, _| self.procs[id].alive().is_some());
        if let Some(looks) = looks.get_mut(&id) {
            *looks = if requests == Some(0) { *looks + 1 } else { 0 };
        }
        if looks.values().all(|looks| *looks >= 2) && now >= *not_before {
            self.stops_from = Some(now);
        }
    }

    fn end(&mut self, end: End) {
        match (self.ending, end) {
            (None, _) | (Some(End::Restart), End::Exit(_)) => self.ending = Some(end),
            (Some(_), _) => {}
        }
    }

    /// Takes an input.
    pub(crate) fn hears(&mut self, now: Mono, input: &Input, kernel: &Kernel) {
        self.ticked = *input == Input::Tick;
        self.hurry = false;
        self.job.expected = None;
        (self.remote_events, self.group_changes, self.rules_changed) = (0, 0, false);
        self.removed.clear();
        self.stopped.clear();
        for proc in self.procs.values_mut() {
            let (watched, ending) = (self.ticked, self.ending.is_some());
            proc.turn = process::InTurn { watched, ending, ..process::InTurn::default() };
            proc.forwards.clear();
            proc.must_ask.clear();
            proc.must_count = false;
            if let Some(alive) = proc.alive_mut() {
                alive.health.free = false;
                if let Some(stop) = &mut alive.stop {
                    stop.fresh = false;
                }
            }
        }
        match input {
            Input::Delivered { delivery, sent } => self.delivered(*delivery, *sent),
            Input::Signalled(_) | Input::Request { .. } | Input::RequestGone { .. }
                if self.finished_at.is_some() =>
            {
                self.hears_at_the_end(input, now);
            }
            _ if self.finished_at.is_some() => {}
            Input::Boot => self.boot(now),
            Input::Tick => self.time_passed(now),
            Input::Answer { run, answer } => self.answered(now, *run, answer, kernel),
            Input::Reaped { pid, exit, found } => self.reaped(*pid, *exit, found, now),
            Input::DescendantEnded { proc, main, death } => self.with(*proc, |proc| {
                if proc.well_alive().is_some_and(|alive| alive.pid == *main) {
                    proc.deaths.push((now, death.clone()));
                }
            }),
            Input::Signalled(signal) => self.signalled(*signal, now),
            Input::Suspended { pid, job } => self.suspended(*pid, *job, now),
            Input::Request { id, command } => self.asked(*id, command, now),
            Input::RequestGone { id } => self.gone(*id),
            Input::ListenerSaid { proc, pid, data } => {
                if self.main(*pid) == Some(*proc) {
                    self.said(*proc, data, now);
                }
            }
            Input::TellFailed { proc, serial } => self.went_deaf(*proc, *serial),
            Input::Logged { .. } | Input::Communicated { .. } => {}
            Input::Notified { proc, said } => self.notified(*proc, said, now),
            Input::ReadyLogged { proc, pid } => self.ready_logged(*proc, *pid),
        }
        self.judge_the_watched(now);
        self.procs.values_mut().for_each(Proc::forget_waits);
        self.settle(false);
        self.give_up_the_lost();
    }

    /// Counts overdue answers of the processes that this turn watches as late.
    fn judge_the_watched(&mut self, now: Mono) {
        for proc in self.procs.values_mut().filter(|proc| proc.turn.watched) {
            let spec = Rc::clone(&proc.spec);
            let alive = proc.well_alive().filter(|alive| alive.health.condemned.is_none());
            if let Some(alive) = alive {
                alive.health.lapse(&spec.health, now);
            }
        }
    }

    /// Takes an input after all programs have exited. Only requests that end the wait for hooks
    /// matter.
    fn hears_at_the_end(&mut self, input: &Input, now: Mono) {
        match input {
            Input::Signalled(signal) => self.signalled(*signal, now),
            Input::Request { id, command } => self.asked(*id, command, now),
            Input::RequestGone { id } => self.gone(*id),
            _ => {}
        }
    }

    fn boot(&mut self, now: Mono) {
        if self.booted || self.ending.is_some() {
            return;
        }
        self.booted = true;
        if let WhenDone::Proceed { within } = self.when_done {
            self.late_at = Some(now + within);
        }
        for proc in self.procs.values_mut().filter(|proc| proc.spec.autostart) {
            proc.start_with_others(now);
        }
        self.group_changes = self.groups.len();
    }

    pub(crate) fn with(&mut self, proc: ProcId, act: impl FnOnce(&mut Proc)) {
        if let Some(proc) = self.procs.get_mut(&proc) {
            act(proc);
        }
    }

    /// Notes the exit code of a program that has exited for good.
    fn note(&mut self, proc: ProcId, outcome: Option<u8>) {
        if let (Some(outcome), false) = (outcome, self.procs[&proc].listens) {
            self.last_outcome = outcome;
        }
    }

    fn reaped(&mut self, pid: Pid, exit: Exit, found: &Circumstances, now: Mono) {
        if let Some(id) = self.main(pid) {
            let outcome = self.procs.get_mut(&id).and_then(|proc| proc.ended(exit, found, now));
            self.note(id, outcome);
            self.fell_silent(id);
        }
    }

    fn signalled(&mut self, signal: Signal, now: Mono) {
        let ends = [Signal::TERM, Signal::INT, Signal::QUIT].contains(&signal);
        let prepares = matches!(self.when_done, WhenDone::Proceed { .. });
        let nobody = self.procs.values().all(|proc| proc.alive().is_none());
        match self.signals {
            SignalRule::StopOrForward if ends => self.asked_to_stop(0, now),
            SignalRule::ForwardAll if ends && (prepares || nobody) => {
                let waits = self.procs.values().any(Proc::is_held_back);
                self.asked_to_stop(if waits { 0 } else { 128 + signal.number() }, now);
            }
            // No program exists yet that could handle the signal.
            SignalRule::StopOrForward | SignalRule::ForwardAll if prepares => {}
            SignalRule::StopOrForward => {
                let real_time = signal.number() >= 34;
                if real_time || [1, 10, 12, 18, 28].contains(&signal.number()) {
                    self.forward(signal);
                }
            }
            SignalRule::ForwardAll => {
                self.forward(signal);
                if ends {
                    self.stop_signal_sent(signal, now);
                }
            }
            SignalRule::Supervisord if ends => self.end_by_order(End::Exit(0), now),
            SignalRule::Supervisord if signal == Signal::HUP => {
                self.end_by_order(End::Restart, now);
            }
            SignalRule::Supervisord => {}
        }
    }

    fn forward(&mut self, signal: Signal) {
        if self.finished_at.is_some() {
            return;
        }
        let meant = |proc: &&mut Proc| proc.spec.main && proc.alive().is_some();
        for proc in self.procs.values_mut().filter(meant) {
            proc.forwards.extend(proc.spec.signal_map.sent(signal));
        }
    }

    fn asked_to_stop(&mut self, code: u8, now: Mono) {
        // Without a running program there is no delay.
        self.stops_from = self.stops_from.filter(|_| self.finished_at.is_none());
        match self.asked_at {
            None => {
                self.asked_at = Some(now);
                self.end_by_order(End::Exit(code), now);
            }
            // During the delay, the request only ends the delay.
            Some(_) if self.stops_from.is_some_and(|from| now < from) => {
                self.stops_from = Some(now);
            }
            Some(at) => {
                if now - at.max(self.stops_from.unwrap_or(at)) >= SECOND_REQUEST_AFTER {
                    self.hurry();
                }
            }
        }
    }

    fn hurry(&mut self) {
        self.hooks_hurry();
        if self.finished_at.is_some() {
            return;
        }
        self.hurry = true;
        self.stops_from = None;
        for proc in self.procs.values_mut() {
            match &mut proc.cleanup {
                Cleanup::Busy { forced, .. } => *forced = true,
                cleanup @ (Cleanup::Tidying { .. } | Cleanup::Awaiting(_)) => {
                    (*cleanup, proc.turn.came_down) = (Cleanup::Clear, true);
                }
                cleanup @ Cleanup::Draining => {
                    (*cleanup, proc.must_count) = (Cleanup::forced(false), true);
                    proc.drain = None;
                }
                Cleanup::Clear | Cleanup::Stuck { .. } => {}
            }
            match &mut proc.phase {
                Phase::Asked { stop } => *stop = true,
                Phase::Alive(alive) => match &mut alive.stop {
                    None => alive.to_stop = true,
                    Some(stop) => stop.hurried = true,
                },
                Phase::Down { .. } => {}
            }
        }
    }

    /// Derives consequences from the current states. `done`: everything that is due has been
    /// carried out, so that the model may conclude that nothing is left to do.
    fn settle(&mut self, done: bool) {
        if self.booted && self.ending.is_none() {
            let failed = self.procs.values().find_map(Proc::ends_all);
            let over = || self.procs.values().find_map(Proc::ends_with_it).filter(|_| done);
            if let Some(code) = failed.or_else(over) {
                self.end(End::Exit(code));
            }
        }
        let programs = || self.procs.values().filter(|proc| !proc.listens);
        let active = programs().any(Proc::is_active);
        self.vacated &= !(done && active);
        let over = !active && !self.vacated && !programs().any(Proc::is_held);
        if done && over && self.booted && self.ending.is_none() {
            match (self.when_done, self.last_outcome) {
                (WhenDone::Stay, _) => {}
                (WhenDone::Exit, outcome) => self.end(End::Exit(outcome)),
                (WhenDone::Proceed { .. }, 0) => self.end(End::Proceed),
                (WhenDone::Proceed { .. }, _) => self.end(End::Exit(1)),
            }
        }
    }

    fn settle_failures(&mut self) {
        self.settle(false);
    }

    /// Whether a shutdown is in progress.
    pub(crate) const fn is_ending(&self) -> bool {
        self.ending.is_some()
    }
}
