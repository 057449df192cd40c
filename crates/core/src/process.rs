//! The state of one process and every change of it.
//!
//! ```text
//!                      ┌──────────────── again ────────────────┐
//!                      v                                       │
//!   Stopped ──> Spawning ──> Starting ──> Running ──> Exited ──┤
//!      ^           │ failed     │ died      │ died      │      │ failed too
//!      │           └────────────┴──> Backoff <──────────┘      │ (wait grows)
//!      │                               │  └────────────────────┘
//!      │                               v too often
//!      └── Stopping <── stop         Fatal
//! ```
//! A start waits until no process of the last run is left (see [`crate::tree`]). A request during a
//! spawn or a stop takes effect afterwards: [`Intent`]. Deadlines are fields of the states that
//! wait for them. Leaving a state drops its deadline, so a stale timer cannot exist.

mod awaiting;
mod changing;
mod condition;
mod deaths;
mod dumping;
mod ending;
pub(crate) mod gate;
mod goal;
mod history;
mod orphans;
mod reporting;
mod ruling;
mod runs;
mod starting;
mod state;
mod stopping;
mod tidying;
mod watching;

use std::rc::Rc;
use std::time::Duration;

use crate::answer::Answer;
use crate::device::Devices;
use crate::effect::Effect;
use crate::event::{Entered, Event, Named};
use crate::failure::Class;
use crate::hook::About;
use crate::ids::{Pid, RunId};
use crate::input::Exit;
use crate::line::Line;
use crate::notice::Notice;
use crate::report::RunReport;
use crate::retry::{Failures, RecentStarts};
use crate::signal::{Signal, SignalTarget};
use crate::spec::{ProcessSpec, RetryRule};
use crate::state_name::StateName;
use crate::time::{Mono, Now, Wall};
use crate::tree::Tree;

use condition::Shown;
use deaths::Deaths;
pub use deaths::FORERUNNER_WITHIN;
pub(crate) use gate::{ByOrder, Gate, Standing};
pub(crate) use goal::Goal;
pub use history::{History, StopCounts};
use orphans::Orphans;
pub use runs::{EndReason, RUNS_KEPT, RunEnd, RunRecord, Runs};
use state::{AfterExit, AfterStop, Due, Fatal, Intent, Kill, Live, State};
use stopping::StopRecord;

/// One process: its rules, its state, its history and its leftover processes.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) named: Rc<Named>,
    pub(crate) spec: Rc<ProcessSpec>,
    pub(crate) history: History,
    state: State,
    /// Its condition at the end of the latest input.
    shown: Shown,
    failures: Failures,
    starts: RecentStarts,
    /// Whether the health check has succeeded in the current run.
    answered: bool,
    /// Whether the log already says that the program seems to run in the background.
    told_background: bool,
    /// Whether it was ever ready.
    was_ready: bool,
    tree: Tree,
    /// The time of the next census, after one failed.
    recount_at: Option<Mono>,
    /// The reason why a requested start is delayed.
    gate: Gate,
    runs: u64,
    /// Whether the cleanup before the first start, if configured, has been done.
    cleared: bool,
    /// Whether the next start has to wait for its port, if it has one.
    port_unseen: bool,
    /// The first look at its devices.
    devices: Devices,
    /// When the last run had gone, until the next start has waited for its devices.
    left_at: Option<Mono>,
    /// When the files that a run has open were last recorded, and the run.
    files_seen: Option<(RunId, Mono)>,
    /// The report of the latest exit by itself, until all leftover processes have exited.
    report: Option<Box<RunReport>>,
    /// The descendants that exited in the current or the latest run.
    deaths: Deaths,
    orphans: Orphans,
    /// The last line of output of the latest run, if known.
    last_line: Option<String>,
    /// The failure of the latest run, if the program was never ready and a retry would not help.
    hopeless: Option<(Class, String)>,
    /// The record of the stop in progress, until the whole tree has exited.
    stop_record: Option<StopRecord>,
}

/// The inputs of a transition, and the list of its effects.
#[derive(Debug)]
pub(crate) struct Transition<'a> {
    pub(crate) now: Mono,
    pub(crate) wall: Wall,
    /// Whether everything is being stopped, so that nothing starts again.
    pub(crate) ending: bool,
    /// Time after SIGKILL until a process that still exists is reported as unkillable.
    pub(crate) unkillable_after: Duration,
    /// The latest time for SIGKILL in a stop that starts now, even if its grace period is longer.
    pub(crate) kill_by: Option<Mono>,
    /// The seed of the random part of delays.
    pub(crate) seed: u64,
    /// The events for hooks.
    pub(crate) happened: Vec<About>,
    pub(crate) effects: &'a mut Vec<Effect>,
}

impl<'a> Transition<'a> {
    pub(crate) const fn new(
        now: Now,
        ending: bool,
        unkillable_after: Duration,
        seed: u64,
        effects: &'a mut Vec<Effect>,
    ) -> Self {
        Self {
            now: now.mono,
            wall: now.wall,
            ending,
            unkillable_after,
            kill_by: None,
            seed,
            happened: Vec::new(),
            effects,
        }
    }

    pub(crate) fn log(&mut self, line: Line) {
        self.effects.push(Effect::Log(line));
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.effects.push(Effect::Emit(Rc::new(event)));
    }

    fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(Rc::new(notice)));
    }

    fn signal(&mut self, target: SignalTarget, signal: Signal) {
        self.effects.push(Effect::Signal { target, signal });
    }
}

impl Process {
    pub(crate) fn new(named: Rc<Named>, spec: Rc<ProcessSpec>) -> Self {
        Self {
            named,
            spec,
            history: History::default(),
            state: State::Stopped { intent: Intent::Rest },
            shown: Shown::default(),
            failures: Failures::default(),
            starts: RecentStarts::default(),
            answered: false,
            told_background: false,
            was_ready: false,
            tree: Tree::Clear,
            recount_at: None,
            gate: Gate::Open,
            runs: 0,
            cleared: false,
            port_unseen: false,
            devices: Devices::default(),
            left_at: None,
            files_seen: None,
            report: None,
            deaths: Deaths::default(),
            orphans: Orphans::default(),
            last_line: None,
            hopeless: None,
            stop_record: None,
        }
    }

    pub(crate) const fn state_name(&self) -> StateName {
        self.state.state_name()
    }

    /// The current run, or the latest one; 0 before the first.
    pub(crate) const fn run(&self) -> RunId {
        RunId(self.runs)
    }

    /// Whether an answer about `run` is about the current run, or, for servers that a start waits
    /// for, about the next one.
    pub(crate) const fn awaits(&self, run: RunId, answer: &Answer) -> bool {
        match answer {
            Answer::Connected(_) => run.0 == self.next_run().0,
            Answer::Spawned { .. }
            | Answer::SpawnFailed(_)
            | Answer::Census { .. }
            | Answer::CensusFailed
            | Answer::TreeEnded
            | Answer::Checked { .. }
            | Answer::Progressed(_)
            | Answer::LoadSeen { .. }
            | Answer::TreeCounted(_)
            | Answer::MemorySeen { .. }
            | Answer::OutputSeen(_)
            | Answer::Collected
            | Answer::PortSeen { .. }
            | Answer::DevicesSeen(_)
            | Answer::Tidied => run.0 == self.runs,
        }
    }

    /// The number of starts.
    pub(crate) const fn runs(&self) -> u64 {
        self.runs
    }

    /// When the current run was started.
    pub(crate) const fn up_since(&self) -> Option<Mono> {
        match self.live() {
            Some(live) => Some(live.since),
            None => None,
        }
    }

    /// The pid of the main process, until it is reaped.
    pub(crate) const fn pid(&self) -> Option<Pid> {
        match self.live() {
            Some(live) => Some(live.pid),
            None => None,
        }
    }

    const fn live(&self) -> Option<Live> {
        match &self.state {
            State::Starting { live, .. }
            | State::Running { live, .. }
            | State::Stopping { live, .. } => Some(*live),
            State::Stopped { .. }
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => None,
        }
    }

    /// The exit code for it when it has exited and will not start again: 0 if its exit was
    /// expected. `None`: it has not exited, or it was stopped on request.
    pub(crate) fn outcome(&self) -> Option<u8> {
        match &self.state {
            State::Exited { exit, after: AfterExit::Rest } => {
                Some(if self.expects(*exit) { 0 } else { exit.status() })
            }
            State::Fatal { why: Fatal::GaveUp { status, code } } => match self.spec.retry {
                RetryRule::Once => Some(*status),
                RetryRule::FailedStarts | RetryRule::Consecutive { .. } => Some(*code),
            },
            State::Fatal { why: Fatal::ByAction { status, .. } } => Some(*status),
            State::Exited { .. }
            | State::Fatal { why: Fatal::CutShort }
            | State::Stopped { .. }
            | State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Stopping { .. } => None,
        }
    }

    /// Whether the supervisor gave up on it.
    pub(crate) const fn gave_up(&self) -> bool {
        matches!(self.state, State::Fatal { why: Fatal::GaveUp { .. } | Fatal::ByAction { .. } })
    }

    /// Whether the supervisor exits because of this process.
    pub(crate) const fn ends_all(&self) -> bool {
        matches!(self.state, State::Fatal { why: Fatal::ByAction { ends: true, .. } })
    }

    /// Whether a process of it is running or will start without a request.
    pub(crate) const fn is_active(&self) -> bool {
        self.tree.is_busy()
            || match &self.state {
                State::Stopped { intent: Intent::Rest }
                | State::Fatal { .. }
                | State::Exited { after: AfterExit::Rest | AfterExit::Held, .. }
                | State::Stopping { kill: Kill::Stuck, .. } => false,
                State::Stopped { intent: Intent::Run }
                | State::Spawning { .. }
                | State::Starting { .. }
                | State::Running { .. }
                | State::Backoff { .. }
                | State::Stopping { .. }
                | State::Exited { after: AfterExit::Run { .. }, .. } => true,
            }
    }

    /// Whether it is running or will start without a request. Unlike [`Self::is_active`], it
    /// ignores leftover processes.
    pub(crate) const fn is_started(&self) -> bool {
        match &self.state {
            State::Stopped { intent } | State::Spawning { intent, .. } => {
                matches!(intent, Intent::Run)
            }
            State::Exited { after, .. } => matches!(after, AfterExit::Run { .. }),
            State::Stopping { after, .. } => matches!(after, AfterStop::Run),
            State::Starting { .. } | State::Running { .. } | State::Backoff { .. } => true,
            State::Fatal { .. } => false,
        }
    }

    /// Whether an operator has stopped it and may start it again.
    pub(crate) const fn is_held(&self) -> bool {
        let rests = matches!(
            self.state,
            State::Stopped { intent: Intent::Rest } | State::Exited { after: AfterExit::Held, .. }
        );
        rests && self.runs > 0
    }

    /// Whether it is RUNNING.
    pub(crate) const fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether it is RUNNING and clients should send requests to it.
    pub(crate) const fn is_ready(&self) -> bool {
        matches!(&self.state, State::Running { health, .. } if health.is_healthy())
    }

    /// Whether a process of its tree survived SIGKILL.
    pub(crate) const fn is_stuck(&self) -> bool {
        self.tree.is_stuck() || matches!(self.state, State::Stopping { kill: Kill::Stuck, .. })
    }

    /// Whether `pid` belongs to its leftover processes.
    pub(crate) fn left_behind(&self, pid: Pid) -> bool {
        self.tree.holds(pid)
    }

    /// When [`Self::tick`] is due.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let own = match &self.state {
            State::Starting { health, .. } if health.is_looked_into() => health.deadline(),
            State::Starting { due, health, .. } => {
                let due = match due {
                    Due::Up(at) => Some(*at),
                    Due::Ready { by } => *by,
                };
                due.into_iter().chain(health.deadline()).min()
            }
            State::Running { health, .. } => health.deadline(),
            State::Backoff { retry_at: at }
            | State::Exited { after: AfterExit::Run { at }, .. }
                if self.tree.is_clear() && self.gate == Gate::Open =>
            {
                Some(*at)
            }
            State::Stopping { kill: Kill::Sent { stuck_at: at }, .. } => Some(*at),
            State::Stopped { .. }
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Stopping { kill: Kill::NotYet | Kill::Stuck, .. }
            | State::Exited { .. }
            | State::Fatal { .. } => None,
        };
        let others = [self.tree.deadline(), self.recount_at, self.gate.deadline()];
        own.into_iter().chain(others.into_iter().flatten()).min()
    }

    /// Acts on the deadlines that have passed.
    pub(crate) fn tick(&mut self, cx: &mut Transition<'_>) {
        match &self.state {
            State::Starting { .. } | State::Running { .. } => self.watch(cx),
            State::Stopping { live, kill: Kill::Sent { stuck_at }, after }
                if cx.now >= *stuck_at =>
            {
                let (live, after) = (*live, *after);
                self.enter(State::Stopping { live, kill: Kill::Stuck, after }, cx);
                self.report_unkillable(vec![live.pid], cx);
            }
            State::Stopped { .. }
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Stopping { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => {}
        }
        let tidied = self.tree.is_tidying();
        let step = self.tree.tick(cx.now, cx.unkillable_after);
        self.carry_out(step, cx);
        self.tick_awaited(cx);
        if tidied {
            self.await_if_wanted(cx);
        }
        if self.recount_at.is_some_and(|at| cx.now >= at) {
            self.count_tree(cx);
        }
        self.tick_gate(cx);
    }

    /// Forwards a signal to the main process. Returns whether there is one.
    pub(crate) fn forward(&self, signal: Signal, cx: &mut Transition<'_>) -> bool {
        let Some(pid) = self.pid() else { return false };
        cx.log(Line::Forwarding { name: self.name(), pid, signal });
        cx.signal(SignalTarget::Process(pid), signal);
        true
    }

    fn expects(&self, exit: Exit) -> bool {
        match exit {
            Exit::Code(code) => self.spec.exitcodes.contains(&code),
            Exit::Signal { .. } => false,
        }
    }

    fn name(&self) -> String {
        self.spec.name.clone()
    }

    /// Changes the state, and emits an event if the state's name changed.
    fn enter(&mut self, next: State, cx: &mut Transition<'_>) {
        let (from, pid) = (self.state.state_name(), self.pid());
        self.state = next;
        if !self.wants_start() {
            self.history.waited += self.gate.open(cx.now);
            self.stop_awaiting();
        }
        if from != self.state.state_name() {
            let (process, to) = (Rc::clone(&self.named), self.entered(pid));
            cx.emit(Event::State { process, from, to });
        }
    }

    /// The state for events. `before`: the previous main process.
    fn entered(&self, before: Option<Pid>) -> Entered {
        let tries = self.failures.count();
        match &self.state {
            State::Stopped { .. } => Entered::Stopped { pid: before },
            State::Spawning { .. } | State::Starting { .. } => Entered::Starting { tries },
            State::Running { live, .. } => Entered::Running { pid: live.pid },
            State::Backoff { .. } => Entered::Backoff { tries },
            State::Stopping { live, .. } => Entered::Stopping { pid: live.pid },
            State::Exited { exit, .. } => {
                Entered::Exited { pid: before, expected: self.expects(*exit) }
            }
            State::Fatal { .. } => Entered::Fatal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A supervisor may have a thousand programs.
    #[test]
    fn a_process_and_its_settings_take_about_a_kilobyte_each() {
        let sizes = [("Process", size_of::<Process>()), ("ProcessSpec", size_of::<ProcessSpec>())];
        for (name, size) in sizes {
            assert!(size <= 1152, "{name}: {size} bytes; box the parts that few programs use");
        }
    }
}
