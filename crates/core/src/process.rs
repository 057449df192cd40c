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
//!
//! A start waits until the tree of the last run is clear (see [`crate::tree`]).
//! Deadlines are fields of the states that wait for them: leaving a state drops
//! its deadline, so a stale timer cannot exist.

use std::time::Duration;

use crate::effect::{Effect, Target};
use crate::ids::{Member, Pid, ProcId, RunId};
use crate::input::{Exit, SpawnError};
use crate::line::{GaveUp, Line};
use crate::retry::{Failures, Verdict};
use crate::signal::Signal;
use crate::spec::{Autorestart, ProcessSpec, RetryRule};
use crate::time::Mono;
use crate::tree::{Push, Sweep, Tree, UNKILLABLE_AFTER};

/// The name of a state, as supervisord shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "https://supervisord.org/subprocess.html#process-states")]
pub enum Label {
    Stopped,
    Starting,
    Running,
    Backoff,
    Stopping,
    Exited,
    Fatal,
}

impl Label {
    /// In capitals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Stopping => "STOPPING",
            Self::Exited => "EXITED",
            Self::Fatal => "FATAL",
        }
    }
}

/// Where a process stands, with all that this state knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Stopped,
    /// The start was asked for and has not been answered.
    Spawning {
        run: RunId,
    },
    Starting {
        live: Live,
        running_at: Mono,
    },
    Running {
        live: Live,
    },
    Backoff {
        retry_at: Mono,
    },
    Stopping {
        live: Live,
        kill: Kill,
    },
    /// `again`: to be started once the tree is clear.
    Exited {
        exit: Exit,
        again: bool,
    },
    Fatal {
        why: Fatal,
    },
}

/// A process that the kernel has and that was not reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) run: RunId,
    pub(crate) pid: Pid,
    pub(crate) since: Mono,
}

/// How far a stop has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// It was asked; SIGKILL follows at this time.
    At(Mono),
    /// SIGKILL was sent; from this time on it counts as unkillable.
    Sent { stuck_at: Mono },
    /// It survived.
    Stuck,
}

/// Why a process is in FATAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fatal {
    /// It was given up; a shell would report this status.
    GaveUp { status: u8 },
    /// It waited for its next start when the supervisor was asked to stop.
    CutShort,
}

/// One process: its rules, its state, its history, what it left behind.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    id: ProcId,
    pub(crate) spec: ProcessSpec,
    state: State,
    failures: Failures,
    tree: Tree,
    runs: u64,
}

/// What a transition may use: the time, and a place for its effects.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) now: Mono,
    pub(crate) effects: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    pub(crate) fn log(&mut self, line: Line) {
        self.effects.push(Effect::Log(line));
    }

    fn signal(&mut self, target: Target, signal: Signal) {
        self.effects.push(Effect::Signal { target, signal });
    }
}

impl Process {
    pub(crate) fn new(id: ProcId, spec: ProcessSpec) -> Self {
        let (state, tree) = (State::Stopped, Tree::Clear);
        Self { id, spec, state, failures: Failures::default(), tree, runs: 0 }
    }

    /// The pid of the main process, while it has not been reaped.
    pub(crate) const fn pid(&self) -> Option<Pid> {
        match &self.state {
            State::Starting { live, .. }
            | State::Running { live }
            | State::Stopping { live, .. } => Some(live.pid),
            State::Stopped
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => None,
        }
    }

    /// The exit status that speaks for it once it has ended for good: 0 if its
    /// exit was expected. `None`: it has not, or was told to.
    pub(crate) fn outcome(&self) -> Option<u8> {
        match &self.state {
            State::Exited { exit, again: false } if self.expects(*exit) => Some(0),
            State::Exited { exit, again: false } => Some(exit.status()),
            State::Fatal { why: Fatal::GaveUp { status } } => match self.spec.retry {
                RetryRule::Once => Some(*status),
                RetryRule::FailedStarts | RetryRule::Consecutive { .. } => Some(1),
            },
            State::Exited { again: true, .. }
            | State::Fatal { why: Fatal::CutShort }
            | State::Stopped
            | State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Stopping { .. } => None,
        }
    }

    /// Whether it was given up.
    pub(crate) const fn gave_up(&self) -> bool {
        matches!(self.state, State::Fatal { why: Fatal::GaveUp { .. } })
    }

    /// Whether something of it lives or will be started without being asked for.
    pub(crate) const fn is_active(&self) -> bool {
        self.tree.is_busy()
            || match &self.state {
                State::Stopped
                | State::Fatal { .. }
                | State::Exited { again: false, .. }
                | State::Stopping { kill: Kill::Stuck, .. } => false,
                State::Spawning { .. }
                | State::Starting { .. }
                | State::Running { .. }
                | State::Backoff { .. }
                | State::Stopping { .. }
                | State::Exited { again: true, .. } => true,
            }
    }

    /// Whether something of it survived SIGKILL.
    pub(crate) const fn is_stuck(&self) -> bool {
        self.tree.is_stuck() || matches!(self.state, State::Stopping { kill: Kill::Stuck, .. })
    }

    /// Whether `pid` was found among what it left behind.
    pub(crate) fn left_behind(&self, pid: Pid) -> bool {
        self.tree.holds(pid)
    }

    /// When it wants to be ticked next.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let own = match &self.state {
            State::Starting { running_at, .. } => Some(*running_at),
            State::Backoff { retry_at } if self.tree.is_clear() => Some(*retry_at),
            State::Stopping { kill: Kill::At(at) | Kill::Sent { stuck_at: at }, .. } => Some(*at),
            State::Stopped
            | State::Spawning { .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Stopping { kill: Kill::Stuck, .. }
            | State::Exited { .. }
            | State::Fatal { .. } => None,
        };
        [own, self.tree.deadline()].into_iter().flatten().min()
    }

    /// Asks for a start, if nothing stands in its way.
    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) {
        if self.pid().is_some() || !self.tree.is_clear() {
            return;
        }
        self.runs += 1;
        let run = RunId(self.runs);
        self.enter(State::Spawning { run }, turn);
        turn.effects.push(Effect::Spawn { proc: self.id, run });
    }

    /// Starts a process whose time has come.
    pub(crate) fn start_if_due(&mut self, turn: &mut Turn<'_>) {
        let due = match &self.state {
            State::Backoff { retry_at } => turn.now >= *retry_at,
            State::Exited { again, .. } => *again,
            State::Stopped
            | State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Fatal { .. } => false,
        };
        if due {
            self.start(turn);
        }
    }

    pub(crate) fn spawned(&mut self, run: RunId, pid: Pid, turn: &mut Turn<'_>) {
        let State::Spawning { run: expected } = self.state else {
            return self.stray(pid, turn);
        };
        if run != expected {
            return self.stray(pid, turn);
        }
        turn.log(Line::Spawned { name: self.name(), pid });
        let live = Live { run, pid, since: turn.now };
        let running_at = turn.now + self.spec.startsecs;
        self.enter(State::Starting { live, running_at }, turn);
        if self.spec.startsecs.is_zero() {
            self.succeed(live, turn);
        }
    }

    pub(crate) fn spawn_failed(&mut self, run: RunId, error: SpawnError, turn: &mut Turn<'_>) {
        let State::Spawning { run: expected } = self.state else { return };
        if run != expected {
            return;
        }
        turn.log(Line::SpawnFailed { message: error.message, kind: error.kind });
        let hopeless = match self.spec.retry {
            RetryRule::FailedStarts => false,
            RetryRule::Consecutive { .. } => error.kind.is_permanent(),
            RetryRule::Once => true,
        };
        let status = error.kind.status();
        if hopeless {
            return self.give_up(GaveUp::CannotStart, status, turn);
        }
        match self.failures.add(false, self.spec.startretries) {
            Verdict::Retry(wait) => self.back_off(wait, turn),
            Verdict::GiveUp => self.give_up(GaveUp::TooManyRetries, status, turn),
        }
    }

    /// The main process ended.
    pub(crate) fn reaped(&mut self, exit: Exit, turn: &mut Turn<'_>) {
        match self.state.clone() {
            State::Starting { live, running_at } if turn.now < running_at => {
                turn.log(Line::Exited { name: self.name(), exit, expected: false });
                self.fail_run(live, false, exit, turn);
            }
            State::Starting { live, .. } | State::Running { live } => {
                self.exited(live, exit, turn);
            }
            State::Stopping { kill, .. } => {
                let expected = self.expects(exit);
                self.enter(State::Stopped, turn);
                turn.log(Line::Stopped { name: self.name(), exit, expected });
                let killed = matches!(kill, Kill::Sent { .. } | Kill::Stuck);
                self.sweep(if killed { Push::Force } else { Push::Ask }, turn);
                return;
            }
            State::Stopped
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => {
                let what = format!("{} ended while it was not alive", self.spec.name);
                return turn.log(Line::Bug { what });
            }
        }
        self.sweep(Push::Ask, turn);
    }

    /// One of those that it left behind ended.
    pub(crate) fn leftover_reaped(&mut self, pid: Pid, turn: &mut Turn<'_>) {
        let sweep = self.tree.reaped(pid);
        self.carry_out(sweep, turn);
    }

    /// Its tree was counted.
    pub(crate) fn counted(&mut self, run: RunId, members: Vec<Member>, turn: &mut Turn<'_>) {
        if run != RunId(self.runs) {
            return;
        }
        if let State::Stopping { kill: Kill::Sent { .. }, .. } = self.state {
            for member in members {
                turn.signal(Target::Member(member), Signal::KILL);
            }
            return;
        }
        let sweep = self.tree.counted(turn.now, members);
        self.carry_out(sweep, turn);
    }

    /// Time passed.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        match self.state.clone() {
            State::Starting { live, running_at } if turn.now >= running_at => {
                self.succeed(live, turn);
            }
            State::Stopping { kill: Kill::At(at), .. } if turn.now >= at => self.kill(turn),
            State::Stopping { live, kill: Kill::Sent { stuck_at } } if turn.now >= stuck_at => {
                self.enter(State::Stopping { live, kill: Kill::Stuck }, turn);
                self.report_unkillable(vec![live.pid], turn);
            }
            State::Stopped
            | State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Backoff { .. }
            | State::Stopping { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => {}
        }
        let sweep = self.tree.tick(turn.now);
        self.carry_out(sweep, turn);
    }

    /// Asks it to stop, and not to start again. Safe to repeat.
    pub(crate) fn stop(&mut self, turn: &mut Turn<'_>) {
        match self.state.clone() {
            State::Starting { live, .. } | State::Running { live } => {
                let (pid, signal) = (live.pid, self.spec.stopsignal);
                let group = self.spec.stopasgroup;
                let kill = Kill::At(turn.now + self.spec.stopwaitsecs);
                if self.spec.killtree {
                    // Who belongs to it is easiest to see while it is whole.
                    turn.effects.push(Effect::Census { proc: self.id, run: live.run });
                }
                self.enter(State::Stopping { live, kill }, turn);
                turn.log(Line::Stopping { name: self.name(), pid, group, signal });
                turn.signal(main_target(pid, group), signal);
            }
            State::Backoff { .. } | State::Exited { .. } => self.cancel_start(turn),
            // Once it has been answered there is something to stop.
            State::Spawning { .. }
            | State::Stopped
            | State::Stopping { .. }
            | State::Fatal { .. } => {}
        }
    }

    /// Forgets a start that it is waiting for.
    pub(crate) fn cancel_start(&mut self, turn: &mut Turn<'_>) {
        match self.state {
            State::Backoff { .. } => self.enter(State::Fatal { why: Fatal::CutShort }, turn),
            State::Exited { exit, .. } => self.enter(State::Exited { exit, again: false }, turn),
            State::Stopped
            | State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Fatal { .. } => {}
        }
    }

    /// Ends all patience: SIGKILL for whatever of it is left.
    pub(crate) fn hurry(&mut self, turn: &mut Turn<'_>) {
        self.stop(turn);
        if let State::Stopping { kill: Kill::At(_), .. } = self.state {
            self.kill(turn);
        }
        let sweep = self.tree.hurry();
        self.carry_out(sweep, turn);
    }

    /// Passes a signal on to the main process.
    pub(crate) fn forward(&self, signal: Signal, turn: &mut Turn<'_>) {
        if let Some(pid) = self.pid() {
            turn.log(Line::Forwarding { name: self.name(), pid, signal });
            turn.signal(Target::Process(pid), signal);
        }
    }

    fn succeed(&mut self, live: Live, turn: &mut Turn<'_>) {
        self.enter(State::Running { live }, turn);
        self.failures.forgive(self.spec.retry, Duration::ZERO);
        turn.log(Line::Success { name: self.name(), startsecs: self.spec.startsecs });
    }

    /// A run that was up ended without being asked to.
    fn exited(&mut self, live: Live, exit: Exit, turn: &mut Turn<'_>) {
        self.enter(State::Running { live }, turn);
        self.failures.forgive(self.spec.retry, turn.now - live.since);
        let expected = self.expects(exit);
        let again = match self.spec.autorestart {
            Autorestart::Never => false,
            Autorestart::Unexpected => !expected,
            Autorestart::Always => true,
        };
        let failure = again
            && match self.spec.retry {
                RetryRule::FailedStarts => false,
                RetryRule::Consecutive { .. } | RetryRule::Once => true,
            };
        self.enter(State::Exited { exit, again: again && !failure }, turn);
        turn.log(Line::Exited { name: self.name(), exit, expected: expected && !failure });
        if failure {
            self.fail_run(live, true, exit, turn);
        }
    }

    /// A run ended in a way that counts as a failure.
    fn fail_run(&mut self, live: Live, ran: bool, exit: Exit, turn: &mut Turn<'_>) {
        match self.failures.add(ran, self.spec.startretries) {
            Verdict::Retry(wait) if wait.is_zero() => {
                self.enter(State::Exited { exit, again: true }, turn);
            }
            Verdict::Retry(wait) => self.back_off(wait, turn),
            Verdict::GiveUp => {
                self.give_up(GaveUp::TooManyRetries, exit.status(), turn);
                self.tell_last_run(live, exit, turn);
            }
        }
    }

    /// supervisord has no such line, so its own rules do without.
    fn tell_last_run(&self, live: Live, exit: Exit, turn: &mut Turn<'_>) {
        match self.spec.retry {
            RetryRule::FailedStarts => {}
            RetryRule::Consecutive { .. } | RetryRule::Once => {
                let uptime = turn.now - live.since;
                turn.log(Line::LastRun { name: self.name(), run: live.run.0, uptime, exit });
            }
        }
    }

    fn back_off(&mut self, wait: Duration, turn: &mut Turn<'_>) {
        self.enter(State::Backoff { retry_at: turn.now + wait }, turn);
    }

    /// Goes to FATAL by way of BACKOFF, as observers of supervisord expect.
    fn give_up(&mut self, why: GaveUp, status: u8, turn: &mut Turn<'_>) {
        self.back_off(Duration::ZERO, turn);
        self.enter(State::Fatal { why: Fatal::GaveUp { status } }, turn);
        self.failures = Failures::default();
        turn.log(Line::GaveUp { name: self.name(), why });
    }

    /// SIGKILL for the main process, and for its tree once that has been counted.
    fn kill(&mut self, turn: &mut Turn<'_>) {
        let State::Stopping { live, .. } = self.state else { return };
        let kill = Kill::Sent { stuck_at: turn.now + UNKILLABLE_AFTER };
        self.enter(State::Stopping { live, kill }, turn);
        let (name, pid, group) = (self.name(), live.pid, self.spec.killasgroup);
        turn.log(Line::Killing { name: name.clone(), pid });
        turn.log(Line::Stopping { name, pid, group, signal: Signal::KILL });
        turn.signal(main_target(pid, group), Signal::KILL);
        if self.spec.killtree {
            turn.effects.push(Effect::KillTree { proc: self.id });
            turn.effects.push(Effect::Census { proc: self.id, run: live.run });
        }
    }

    fn sweep(&mut self, push: Push, turn: &mut Turn<'_>) {
        if self.spec.killtree {
            let sweep = self.tree.sweep(push);
            self.carry_out(sweep, turn);
        }
    }

    fn carry_out(&mut self, sweep: Sweep, turn: &mut Turn<'_>) {
        match sweep {
            Sweep::Nothing => {}
            Sweep::Count => {
                turn.effects.push(Effect::Census { proc: self.id, run: RunId(self.runs) });
            }
            Sweep::Signal(signal, members) => {
                let name = self.name();
                turn.log(Line::Leftovers { name, members: members.clone(), signal });
                if signal == Signal::KILL {
                    turn.effects.push(Effect::KillTree { proc: self.id });
                }
                for member in members {
                    turn.signal(Target::Member(member), signal);
                }
            }
            Sweep::GiveUp(members) => {
                self.report_unkillable(members.into_iter().map(|m| m.pid).collect(), turn);
            }
        }
    }

    fn report_unkillable(&self, pids: Vec<Pid>, turn: &mut Turn<'_>) {
        turn.log(Line::Unkillable { name: self.name(), pids, after: UNKILLABLE_AFTER });
    }

    /// Somebody was started whom nobody waits for. It must not stay.
    fn stray(&self, pid: Pid, turn: &mut Turn<'_>) {
        turn.log(Line::Bug { what: format!("{} was started twice", self.spec.name) });
        turn.signal(Target::Process(pid), Signal::KILL);
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

    /// Changes the state and tells observers if its label changed with it.
    fn enter(&mut self, next: State, turn: &mut Turn<'_>) {
        let from = self.state.label();
        self.state = next;
        let to = self.state.label();
        if from != to {
            turn.effects.push(Effect::Emit { proc: self.id, from, to });
        }
    }
}

impl State {
    pub(crate) const fn label(&self) -> Label {
        match self {
            Self::Stopped => Label::Stopped,
            Self::Spawning { .. } | Self::Starting { .. } => Label::Starting,
            Self::Running { .. } => Label::Running,
            Self::Backoff { .. } => Label::Backoff,
            Self::Stopping { .. } => Label::Stopping,
            Self::Exited { .. } => Label::Exited,
            Self::Fatal { .. } => Label::Fatal,
        }
    }
}

const fn main_target(pid: Pid, group: bool) -> Target {
    if group { Target::Group(pid) } else { Target::Process(pid) }
}
