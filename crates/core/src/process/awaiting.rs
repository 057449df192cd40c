//! A start waits for its port and then for its devices, once the processes and stale files of the
//! last run have gone.
//!
//! ```text
//!   last run gone ──> files removed ──> port free ──> devices there, memory free ──> start
//!                                                       └── a device is lost ──> Fatal
//! ```
//!
//! The wait begins as soon as a start is wanted, so a pause before a restart passes at the same
//! time. It ends at once when the start is no longer wanted. Its limits are the core's; the daemon
//! only looks.

use super::{AfterExit, Gate, Process, State, Transition};
use crate::device::{DeviceStep, DevicesSeen, Ending, MEMORY_LIMIT, Source, TOOL_LIMIT, UsersOf};
use crate::effect::Effect;
use crate::exit::Exit;
use crate::failure::DeviceState;
use crate::ids::Pid;
use crate::line::{GaveUp, Line};
use crate::port::{Holder, PortStep, PortWait};
use crate::report::{Cause, Next};
use crate::time::Mono;
use crate::tree::{Awaited, Tree};

impl Process {
    /// Begins the wait if a start is wanted that only this can hold back.
    pub(super) fn await_if_wanted(&mut self, cx: &mut Transition<'_>) {
        let free = self.tree.is_clear() && self.gate == Gate::Open;
        if free && !cx.ending && self.wants_start() {
            self.awaits_place(cx);
        }
    }

    /// Whether a start has to wait for its port or its devices; begins that wait.
    pub(super) fn awaits_place(&mut self, cx: &mut Transition<'_>) -> bool {
        self.awaits_port(cx) || self.awaits_memory(cx)
    }

    /// Whether a start would have to wait for its port or its devices.
    pub(super) fn has_to_await(&self, now: Mono) -> bool {
        let port = self.port_unseen && self.port().is_some();
        let memory = || self.left_at.is_some_and(|at| now < at + MEMORY_LIMIT);
        port || (self.awaits_devices() && memory())
    }

    /// Lets time pass for the wait.
    pub(super) fn tick_awaited(&mut self, cx: &mut Transition<'_>) {
        let Tree::Awaiting(awaited) = &mut self.tree else { return };
        match &mut **awaited {
            Awaited::Port(wait) if cx.now >= wait.until => {
                let (port, holder) = (wait.port, wait.last());
                self.end_port_wait(port, holder, cx);
            }
            Awaited::Port(_) => {}
            Awaited::Devices(wait) => {
                let step = wait.tick(cx.now);
                self.take_device_step(step, cx);
            }
        }
    }

    /// The start is no longer wanted: nothing is awaited, and the next start waits again.
    pub(super) fn stop_awaiting(&mut self) {
        let Tree::Awaiting(awaited) = &self.tree else { return };
        match &**awaited {
            Awaited::Port(_) => self.port_unseen = true,
            Awaited::Devices(wait) => self.left_at = Some(wait.since()),
        }
        self.tree = Tree::Clear;
    }

    fn awaits_port(&mut self, cx: &mut Transition<'_>) -> bool {
        if !self.port_unseen {
            return false;
        }
        let Some(port) = self.port() else { return false };
        self.port_unseen = false;
        let wait = PortWait::new(port, cx.now);
        self.look_at_port(&wait, cx);
        self.tree = Tree::Awaiting(Box::new(Awaited::Port(wait)));
        true
    }

    /// The port that must be free before a start.
    pub(super) fn port(&self) -> Option<u16> {
        self.spec.tidy.as_ref().and_then(|tidy| tidy.port)
    }

    fn look_at_port(&self, wait: &PortWait, cx: &mut Transition<'_>) {
        let (proc, run) = (self.named.proc, self.run());
        let (port, after, within) = (wait.port, wait.after(), wait.until - cx.now);
        cx.effects.push(Effect::LookAtPort { proc, run, port, after, within });
    }

    /// A look at the port was taken after the exit of `after`.
    pub(crate) fn port_seen(
        &mut self,
        after: Option<Pid>,
        holder: Option<Holder>,
        cx: &mut Transition<'_>,
    ) {
        let Tree::Awaiting(awaited) = &mut self.tree else { return };
        let Awaited::Port(wait) = &mut **awaited else { return };
        match wait.seen(after, holder) {
            PortStep::Nothing => {}
            PortStep::LookAgain => {
                let wait = wait.clone();
                if let Some(holder) = wait.last() {
                    cx.log(Line::WaitsForPort { name: self.name(), port: wait.port, holder });
                }
                self.look_at_port(&wait, cx);
            }
            PortStep::Over(holder) => {
                let port = wait.port;
                self.end_port_wait(port, holder, cx);
            }
        }
    }

    /// The start no longer waits for its port. `holder`: the process that still listens on it.
    fn end_port_wait(&mut self, port: u16, holder: Option<Holder>, cx: &mut Transition<'_>) {
        if let Some(holder) = holder {
            cx.log(Line::PortHeld { name: self.name(), port, holder });
        }
        self.tree = Tree::Clear;
        self.await_if_wanted(cx);
    }

    /// Has it looked at the devices beside its first start, which never waits for that.
    pub(super) fn look_at_first_devices(&mut self, cx: &mut Transition<'_>) {
        if self.spec.failure.await_devices && self.devices.ask_first(cx.now) {
            self.look_at_devices(Some(UsersOf::Program), cx);
        }
    }

    /// Whether its devices say something before a start that follows a run.
    pub(super) fn awaits_devices(&self) -> bool {
        self.spec.failure.await_devices && self.runs > 0 && self.devices.are_known()
    }

    fn awaits_memory(&mut self, cx: &mut Transition<'_>) -> bool {
        if !self.awaits_devices() {
            return false;
        }
        let Some(left_at) = self.left_at.take() else { return false };
        let Some(mut wait) = self.devices.wait(left_at, cx.now) else { return false };
        let step = wait.tick(cx.now);
        self.tree = Tree::Awaiting(Box::new(Awaited::Devices(wait)));
        self.take_device_step(step, cx);
        true
    }

    fn look_at_devices(&self, users: Option<UsersOf>, cx: &mut Transition<'_>) {
        let (proc, run) = (self.named.proc, self.run());
        cx.effects.push(Effect::LookAtDevices { proc, run, users });
    }

    /// A look at the devices was taken.
    pub(crate) fn devices_seen(&mut self, seen: DevicesSeen, cx: &mut Transition<'_>) {
        if let Tree::Awaiting(awaited) = &mut self.tree {
            if let Awaited::Devices(wait) = &mut **awaited {
                let step = wait.seen(seen, cx.now);
                self.take_device_step(step, cx);
            }
            return;
        }
        match seen {
            // The memory of a run that is over says nothing about the time before it.
            DevicesSeen::Devices(inventory) if self.pid().is_some() => {
                self.devices.note_first(*inventory, cx.now);
            }
            DevicesSeen::Hangs if self.devices.forget_first() => {
                let source = Source::NvidiaSmi.name();
                cx.log(Line::DevicesUnknown { source, within: TOOL_LIMIT });
            }
            DevicesSeen::Nothing | DevicesSeen::Hangs | DevicesSeen::Devices(_) => {}
        }
    }

    fn take_device_step(&mut self, step: DeviceStep, cx: &mut Transition<'_>) {
        let ending = match step {
            DeviceStep::Wait => return,
            DeviceStep::Look(users) => return self.look_at_devices(users, cx),
            DeviceStep::Over(ending) => ending,
        };
        self.tree = Tree::Clear;
        let name = self.name();
        match ending {
            Ending::State(state) => self.judge_devices(state, cx),
            Ending::Free { released, after } => {
                cx.log(Line::MemoryFree { name, released, after });
            }
            Ending::Held { held, after, users } => {
                cx.log(Line::MemoryHeld { name, held, after, users });
            }
            Ending::NoResponse { source, within } => {
                cx.log(Line::DevicesUnknown { source, within });
            }
        }
        // An update during this wait may have named a port.
        self.await_if_wanted(cx);
    }

    /// Whether it is started again by itself, at once or after a pause.
    pub(super) const fn is_to_restart(&self) -> bool {
        matches!(
            self.state,
            State::Backoff { .. } | State::Exited { after: AfterExit::Run { .. }, .. }
        )
    }

    /// No restart in this container helps a run whose devices are lost.
    fn judge_devices(&mut self, devices: DeviceState, cx: &mut Transition<'_>) {
        if !self.is_to_restart() {
            return;
        }
        let (Some(verdict), Some(report)) = (devices.verdict(), &mut self.report) else { return };
        let outcome = (report.exit.map_or(1, Exit::status), verdict.class);
        (report.cause, report.next) = (Cause::Failure(verdict), Next::GiveUp);
        let because = Some(report.because()).filter(|_| self.tells_causes());
        self.give_up(GaveUp::Hopeless, because, outcome, cx);
    }
}
