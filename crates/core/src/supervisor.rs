//! All processes together: what reaches whom, in which order they start and
//! stop, and when it is over.

mod budget;
mod dependencies;
mod ending;
mod events;
mod groups;
mod job;
mod orders;
mod prestop;
mod waiters;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::effect::Effect;
use crate::ids::{Pid, ProcId};
use crate::info::{GroupInfo, Info, PoolInfo};
use crate::input::{Circumstances, Exit, Input};
use crate::line::Line;
use crate::listener::Pool;
use crate::process::{Process, Turn};
use crate::spec::{GroupSpec, SignalRule, Spec, WhenDone};
use crate::time::{Mono, Now};

use budget::Budget;
use ending::Mood;
use events::Ticks;
use groups::Group;
use job::JobControl;
use prestop::IdleWatch;
use waiters::Waiter;

/// The decisions of one supervisor. See the [crate documentation](crate) for the contract.
#[derive(Clone, Debug)]
pub struct Supervisor {
    processes: BTreeMap<ProcId, Process>,
    /// Those of each program, by the name of its section.
    by_program: BTreeMap<String, Vec<ProcId>>,
    /// In start order.
    groups: Vec<Group>,
    /// The groups of the configuration that was read last.
    available: Vec<Rc<GroupSpec>>,
    next_proc: ProcId,
    signals: SignalRule,
    when_done: WhenDone,
    prestop_delay: Duration,
    prestop_idle: Option<Duration>,
    idle_watch: Option<IdleWatch>,
    stop_budget: Option<Duration>,
    budget: Option<Budget>,
    mood: Mood,
    /// When the supervisor was first asked to stop.
    asked_at: Option<Mono>,
    /// When what may not take for ever has taken too long.
    late_at: Option<Mono>,
    /// The status that speaks for the program that ended last.
    last_outcome: u8,
    waiters: Vec<Waiter>,
    next_serial: u64,
    ticks: Ticks,
    job_control: JobControl,
}

impl Supervisor {
    /// A supervisor that has not been told to boot.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        let mut supervisor = Self {
            processes: BTreeMap::new(),
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
            mood: Mood::Booting,
            asked_at: None,
            late_at: None,
            last_outcome: 0,
            waiters: Vec::new(),
            next_serial: 0,
            ticks: Ticks::default(),
            job_control: JobControl::default(),
        };
        for group in supervisor.available.clone() {
            supervisor.insert(group);
        }
        supervisor
    }

    /// Goes on with the serials of events where an earlier supervisor ended.
    #[must_use]
    pub fn with_serials_from(self, next_serial: u64) -> Self {
        Self { next_serial, ..self }
    }

    /// The serial that the next event will have.
    #[must_use]
    pub const fn next_serial(&self) -> u64 {
        self.next_serial
    }

    /// Takes one input at the time `now` and returns what is to be done about it.
    #[must_use = "effects must be carried out, in order"]
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.mood == Mood::Over {
            return effects;
        }
        let unkillable_after = self.unkillable_after(now.mono);
        let turn = &mut Turn::new(now, self.is_ending(), unkillable_after, &mut effects);
        self.route(input, turn);
        // Before anything is started again: who waits is told of what was.
        self.answer_waiters(turn);
        self.watch_idle(turn);
        self.settle(turn);
        self.answer_waiters(turn);
        self.report_waiting(turn);
        self.tell_listeners(turn);
        if let Mood::Finished { end } = self.mood {
            self.finish(end, turn);
        }
        effects
    }

    /// When [`Input::Tick`] is due, if nothing else happens before. What is due is
    /// served by a tick, or by a few where one leads to the next (a stop that waits for
    /// nothing): a caller that obeys cannot spin.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        if self.mood == Mood::Over {
            return None;
        }
        let waiters = self.waiters.iter().filter_map(Waiter::deadline);
        let late = self.late_at.filter(|_| self.mood == Mood::Running);
        let waiters = waiters.chain(self.pools().filter_map(Pool::deadline));
        let own = self
            .mood
            .deadline()
            .into_iter()
            .chain(self.idle_deadline())
            .chain(self.ticks.deadline())
            .chain(late);
        self.processes.values().filter_map(Process::deadline).chain(waiters).chain(own).min()
    }

    /// The process whose main process has this pid at present.
    #[must_use]
    pub fn main_process(&self, pid: Pid) -> Option<ProcId> {
        let mut processes = self.processes.iter();
        processes.find(|(_, process)| process.pid() == Some(pid)).map(|(proc, _)| *proc)
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

    /// The groups of the configuration that was read last, in start order, and whether
    /// they are active.
    pub fn available(&self) -> impl Iterator<Item = GroupInfo<'_>> {
        self.available
            .iter()
            .map(|spec| GroupInfo { spec, active: self.group(&spec.name).is_some() })
    }

    /// All pools of event listeners.
    pub fn listener_pools(&self) -> impl Iterator<Item = PoolInfo<'_>> {
        self.pools().map(Pool::info)
    }

    /// How many requests wait for processes.
    #[must_use]
    pub fn waiting_requests(&self) -> usize {
        self.waiters.len()
    }

    /// All processes that aren't event listeners, in start order.
    pub(crate) fn programs_with_info(&self) -> impl Iterator<Item = Info<'_>> {
        self.programs().map(Info::new)
    }

    /// Whether everything is being stopped.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        !matches!(self.mood, Mood::Booting | Mood::Running)
    }

    fn route(&mut self, input: Input, turn: &mut Turn<'_>) {
        match input {
            Input::Boot => self.boot(turn),
            Input::Tick => self.tick(turn),
            Input::Spawned { proc, run, pid } => {
                self.with(proc, turn, |process, turn| process.spawned(run, pid, turn));
            }
            Input::SpawnFailed { proc, run, error } => {
                self.with(proc, turn, |process, turn| process.spawn_failed(run, error, turn));
            }
            Input::Reaped { pid, exit, found } => self.reaped(pid, exit, found, turn),
            Input::DescendantEnded { proc, main, death } => {
                self.with(proc, turn, |process, turn| process.descendant_ended(main, death, turn));
            }
            Input::Census { proc, run, main, members } => {
                self.with(proc, turn, |process, turn| process.counted(run, main, members, turn));
            }
            Input::TreeEnded { proc, run } => {
                self.with(proc, turn, |process, turn| process.tree_ended(run, turn));
            }
            Input::Checked { proc, run, result, load } => {
                self.with(proc, turn, |process, turn| process.checked(run, result, load, turn));
            }
            Input::Progressed { proc, run, look } => {
                self.with(proc, turn, |process, turn| process.progressed(run, look, turn));
            }
            Input::LoadSeen { proc, run, requests } => self.load_seen(proc, run, requests, turn),
            Input::TreeCounted { proc, run, count } => {
                self.with(proc, turn, |process, turn| process.tree_counted(run, count, turn));
            }
            Input::OutputSeen { proc, run, block } => {
                self.with(proc, turn, |process, turn| process.output_seen(run, block, turn));
            }
            Input::Notified { proc, said } => {
                self.with(proc, turn, |process, turn| process.notified(said, turn));
            }
            Input::ReadyLogged { proc, pid } => {
                self.with(proc, turn, |process, turn| process.ready_logged(pid, turn));
            }
            Input::Collected { proc, run } => {
                self.with(proc, turn, |process, turn| process.collected(run, turn));
            }
            Input::Tidied { proc, run } => {
                self.with(proc, turn, |process, _| process.tidied(run));
            }
            Input::Connected { proc, run, result } => {
                self.with(proc, turn, |process, turn| process.connected(run, result, turn));
            }
            Input::Signalled(signal) => self.signalled(signal, turn),
            Input::Suspended { pid, job } => self.suspended(pid, job, turn),
            Input::Request { id, command } => self.order(id, command, turn),
            Input::RequestGone { id } => self.waiters.retain(|waiter| waiter.id != id),
            Input::ListenerSaid { proc, pid, data } => {
                self.listener_said(proc, pid, &data, turn);
            }
            Input::TellFailed { proc, serial } => self.tell_failed(proc, serial, turn),
            Input::Logged { proc, pid, channel, data } => {
                self.wrote(proc, pid, channel, data, events::Wrote::Log, turn);
            }
            Input::Communicated { proc, pid, channel, data } => {
                self.wrote(proc, pid, channel, data, events::Wrote::Message, turn);
            }
        }
    }

    fn boot(&mut self, turn: &mut Turn<'_>) {
        if self.mood != Mood::Booting {
            return;
        }
        self.mood = Mood::Running;
        self.late_at = match self.when_done {
            WhenDone::Proceed { within } => Some(turn.now + within),
            WhenDone::Stay | WhenDone::Exit => None,
        };
        self.announce_groups(turn);
        let order: Vec<ProcId> = self.in_start_order().collect();
        for proc in order {
            if let Some(process) = self.processes.get_mut(&proc)
                && process.spec.autostart
            {
                process.start_with_others(turn);
            }
        }
        if self.when_done == WhenDone::Exit && !self.processes.values().any(Process::is_active) {
            turn.log(Line::NothingToRun);
        }
    }

    fn tick(&mut self, turn: &mut Turn<'_>) {
        for process in self.processes.values_mut() {
            let before = process.outcome();
            process.tick(turn);
            // A wait may have taken too long. Listeners wait for nothing.
            if let (None, Some(outcome)) = (before, process.outcome()) {
                self.last_outcome = outcome;
            }
        }
        self.give_up_if_late(turn);
    }

    fn in_start_order(&self) -> impl Iterator<Item = ProcId> {
        self.groups.iter().flat_map(|group| group.members.iter().copied())
    }

    /// Hands an input to the process it is for.
    fn with(
        &mut self,
        proc: ProcId,
        turn: &mut Turn<'_>,
        act: impl FnOnce(&mut Process, &mut Turn<'_>),
    ) {
        let listens = self.pool_of(proc).is_some();
        let Some(process) = self.processes.get_mut(&proc) else {
            // An answer may come after its group was removed.
            if proc >= self.next_proc {
                turn.log(Line::Bug { what: format!("there is no process {}", proc.0) });
            }
            return;
        };
        let before = process.outcome();
        act(process, turn);
        // Listeners are there for the others: what becomes of them says nothing.
        if let (None, Some(outcome), false) = (before, process.outcome(), listens) {
            self.last_outcome = outcome;
        }
    }

    fn reaped(&mut self, pid: Pid, exit: Exit, found: Circumstances, turn: &mut Turn<'_>) {
        if let Some(proc) = self.main_process(pid) {
            self.with(proc, turn, |process, turn| process.reaped(exit, found, turn));
            if let Some(pool) = self.pool_of_mut(proc) {
                pool.ended(proc, turn);
            }
            return;
        }
        match self.processes.values_mut().find(|process| process.left_behind(pid)) {
            Some(process) => process.leftover_reaped(pid, exit, turn),
            None => turn.log(Line::ReapedUnknown { pid, exit }),
        }
    }

    /// Does what follows from the states as they are.
    fn settle(&mut self, turn: &mut Turn<'_>) {
        while self.mood == Mood::Running {
            self.end_with_the_essential(turn);
            // Each that is given up may be the last hope of another, or essential.
            if self.mood != Mood::Running || !self.give_up_lost(turn) {
                break;
            }
        }
        if self.mood == Mood::Running {
            self.let_through(turn);
            for process in self.processes.values_mut() {
                process.start_if_due(turn);
            }
            self.end_if_done(turn);
        }
        if let Mood::Ending { end, from, .. } = self.mood {
            self.proceed_to(end, from, turn);
        }
    }
}
