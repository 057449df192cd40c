//! All processes together: which process an input is for, the order of starts and stops, and when
//! the supervisor exits.

mod answers;
mod budget;
mod dependencies;
mod ending;
mod events;
mod groups;
mod hooks;
mod job;
mod orders;
mod prestop;
mod processes;
mod rolling;
mod update;
mod waiters;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::effect::Effect;
use crate::hook::Hook;
use crate::ids::{Pid, ProcId};
use crate::info::{GroupInfo, Info, PoolInfo};
use crate::input::{Circumstances, Exit, Input};
use crate::line::Line;
use crate::listener::Pool;
use crate::process::{Process, Transition};
use crate::spec::{GroupSpec, SignalRule, Spec, WhenDone};
use crate::time::{Mono, Now};

use budget::Budget;
pub use budget::{Fitted, STOP_RESERVE};
use ending::{Idle, Phase};
use events::Ticks;
use groups::Group;
use job::JobControl;
use prestop::IdleWatch;
use processes::Processes;
use rolling::Rolling;
pub use update::Changed;
use update::Update;
use waiters::Waiter;

/// The decisions of one supervisor. See the [crate documentation](crate) for the contract.
#[derive(Clone, Debug)]
pub struct Supervisor {
    processes: Processes,
    /// The processes of each program, by the name of its section.
    by_program: BTreeMap<String, Vec<ProcId>>,
    /// The active groups in start order.
    groups: Vec<Group>,
    /// The groups of the latest configuration.
    available: Vec<Rc<GroupSpec>>,
    next_proc: ProcId,
    signals: SignalRule,
    when_done: WhenDone,
    prestop_delay: Duration,
    prestop_idle: Option<Duration>,
    idle_watch: Option<IdleWatch>,
    stop_budget: Option<Duration>,
    budget: Option<Budget>,
    phase: Phase,
    /// When the first stop request arrived.
    asked_at: Option<Mono>,
    /// When a signal or an operator first requested a stop or a restart of the supervisor.
    ordered_at: Option<Mono>,
    hooks: Vec<Hook>,
    /// When the preparation stage times out.
    late_at: Option<Mono>,
    /// The exit code of the supervisor if the program that exited last decides it.
    last_outcome: u8,
    idle: Idle,
    waiters: Vec<Waiter>,
    rolling: Vec<Rolling>,
    updates: Vec<Update>,
    /// Whether an operator removed processes whose trees the supervisor does not stop.
    spared_trees: bool,
    next_serial: u64,
    /// The seed of the random part of delays.
    seed: u64,
    ticks: Ticks,
    job_control: JobControl,
}

impl Supervisor {
    /// A supervisor that has not booted.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        let mut supervisor = Self {
            processes: Processes::default(),
            by_program: BTreeMap::new(),
            groups: Vec::new(),
            available: spec.groups.into_iter().map(Rc::new).collect(),
            next_proc: ProcId(0),
            signals: spec.signals,
            when_done: spec.when_done,
            prestop_delay: spec.prestop_delay,
            prestop_idle: spec.prestop_idle,
            idle_watch: None,
            stop_budget: spec.stop_budget,
            budget: None,
            phase: Phase::Booting,
            asked_at: None,
            ordered_at: None,
            hooks: spec.hooks.into_iter().map(Hook::new).collect(),
            late_at: None,
            last_outcome: 0,
            idle: Idle::default(),
            waiters: Vec::new(),
            rolling: Vec::new(),
            updates: Vec::new(),
            spared_trees: false,
            next_serial: 0,
            seed: 0,
            ticks: Ticks::default(),
            job_control: JobControl::default(),
        };
        for group in supervisor.available.clone() {
            supervisor.insert(group);
        }
        supervisor
    }

    /// Continues the serial numbers of an earlier supervisor.
    #[must_use]
    pub fn with_serials_from(self, next_serial: u64) -> Self {
        Self { next_serial, ..self }
    }

    /// Sets the seed for the random part of delays. Supervisors that start together need different
    /// seeds: with equal seeds, their delays are equal.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The serial number of the next event.
    #[must_use]
    pub const fn next_serial(&self) -> u64 {
        self.next_serial
    }

    /// Handles an input at the time `now`. Returns the effects to carry out.
    #[must_use = "effects must be carried out, in order"]
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.phase == Phase::Over {
            return effects;
        }
        let unkillable_after = self.unkillable_after(now.mono);
        let ending = self.is_ending();
        let cx = &mut Transition::new(now, ending, unkillable_after, self.seed, &mut effects);
        self.processes.begin(now.mono);
        self.route(input, cx);
        // Answer before anything restarts, so that replies show the state that was reached.
        self.answer_waiters(cx);
        self.watch_idle(cx);
        self.settle(cx);
        self.answer_waiters(cx);
        self.roll(cx);
        self.report_waiting(cx);
        self.note_conditions(cx);
        self.tell_listeners(cx);
        self.tell_hooks(cx);
        if let Phase::Finished { end, .. } = self.phase
            && !self.awaits_hooks(now.mono)
        {
            self.finish(end, cx);
        }
        effects
    }

    /// When the next [`Input::Tick`] is due. One tick handles everything that is due, or a few
    /// ticks if one leads to the next (a stop without a grace period). A caller that obeys cannot
    /// spin.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        match self.phase {
            Phase::Over => return None,
            Phase::Finished { .. } => return self.hooks_deadline(),
            Phase::Booting | Phase::Running | Phase::Ending { .. } => {}
        }
        let waiters = self.waiters.iter().filter_map(Waiter::deadline);
        let late = self.late_at.filter(|_| self.phase == Phase::Running);
        let waiters = waiters.chain(self.pools().filter_map(Pool::deadline));
        let own = self
            .phase
            .deadline()
            .into_iter()
            .chain(self.idle_deadline())
            .chain(self.ticks.deadline())
            .chain(self.hooks_deadline())
            .chain(late);
        self.processes.deadline().into_iter().chain(waiters).chain(own).min()
    }

    /// The process whose main process currently has this pid.
    #[must_use]
    pub fn main_process(&self, pid: Pid) -> Option<ProcId> {
        self.processes.with_pid(pid)
    }

    /// All processes, in start order.
    pub fn processes(&self) -> impl Iterator<Item = Info<'_>> {
        let members = self.groups.iter().flat_map(|group| &group.members);
        members.filter_map(|proc| self.process(*proc))
    }

    /// One process.
    #[must_use]
    pub fn process(&self, proc: ProcId) -> Option<Info<'_>> {
        self.processes.get(&proc).map(Info::new)
    }

    /// The groups of the latest configuration in start order, and whether each is active.
    pub fn available(&self) -> impl Iterator<Item = GroupInfo<'_>> {
        self.available
            .iter()
            .map(|spec| GroupInfo { spec, active: self.group(&spec.name).is_some() })
    }

    /// All pools of event listeners.
    pub fn listener_pools(&self) -> impl Iterator<Item = PoolInfo<'_>> {
        self.pools().map(Pool::info)
    }

    /// The number of requests that wait for processes.
    #[must_use]
    pub fn waiting_requests(&self) -> usize {
        let updates = self.updates.iter().map(|update| update.asked.len()).sum::<usize>();
        self.waiters.len() + self.rolling.len() + updates
    }

    /// All processes except event listeners, in start order.
    pub(crate) fn programs_with_info(&self) -> impl Iterator<Item = Info<'_>> {
        self.programs().map(Info::new)
    }

    /// Whether a shutdown is in progress.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        !matches!(self.phase, Phase::Booting | Phase::Running)
    }

    fn route(&mut self, input: Input, cx: &mut Transition<'_>) {
        // After the shutdown, only requests and hooks matter.
        let finished = matches!(self.phase, Phase::Finished { .. });
        match input {
            Input::Delivered { delivery, sent } => self.delivered(delivery, sent),
            Input::Signalled(signal) => self.signalled(signal, cx),
            Input::Request { id, command } => self.order(id, command, cx),
            Input::RequestGone { id } => self.request_gone(id),
            Input::Boot
            | Input::Tick
            | Input::Answer { .. }
            | Input::Reaped { .. }
            | Input::DescendantEnded { .. }
            | Input::Suspended { .. }
            | Input::ListenerSaid { .. }
            | Input::TellFailed { .. }
            | Input::Logged { .. }
            | Input::ReadyLogged { .. }
            | Input::Communicated { .. }
            | Input::Notified { .. }
                if finished => {}
            Input::Boot => self.boot(cx),
            Input::Tick => self.tick(cx),
            Input::Answer { run, answer } => self.answered(run, answer, cx),
            Input::Reaped { pid, exit, found } => self.reaped(pid, exit, found, cx),
            Input::DescendantEnded { proc, main, death } => {
                self.with(proc, cx, |process, cx| process.descendant_ended(main, death, cx));
            }
            Input::Notified { proc, said } => {
                self.with(proc, cx, |process, cx| process.notified(said, cx));
            }
            Input::ReadyLogged { proc, pid } => {
                self.with(proc, cx, |process, cx| process.ready_logged(pid, cx));
            }
            Input::Suspended { pid, job } => self.suspended(pid, job, cx),
            Input::ListenerSaid { proc, pid, data } => {
                self.listener_said(proc, pid, &data, cx);
            }
            Input::TellFailed { proc, serial } => self.tell_failed(proc, serial, cx),
            Input::Logged { proc, pid, channel, data } => {
                self.wrote(proc, pid, channel, data, events::Wrote::Log, cx);
            }
            Input::Communicated { proc, pid, channel, data } => {
                self.wrote(proc, pid, channel, data, events::Wrote::Message, cx);
            }
        }
    }

    fn boot(&mut self, cx: &mut Transition<'_>) {
        if self.phase != Phase::Booting {
            return;
        }
        self.phase = Phase::Running;
        self.late_at = match self.when_done {
            WhenDone::Proceed { within } => Some(cx.now + within),
            WhenDone::Stay | WhenDone::Exit => None,
        };
        self.announce_groups(cx);
        let order: Vec<ProcId> = self.in_start_order().collect();
        for proc in order {
            if let Some(mut process) = self.processes.get_mut(&proc)
                && process.spec.autostart
            {
                process.start_with_others(cx);
            }
        }
        if self.when_done == WhenDone::Exit && !self.processes.values().any(Process::is_active) {
            cx.log(Line::NothingToRun);
        }
    }

    fn tick(&mut self, cx: &mut Transition<'_>) {
        let now = cx.now;
        let is_due = |process: &Process| process.deadline().is_some_and(|at| at <= now);
        self.processes.for_each_affected(is_due, |process| {
            let before = process.outcome();
            process.tick(cx);
            // A wait for servers may have failed. Event listeners never wait for servers.
            if let (None, Some(outcome)) = (before, process.outcome()) {
                self.last_outcome = outcome;
            }
        });
        self.give_up_if_late(cx);
    }

    fn in_start_order(&self) -> impl Iterator<Item = ProcId> {
        self.groups.iter().flat_map(|group| group.members.iter().copied())
    }

    /// Passes an input to its process.
    fn with(
        &mut self,
        proc: ProcId,
        cx: &mut Transition<'_>,
        act: impl FnOnce(&mut Process, &mut Transition<'_>),
    ) {
        let listens = self.pool_of(proc).is_some();
        let Some(mut process) = self.processes.get_mut(&proc) else {
            // An answer may arrive after the group was removed.
            if proc >= self.next_proc {
                cx.log(Line::Bug { what: format!("there is no process {}", proc.0) });
            }
            return;
        };
        let before = process.outcome();
        act(&mut process, cx);
        // The exit of an event listener does not decide the supervisor's exit code.
        if let (None, Some(outcome), false) = (before, process.outcome(), listens) {
            self.last_outcome = outcome;
        }
    }

    fn reaped(&mut self, pid: Pid, exit: Exit, found: Circumstances, cx: &mut Transition<'_>) {
        if let Some(proc) = self.main_process(pid) {
            self.with(proc, cx, |process, cx| process.reaped(exit, found, cx));
            if let Some(pool) = self.pool_of_mut(proc) {
                pool.ended(proc, cx);
            }
            return;
        }
        let left_behind = |process: &&Process| process.left_behind(pid);
        let proc = self.processes.values().find(left_behind).map(|process| process.named.proc);
        match proc.and_then(|proc| self.processes.get_mut(&proc)) {
            Some(mut process) => process.leftover_reaped(pid, exit, cx),
            None => cx.log(Line::ReapedUnknown { pid, exit }),
        }
    }

    /// Whether an orphan without a link to one program belongs to the tree that is stopped now.
    /// That holds if every other program that has run stops its whole tree and has no process left.
    fn takes_orphans(&self, proc: ProcId) -> bool {
        let mut processes = self.processes.values();
        !self.spared_trees
            && processes.all(|process| {
                let rests = process.named.proc == proc || process.has_nothing_left();
                process.runs() == 0 || (process.spec.killtree && rests)
            })
    }

    fn note_conditions(&mut self, cx: &mut Transition<'_>) {
        let changed = Process::is_condition_new;
        self.processes.for_each_affected(changed, |process| process.note_condition(cx));
    }

    fn tell_reports(&mut self, cx: &mut Transition<'_>) {
        let complete = Process::has_complete_report;
        self.processes.for_each_affected(complete, |process| process.tell_report(cx));
    }

    /// Carries out what follows from the current states.
    fn settle(&mut self, cx: &mut Transition<'_>) {
        self.tell_reports(cx);
        self.finish_updates(cx);
        while self.phase == Phase::Running {
            self.end_with_the_essential(cx);
            // A program that the supervisor gave up on may be essential, or a dependency of
            // another.
            if self.phase != Phase::Running || !self.give_up_lost(cx) {
                break;
            }
        }
        if self.phase == Phase::Running {
            self.let_through(cx);
            while self.break_circle(cx) {}
            let now = cx.now;
            self.processes.for_each_affected(
                |process| process.is_start_due(now),
                |process| process.start(cx),
            );
            self.end_if_done(cx);
        }
        if let Phase::Ending { end, from, .. } = self.phase {
            self.finish_updates(cx);
            self.proceed_to(end, from, cx);
            self.tell_reports(cx);
        }
    }
}
