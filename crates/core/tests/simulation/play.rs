//! One case: a core and a model with a hostile kernel and random operators.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use supervisor_core::device::UsersOf;
use supervisor_core::event::{Event, EventType};
use supervisor_core::failure::Found;
use supervisor_core::hook::{About, Alert};
use supervisor_core::ids::{Delivery, Member, Pid, ProcId, RunId};
use supervisor_core::input::{Circumstances, Death, OomCounter, OomKills};
use supervisor_core::line::Line;
use supervisor_core::report::RunReport;
use supervisor_core::signal::Signal;
use supervisor_core::spec::{SignalRule, Spec};
use supervisor_core::time::{Mono, Now, Wall};
use supervisor_core::{Answer, Effect, Input, SignalTarget, Supervisor};

use crate::invariants::{Invariant, broken, hold};
use crate::kernel::{Kernel, last_line};
use crate::listeners::Voice;
use crate::model::Model;
use crate::random::Random;
use crate::specs;

/// Random steps.
const CHAOS: usize = 60;

/// Maximum number of steps until everything has stopped.
const PATIENCE: usize = 4_000;

/// Maximum number of ticks at one moment until nothing is due.
const DUE_TICKS: usize = 4;

/// The initial wall-clock time in seconds.
const WALL_ZERO: u64 = 1_800_000_000;

pub(crate) struct Case {
    pub(crate) random: Random,
    pub(crate) core: Supervisor,
    /// A second core that gets the same inputs with another wall clock, unless ticks depend on the
    /// clock.
    twin: Option<Supervisor>,
    pub(crate) model: Model,
    pub(crate) kernel: Kernel,
    pub(crate) signals: SignalRule,
    pub(crate) now: Mono,
    /// The wall clock's offset.
    pub(crate) wall_ahead: Duration,
    /// Questions of the core that have not been answered.
    pub(crate) owed: Vec<Owed>,
    /// Questions that have been answered, and may be answered again.
    pub(crate) given: Vec<Owed>,
    /// The processes whose exit the core waits for.
    pub(crate) awaited: BTreeMap<ProcId, Vec<Member>>,
    pub(crate) voices: BTreeMap<ProcId, Voice>,
    /// The number of requests.
    pub(crate) asked: usize,
    /// Most requests are updates and rolling restarts.
    pub(crate) updates: bool,
    /// The final stop request has been sent.
    pub(crate) ends: bool,
    due_ticks: usize,
    /// The steps, if they are to be printed.
    log: Option<String>,
}

/// A question of the core.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owed {
    Spawn(ProcId, RunId),
    Census(ProcId, RunId),
    End(ProcId, RunId),
    Load(ProcId, RunId),
    Check(ProcId, RunId),
    Progress(ProcId, RunId),
    Tree(ProcId, RunId),
    Memory(ProcId, RunId),
    Output(ProcId, RunId),
    Collect(ProcId, RunId),
    Connect(ProcId, RunId),
    Tidy(ProcId, RunId),
    Port(ProcId, RunId, Option<Pid>),
    Devices(ProcId, RunId, Option<UsersOf>),
    Deliver(Delivery),
}

impl Case {
    pub(crate) fn new(seed: u64, verbose: bool) -> Self {
        let mut random = Random::new(seed);
        let spec = specs::spec(&mut random);
        let next_serial = if random.one_in(10) { i64::MAX as u64 - 3 } else { 0 };
        let core = Supervisor::new(spec.clone()).with_serials_from(next_serial);
        let twin = (!waits_for_ticks(&spec)).then(|| core.clone());
        let model = Model::new(&spec, next_serial);
        let log = verbose.then(|| format!("{spec:#?}\n"));
        Self {
            random,
            core,
            twin,
            model,
            kernel: Kernel::default(),
            signals: spec.signals,
            now: Mono::ZERO,
            wall_ahead: Duration::from_secs(WALL_ZERO),
            owed: Vec::new(),
            given: Vec::new(),
            awaited: BTreeMap::new(),
            voices: BTreeMap::new(),
            asked: 0,
            updates: seed >= crate::OF_UPDATES,
            ends: false,
            due_ticks: 0,
            log,
        }
    }

    pub(crate) fn log(self) -> String {
        self.log.unwrap_or_default()
    }

    pub(crate) fn play(&mut self) {
        if self.random.one_in(40) {
            self.give(Input::Signalled(Signal::TERM));
        }
        self.give(Input::Boot);
        for _ in 0..CHAOS {
            self.step();
        }
        if self.random.one_in(2) {
            self.calm_down();
        }
        self.end();
        for _ in 0..PATIENCE {
            if self.model.over {
                return self.after_the_end();
            }
            self.step();
        }
        broken(Invariant::Ends, "it does not end");
    }

    fn end(&mut self) {
        self.ends = true;
        if self.random.one_in(2) || self.signals == SignalRule::ForwardAll {
            self.request(supervisor_core::Command::Shutdown);
        } else {
            self.give(Input::Signalled(Signal::TERM));
        }
    }

    fn after_the_end(&mut self) {
        let effects = self.core.handle(self.clocks(), Input::Tick);
        let silent = effects.is_empty() && self.core.next_deadline().is_none();
        hold!(silent, Ends, "after the end comes {effects:?}");
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.model.over
    }

    const fn clocks(&self) -> Now {
        let wall = self.wall_ahead.saturating_add(self.now.since_zero());
        Now::new(self.now, Wall::from_epoch(wall))
    }

    /// Passes an input to the core and the model, and compares.
    pub(crate) fn give(&mut self, input: Input) {
        if self.is_over() {
            return;
        }
        let ticked = input == Input::Tick;
        let due = self.core.next_deadline().is_some_and(|at| at <= self.now);
        if let Some(log) = &mut self.log {
            writeln!(log, "{} {input:?}", self.now).unwrap();
        }
        let now = self.clocks();
        self.model.hears(self.now, &input, &self.kernel);
        self.follow(&input);
        let effects = self.core.handle(now, input.clone());
        if let Some(log) = &mut self.log {
            for effect in &effects {
                writeln!(log, "    {effect:?}").unwrap();
            }
        }
        self.compare_twin(input, &effects);
        for effect in &effects {
            self.model.sees(self.now, effect, &self.kernel);
            self.carry_out(effect);
        }
        let does_nothing = effects.iter().all(is_by_wall);
        hold!(!ticked || due || does_nothing, NothingUndueByTick, "{effects:?}");
        self.model.concludes(now, &effects, &self.core, &self.kernel);
        self.look_for_spinning(ticked);
    }

    fn look_for_spinning(&mut self, ticked: bool) {
        let due = ticked && self.core.next_deadline().is_some_and(|at| at <= self.now);
        self.due_ticks = if due { self.due_ticks + 1 } else { 0 };
        hold!(self.due_ticks <= DUE_TICKS, NoSpinning, "a deadline stays due");
        if due {
            // A tick may set a deadline that is due at once: a stop without a grace period.
            self.give(Input::Tick);
        }
    }

    fn compare_twin(&mut self, input: Input, effects: &[Effect]) {
        let Some(twin) = &mut self.twin else { return };
        if let Input::Request { command: supervisor_core::Command::Reread(_), .. } = input {
            self.twin = None;
            return;
        }
        let wall = Wall::from_epoch(Duration::from_secs(7));
        let others = twin.handle(Now::new(self.now, wall), input);
        let same = effects.len() == others.len()
            && effects.iter().zip(&others).all(|(one, other)| match (one, other) {
                (Effect::Report(one), Effect::Report(other)) => is_same_run(one, other),
                (
                    Effect::Deliver { delivery: one_to, alert: one, dropped: one_dropped, .. },
                    Effect::Deliver { delivery, alert: other, dropped, .. },
                ) => (one_to, one_dropped) == (delivery, dropped) && is_same_alert(one, other),
                (one, other) => one == other,
            });
        hold!(same, WallDecidesNothing, "{effects:?} or {others:?}");
        let deadlines = (twin.next_deadline(), self.core.next_deadline());
        hold!(deadlines.0 == deadlines.1, WallDecidesNothing, "{deadlines:?}");
    }

    /// Applies the side effects of an input to the kernel.
    fn follow(&mut self, input: &Input) {
        match input {
            Input::Reaped { .. } => {
                let model = &self.model;
                self.voices.retain(|proc, _| {
                    model.procs.get(proc).is_some_and(|proc| proc.alive().is_some())
                });
            }
            Input::Answer { run, answer: Answer::Spawned { .. } }
                if self.model.listens(run.proc) =>
            {
                self.voices.insert(run.proc, Voice::new(&mut self.random));
            }
            _ => {}
        }
    }

    fn carry_out(&mut self, effect: &Effect) {
        let (now, random) = (self.now, &mut self.random);
        match effect {
            Effect::Spawn { proc, run } => self.owed.push(Owed::Spawn(*proc, *run)),
            Effect::Census { proc, run } => self.owed.push(Owed::Census(*proc, *run)),
            Effect::LookAtLoad { proc, run } => self.owed.push(Owed::Load(*proc, *run)),
            Effect::AwaitEnd { proc, run, members } => {
                self.awaited.insert(*proc, members.clone());
                // A newer request replaces the earlier one.
                self.owed.retain(|owed| !matches!(owed, Owed::End(other, _) if other == proc));
                self.owed.push(Owed::End(*proc, *run));
            }
            Effect::Check { proc, run, .. } => self.owed.push(Owed::Check(*proc, *run)),
            Effect::LookAtProgress { proc, run } => self.owed.push(Owed::Progress(*proc, *run)),
            Effect::CountTree { proc, run } => self.owed.push(Owed::Tree(*proc, *run)),
            Effect::MeasureMemory { proc, run } => self.owed.push(Owed::Memory(*proc, *run)),
            Effect::LookAtOutput { proc, run } => self.owed.push(Owed::Output(*proc, *run)),
            Effect::Collect { proc, run, .. } => self.owed.push(Owed::Collect(*proc, *run)),
            Effect::Connect { proc, run } => self.owed.push(Owed::Connect(*proc, *run)),
            Effect::Deliver { delivery, .. } => self.owed.push(Owed::Deliver(*delivery)),
            Effect::Tidy { proc, run, .. } => self.owed.push(Owed::Tidy(*proc, *run)),
            Effect::LookAtDevices { proc, run, users } => {
                self.owed.push(Owed::Devices(*proc, *run, *users));
            }
            Effect::LookAtPort { proc, run, after, .. } => {
                self.owed.push(Owed::Port(*proc, *run, *after));
            }
            Effect::Signal { target: SignalTarget::Process(pid), signal } => {
                self.kernel.signal(*pid, *signal, now, random);
            }
            Effect::Signal { target: SignalTarget::Group(pid), signal } => {
                self.kernel.signal_group(*pid, *signal, now, random);
            }
            Effect::Signal { target: SignalTarget::Member(member), signal } => {
                // The daemon does not signal a process with another start time.
                if self.kernel.member(*member).is_some() {
                    self.kernel.signal(member.pid, *signal, now, random);
                }
            }
            Effect::KillTree { proc } => self.kernel.kill_tree(*proc, now, random),
            Effect::Tell { proc, envelope } => {
                if let Some(voice) = self.voices.get_mut(proc) {
                    voice.told(envelope.serial, random);
                }
            }
            Effect::Suspend { pid } | Effect::Resume { pid } => self.kernel.resume(*pid),
            Effect::LookAtFiles { .. }
            | Effect::Report(_)
            | Effect::Log(_)
            | Effect::Emit(_)
            | Effect::Notice(_)
            | Effect::Print { .. }
            | Effect::Reply { .. }
            | Effect::AddGroup { .. }
            | Effect::RemoveProcesses { .. }
            | Effect::UpdateGroup { .. }
            | Effect::ReopenLogs
            | Effect::Exit { .. }
            | Effect::Restart
            | Effect::Proceed => {}
        }
    }

    /// Reaps a process. Its pid is free at once.
    pub(crate) fn reap(&mut self, pid: Pid) {
        let owner = self.kernel.entry(pid).filter(|entry| !entry.main);
        if let Some(proc) = owner.and_then(|entry| entry.owner) {
            self.descendant_ended(proc, pid);
        }
        if let Some(exit) = self.kernel.reap(pid) {
            let count = u64::from(self.random.one_in(8));
            let counter = self.random.pick(&[OomCounter::Own, OomCounter::Shared]);
            let oom_kills = OomKills { count, counter };
            let signs =
                ["", "missing_module", "model_not_found", "disk_full", "cuda_out_of_memory"];
            let sign = self.random.pick(&signs);
            let found = (!sign.is_empty()).then(|| Found { sign, line: last_line(pid) });
            let shared_memory_full = self.random.one_in(2);
            let last_line = Some(last_line(pid));
            let texts = ["r0", "r1"].into_iter().filter(|_| self.random.one_in(3));
            let texts = texts.map(str::to_owned).collect();
            let found = Circumstances { oom_kills, last_line, found, shared_memory_full, texts };
            self.give(Input::Reaped { pid, exit, found });
        }
    }

    /// Reports the exit of a descendant, sometimes late.
    fn descendant_ended(&mut self, proc: ProcId, pid: Pid) {
        let alive = self.model.procs.get(&proc).and_then(|proc| proc.alive());
        let exit = self.kernel.entry(pid).and_then(|entry| entry.dead);
        let exit = exit.filter(|_| pid.0 % 5 > 0);
        let main = alive.map(|alive| alive.pid).filter(|_| pid.0 % 7 > 0).unwrap_or(Pid(99));
        let death = Death { name: "worker".to_owned(), pid, exit };
        self.give(Input::DescendantEnded { proc, main, death });
    }

    /// Reports exits before the tick, as the real loop does.
    pub(crate) fn tick(&mut self) {
        for pid in self.kernel.unreaped() {
            self.reap(pid);
        }
        self.give(Input::Tick);
    }
}

/// Whether two reports differ only in wall-clock times.
fn is_same_run(one: &RunReport, other: &RunReport) -> bool {
    let other = RunReport { started: one.started, ended: one.ended, ..other.clone() };
    *one == other
}

fn is_same_alert(one: &Alert, other: &Alert) -> bool {
    match (&one.about, &other.about) {
        (About::Run(one), About::Run(other)) => is_same_run(one, other),
        (one, other) => one == other,
    }
}

/// Whether an effect may depend on the wall clock.
fn is_by_wall(effect: &Effect) -> bool {
    match effect {
        Effect::Emit(event) => matches!(**event, Event::Tick { .. }),
        Effect::Tell { .. } => true,
        Effect::Log(line) => matches!(line, Line::EventSent { .. } | Line::EventLost { .. }),
        _ => false,
    }
}

fn waits_for_ticks(spec: &Spec) -> bool {
    let pools = spec.groups.iter().filter_map(|group| group.pool.as_ref());
    let mut subscribed = pools.flat_map(|pool| &pool.events);
    subscribed.any(|kind| EventType::Tick5.is_a(*kind) || kind.is_a(EventType::Tick))
}
