//! Being stopped.

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
    /// Asks it to stop, and not to start again. Safe to repeat.
    pub(crate) fn stop(&mut self, cx: &mut Transition<'_>) {
        match self.state.clone() {
            State::Starting { live, .. } | State::Running { live, .. } => {
                self.ask_to_stop(live, AfterStop::Rest, cx);
            }
            // Once it has been answered there is something to stop.
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

    /// Sends the stop signal. `after`: what the process does once it has stopped.
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
            // Which processes belong to it is easiest to see while it is whole.
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

    /// What is stopping already comes to SIGKILL as early as one that is asked now.
    pub(crate) fn cap_stop(&mut self, cx: &Transition<'_>) {
        if let Some(kill_by) = cx.kill_by
            && self.tree.cap(cx.now, kill_by)
        {
            self.history.stops.cuts += 1;
        }
    }

    /// A signal that ends a server was passed on to it, as if nothing stood between: what it
    /// leaves behind has its time from the first of them on.
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

    /// Asks others of its tree than the main process.
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
            cx.log(Line::Asking { name: self.name(), pids, signal, reason, kill_in });
        }
        if let Some(record) = &mut self.stop_record {
            record.asked += asks.len();
        }
        self.history.stops.others += asks.len() as u64;
        for Ask { target, signal, .. } in asks {
            cx.signal(target, signal);
        }
    }

    /// Counts processes that had to be killed in a stop.
    pub(super) fn count_kills(&mut self, killed: usize) {
        if let Some(record) = &mut self.stop_record {
            record.killed += killed;
            self.history.stops.kills += killed as u64;
        }
    }

    /// The stop that was under way is over.
    pub(super) fn tell_stop(&mut self, cx: &mut Transition<'_>) {
        let Some(record) = self.stop_record.take() else { return };
        let StopRecord { began, main_ended, asked, killed } = record;
        let took = cx.now - began;
        self.history.stops.time += took;
        let main = main_ended.map(|at| at - began);
        cx.log(Line::StopEnds { name: self.name(), took, main, asked, killed });
    }

    /// An operator asks for a stop.
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

    /// Restarts it by order, if it lives and does not stop. Otherwise its next run is a new one
    /// anyway.
    pub(crate) fn restart_alive(&mut self, cx: &mut Transition<'_>) {
        if let State::Starting { live, .. } | State::Running { live, .. } = self.state {
            self.ask_to_stop(live, AfterStop::Run, cx);
            (self.failures, self.hopeless) = (Failures::default(), None);
        }
    }

    /// Forgets a start that it is waiting for, since everything stops.
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

    /// Ends all patience: SIGKILL for whatever of it is left.
    pub(crate) fn hurry(&mut self, cx: &mut Transition<'_>) {
        self.stop(cx);
        if let State::Stopping { kill: Kill::NotYet, .. } = self.state {
            self.kill(cx);
        }
        let step = self.tree.hurry(cx.unkillable_after);
        self.carry_out(step, cx);
    }

    /// SIGKILL for the main process, and for its tree once that has been counted.
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

/// What is known of a stop that is under way.
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
