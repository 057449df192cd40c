//! Stops a process.

use std::collections::BTreeMap;

use super::{AfterExit, AfterStop, Fatal, Intent, Kill, Live, Process, State, Transition};
use crate::command::Rejection;
use crate::effect::Effect;
use crate::ids::Pid;
use crate::line::Line;
use crate::retry::Failures;
use crate::signal::{Signal, SignalTarget};
use crate::spec::StopTarget;
use crate::time::Mono;
use crate::tree::Tree;
use crate::tree::drain::{Ask, AskReason, Drain, Reach};

impl Process {
    /// Stops the process and does not start it again. May be repeated.
    pub(crate) fn stop(&mut self, cx: &mut Transition<'_>) {
        match self.state.clone() {
            State::Starting { live, .. } | State::Running { live, .. } => {
                self.ask_to_stop(live, AfterStop::Rest, cx);
            }
            // The process is stopped when the daemon has answered.
            State::Spawning { run, .. } => {
                self.enter(State::Spawning { run, intent: Intent::Rest }, cx);
            }
            State::Stopping { .. }
            | State::Stopped { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => self.forget_start(cx),
        }
    }

    /// Sends the stop signal. `after`: the action after the stop.
    pub(super) fn ask_to_stop(&mut self, live: Live, after: AfterStop, cx: &mut Transition<'_>) {
        let (pid, signal, target) = (live.pid, self.spec.stopsignal, self.spec.stop_target);
        let wait = match after {
            AfterStop::Fail(_) => self.spec.health_stop.min(self.spec.stopwaitsecs),
            AfterStop::Run | AfterStop::Rest => self.spec.stopwaitsecs,
        };
        let wait = match cx.kill_by.map(|by| by - cx.now) {
            Some(left) if left < wait => {
                self.history.stops.cuts += 1;
                left
            }
            Some(_) | None => wait,
        };
        let reach = if self.spec.killtree { Reach::Tree(target) } else { Reach::MainOnly };
        if self.spec.killtree {
            self.look_at_files(live.run, cx);
            // Count before the first process exits, because descent shows best which processes
            // belong to it.
            self.count_tree(cx);
            cx.log(Line::StopBegins { name: self.name(), pid, target, signal, wait });
            self.stop_record = Some(StopRecord::new(cx.now));
        }
        self.tree = Tree::Draining(Box::new(Drain::of_main(cx.now, pid, signal, wait, reach)));
        self.enter(State::Stopping { live, kill: Kill::NotYet, after }, cx);
        let group = target == StopTarget::Group;
        cx.log(Line::Stopping { name: self.name(), pid, group, signal });
        cx.signal(main_target(pid, target), signal);
        self.history.stops.count(target);
    }

    /// Applies a shutdown's limit for SIGKILL to a stop that is already in progress.
    pub(crate) fn cap_stop(&mut self, cx: &Transition<'_>) {
        if let Some(kill_by) = cx.kill_by
            && self.tree.cap(cx.now, kill_by)
        {
            self.history.stops.cuts += 1;
        }
    }

    /// Handles a stop signal that was forwarded to the process unchanged. The grace period of its
    /// descendants begins with the first such signal.
    pub(crate) fn told_to_end(&mut self, signal: Signal, cx: &Transition<'_>) {
        let Some(signal) = self.spec.signal_map.sent(signal) else { return };
        if let State::Starting { live, .. } | State::Running { live, .. } = self.state
            && self.spec.killtree
            && self.tree.is_clear()
        {
            let wait = self.spec.stopwaitsecs;
            let drain = Drain::of_forwarded(cx.now, live.pid, signal, wait);
            self.tree = Tree::Draining(Box::new(drain));
        }
    }

    /// Signals other processes of the tree.
    pub(super) fn ask_others(&mut self, asks: Vec<Ask>, cx: &mut Transition<'_>) {
        let mut lines: BTreeMap<(AskReason, Signal), Vec<Pid>> = BTreeMap::new();
        for ask in &asks {
            let pid = match ask.target {
                SignalTarget::Process(pid) | SignalTarget::Group(pid) => pid,
                SignalTarget::Member(member) => member.pid,
            };
            lines.entry((ask.reason, ask.signal)).or_default().push(pid);
        }
        let kill_in = self.tree.kill_in(cx.now);
        for ((reason, signal), pids) in lines {
            let (name, program) = (self.name(), self.spec.program.clone());
            cx.log(Line::Asking { name, program, pids, signal, reason, kill_in });
        }
        if let Some(record) = &mut self.stop_record {
            record.asked += asks.len();
        }
        self.history.stops.others += asks.len() as u64;
        for Ask { target, signal, .. } in asks {
            cx.signal(target, signal);
        }
    }

    /// Counts processes that needed SIGKILL.
    pub(super) fn count_kills(&mut self, killed: usize) {
        if let Some(record) = &mut self.stop_record {
            record.killed += killed;
            self.history.stops.kills += killed as u64;
        }
    }

    /// Logs a stop that is complete.
    pub(super) fn tell_stop(&mut self, cx: &mut Transition<'_>) {
        let Some(record) = self.stop_record.take() else { return };
        let StopRecord { began, main_ended, asked, killed } = record;
        let took = cx.now - began;
        self.history.stops.time += took;
        let main = main_ended.map(|at| at - began);
        cx.log(Line::StopEnds { name: self.name(), took, main, asked, killed });
    }

    /// Handles an operator's stop request.
    pub(crate) fn stop_by_order(&mut self, cx: &mut Transition<'_>) -> Result<(), Rejection> {
        match &self.state {
            State::Starting { .. }
            | State::Running { .. }
            | State::Spawning { intent: Intent::Run, .. }
            | State::Stopping { after: AfterStop::Run | AfterStop::Fail(_), .. }
            | State::Stopped { intent: Intent::Run } => self.stop(cx),
            State::Exited { exit, after: AfterExit::Run { .. } } => {
                self.enter(State::Exited { exit: *exit, after: AfterExit::Held }, cx);
            }
            State::Backoff { .. } => {
                cx.log(Line::StopInBackoff { name: self.name() });
                self.failures = Failures::default();
                self.history.stopped = Some(cx.wall);
                self.enter(State::Stopped { intent: Intent::Rest }, cx);
            }
            State::Spawning { intent: Intent::Rest, .. }
            | State::Stopping { after: AfterStop::Rest, .. }
            | State::Stopped { intent: Intent::Rest }
            | State::Exited { after: AfterExit::Rest | AfterExit::Held, .. }
            | State::Fatal { .. } => return Err(Rejection::NotRunning),
        }
        Ok(())
    }

    /// Restarts a running process on an operator's request. A process that is not running gets a
    /// new run anyway.
    pub(crate) fn restart_alive(&mut self, cx: &mut Transition<'_>) {
        if let State::Starting { live, .. } | State::Running { live, .. } = self.state {
            self.ask_to_stop(live, AfterStop::Run, cx);
            (self.failures, self.hopeless) = (Failures::default(), None);
        }
    }

    /// Whether a shutdown has to cancel its next start.
    pub(crate) const fn may_start_again(&self) -> bool {
        let retries = matches!(self.state, State::Stopping { after: AfterStop::Fail(_), .. });
        retries || self.wants_start() || self.tree.tidies_for_start()
    }

    /// Whether [`Self::stop`] has something to do.
    pub(crate) const fn is_to_stop(&self) -> bool {
        match &self.state {
            State::Starting { .. }
            | State::Running { .. }
            | State::Spawning { intent: Intent::Run, .. } => true,
            State::Spawning { intent: Intent::Rest, .. }
            | State::Stopping { .. }
            | State::Stopped { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => self.may_start_again(),
        }
    }

    /// Cancels a pending start because of a shutdown.
    pub(crate) fn cancel_start(&mut self, cx: &mut Transition<'_>) {
        self.tidy_for_the_last_time(cx);
        self.forget_start(cx);
    }

    fn forget_start(&mut self, cx: &mut Transition<'_>) {
        match self.state {
            State::Backoff { .. } => self.enter(State::Fatal { why: Fatal::CutShort }, cx),
            State::Exited { exit, after: AfterExit::Run { .. } } => {
                self.enter(State::Exited { exit, after: AfterExit::Rest }, cx);
            }
            State::Stopped { .. } => self.enter(State::Stopped { intent: Intent::Rest }, cx),
            State::Stopping { live, kill, .. } => {
                self.enter(State::Stopping { live, kill, after: AfterStop::Rest }, cx);
            }
            State::Exited { after: AfterExit::Rest | AfterExit::Held, .. }
            | State::Spawning { .. }
            | State::Starting { .. }
            | State::Running { .. }
            | State::Fatal { .. } => {}
        }
    }

    /// Sends SIGKILL to all remaining processes.
    pub(crate) fn hurry(&mut self, cx: &mut Transition<'_>) {
        self.stop(cx);
        if let State::Stopping { kill: Kill::NotYet, .. } = self.state {
            self.kill(cx);
        }
        let step = self.tree.hurry(cx.unkillable_after);
        self.carry_out(step, cx);
    }

    /// Sends SIGKILL to the main process, and to its tree after a census.
    pub(super) fn kill(&mut self, cx: &mut Transition<'_>) {
        let State::Stopping { live, after, .. } = self.state else { return };
        let kill = Kill::Sent { stuck_at: cx.now + cx.unkillable_after };
        self.tree = Tree::Clear;
        self.enter(State::Stopping { live, kill, after }, cx);
        let (name, pid, target) = (self.name(), live.pid, self.spec.kill_target);
        let group = target == StopTarget::Group;
        cx.log(Line::Killing { name: name.clone(), pid });
        cx.log(Line::Stopping { name, pid, group, signal: Signal::KILL });
        cx.signal(main_target(pid, target), Signal::KILL);
        self.count_kills(1);
        if self.spec.killtree {
            cx.effects.push(Effect::KillTree { proc: self.named.proc });
            self.count_tree(cx);
        }
    }
}

const fn main_target(pid: Pid, target: StopTarget) -> SignalTarget {
    match target {
        StopTarget::Main => SignalTarget::Process(pid),
        StopTarget::Group => SignalTarget::Group(pid),
    }
}

/// Facts about the stop in progress, for its log line.
#[derive(Clone, Debug)]
pub(super) struct StopRecord {
    began: Mono,
    pub(super) main_ended: Option<Mono>,
    asked: usize,
    killed: usize,
}

impl StopRecord {
    const fn new(began: Mono) -> Self {
        Self { began, main_ended: None, asked: 0, killed: 0 }
    }
}
