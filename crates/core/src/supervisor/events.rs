//! Events for event listeners, and the listeners' output.

use std::rc::Rc;
use std::time::Duration;

use super::{Process, Supervisor, Transition};
use crate::effect::Effect;
use crate::event::{Channel, Event, Period};
use crate::ids::{Pid, ProcId};
use crate::listener::{Pool, next_serial};
use crate::time::{Mono, Wall};

/// The kind of a process's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// Ordinary output.
    Log,
    /// A message between markers.
    Message,
}

/// The times of the next tick events.
#[derive(Clone, Debug, Default)]
pub(super) struct Ticks {
    /// The latest multiple of each period, in seconds.
    passed: [Option<u64>; 3],
    next: Option<Mono>,
}

impl Ticks {
    pub(super) const fn deadline(&self) -> Option<Mono> {
        self.next
    }

    /// Stops the ticks because no listener subscribes to them.
    const fn rest(&mut self) {
        self.next = None;
    }

    /// The wanted periods that have completed since the last call. The first call only notes the
    /// time.
    fn pass(&mut self, wanted: [bool; 3], now: Mono, wall: Wall) -> Vec<(Period, Wall)> {
        let mut due = Vec::new();
        self.next = None;
        for ((period, passed), wanted) in Period::ALL.into_iter().zip(&mut self.passed).zip(wanted)
        {
            let multiple = wall.secs() - wall.secs() % period.secs();
            let when = Wall::from_epoch(Duration::from_secs(multiple));
            if passed.replace(multiple).is_some_and(|before| before != multiple) && wanted {
                due.push((period, when));
            }
            if wanted {
                let left = when.since_epoch() + Duration::from_secs(period.secs());
                let next = now + left.saturating_sub(wall.since_epoch());
                self.next = Some(self.next.map_or(next, |earlier| earlier.min(next)));
            }
        }
        due
    }
}

impl Supervisor {
    pub(super) fn pool_of(&self, proc: ProcId) -> Option<&Pool> {
        let mut pools = self.groups.iter().filter(|group| group.pool.is_some());
        pools.find(|group| group.members.contains(&proc)).and_then(|group| group.pool.as_ref())
    }

    pub(super) fn pool_of_mut(&mut self, proc: ProcId) -> Option<&mut Pool> {
        let mut pools = self.groups.iter_mut().filter(|group| group.pool.is_some());
        pools.find(|group| group.members.contains(&proc)).and_then(|group| group.pool.as_mut())
    }

    pub(super) fn listener_said(
        &mut self,
        proc: ProcId,
        pid: Pid,
        data: &[u8],
        cx: &mut Transition<'_>,
    ) {
        // This is output of an earlier run.
        if self.processes.get(&proc).and_then(Process::pid) != Some(pid) {
            return;
        }
        if let Some(pool) = self.pool_of_mut(proc) {
            pool.said(proc, data, cx);
        }
    }

    pub(super) fn tell_failed(&mut self, proc: ProcId, serial: u64, cx: &mut Transition<'_>) {
        if let Some(pool) = self.pool_of_mut(proc) {
            pool.tell_failed(proc, serial, cx);
        }
    }

    pub(super) fn wrote(
        &self,
        proc: ProcId,
        pid: Pid,
        channel: Channel,
        data: Vec<u8>,
        what: Wrote,
        cx: &mut Transition<'_>,
    ) {
        let Some(process) = self.processes.get(&proc) else { return };
        let (process, data) = (Rc::clone(&process.named), data.into());
        cx.emit(match what {
            Wrote::Log => Event::Log { process, pid, channel, data },
            Wrote::Message => Event::Communication { process, pid, channel, data },
        });
    }

    /// Passes the events of this turn to the pools, and waiting events to listeners.
    pub(super) fn tell_listeners(&mut self, cx: &mut Transition<'_>) {
        if self.groups.iter().all(|group| group.pool.is_none()) {
            return self.ticks.rest();
        }
        self.tick_listeners(cx);
        let emitted = |effect: &Effect| match effect {
            Effect::Emit(event) => Some(Rc::clone(event)),
            Effect::Spawn { .. }
            | Effect::Signal { .. }
            | Effect::Suspend { .. }
            | Effect::Resume { .. }
            | Effect::Census { .. }
            | Effect::KillTree { .. }
            | Effect::Check { .. }
            | Effect::LookAtProgress { .. }
            | Effect::LookAtLoad { .. }
            | Effect::CountTree { .. }
            | Effect::MeasureMemory { .. }
            | Effect::LookAtOutput { .. }
            | Effect::Collect { .. }
            | Effect::LookAtFiles { .. }
            | Effect::Tidy { .. }
            | Effect::LookAtPort { .. }
            | Effect::LookAtDevices { .. }
            | Effect::Connect { .. }
            | Effect::Report(_)
            | Effect::Notice(_)
            | Effect::Log(_)
            | Effect::Tell { .. }
            | Effect::Deliver { .. }
            | Effect::Print { .. }
            | Effect::Reply { .. }
            | Effect::AddGroup { .. }
            | Effect::RemoveProcesses { .. }
            | Effect::UpdateGroup { .. }
            | Effect::ReopenLogs
            | Effect::Exit { .. }
            | Effect::Restart
            | Effect::AwaitEnd { .. }
            | Effect::Proceed => None,
        };
        let events: Vec<Rc<Event>> = cx.effects.iter().filter_map(emitted).collect();
        for event in events {
            self.offer(&event, cx);
        }
        let processes = &self.processes;
        let is_running = |proc: ProcId| processes.get(&proc).is_some_and(Process::is_running);
        for pool in self.groups.iter_mut().filter_map(|group| group.pool.as_mut()) {
            pool.dispatch(is_running, cx);
        }
    }

    /// Gives the event a serial number and adds it to each pool that subscribes to it.
    fn offer(&mut self, event: &Rc<Event>, cx: &mut Transition<'_>) {
        let serial = self.next_serial;
        let pools = self.groups.iter_mut().filter_map(|group| group.pool.as_mut());
        for pool in pools.filter(|pool| pool.wants(event.kind())) {
            self.next_serial = next_serial(serial);
            pool.accept(Rc::clone(event), serial, cx);
        }
    }

    fn tick_listeners(&mut self, cx: &mut Transition<'_>) {
        let wanted = Period::ALL.map(|period| {
            let kind = Event::Tick { period, when: cx.wall }.kind();
            self.pools().any(|pool| pool.wants(kind))
        });
        for (period, when) in self.ticks.pass(wanted, cx.now, cx.wall) {
            cx.emit(Event::Tick { period, when });
        }
    }

    pub(super) fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.groups.iter().filter_map(|group| group.pool.as_ref())
    }

    /// The number of waiting events in all pools.
    #[must_use]
    pub fn waiting_events(&self) -> usize {
        self.pools().map(Pool::waiting).sum()
    }
}
