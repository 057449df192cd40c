//! The wait for the devices before a start that follows a run.

use std::time::Duration;

use super::judgement::{Memory, Visible, is_shared, memory, state};
use super::{
    DEVICES_LIMIT, Device, DevicesSeen, First, Inventory, LOOK_AGAIN, LOOK_PATIENCE, MEMORY_LIMIT,
    UsersOf,
};
use crate::asking::Asking;
use crate::failure::DeviceState;
use crate::ids::Pid;
use crate::time::Mono;

/// A wait for devices that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceWait {
    first: First,
    /// When the last process of the run had gone.
    since: Mono,
    asking: Asking,
    /// When the latest look was requested.
    asked_at: Mono,
    /// The devices at the look before.
    before: Option<Vec<Device>>,
    /// The last look is under way: it also finds the processes that hold the memory.
    last_look: bool,
}

/// The next step of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeviceStep {
    /// It waits.
    Wait,
    /// It waits for a look, which also finds these processes.
    Look(Option<UsersOf>),
    /// It no longer waits.
    Over(Ending),
}

/// How a wait for devices ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The devices are in this state, and no memory was awaited.
    State(DeviceState),
    /// Memory was awaited, and is free. `released`: as much is in use as at the first start;
    /// otherwise the use no longer decreases, or another program uses the same device.
    Free { released: bool, after: Duration },
    /// These devices have so many MiB more in use than they should, and these processes have a
    /// device open.
    Held { held: Vec<(String, u64)>, after: Duration, users: Vec<(Pid, String)> },
    /// The source did not respond in that time.
    NoResponse { source: &'static str, within: Duration },
}

impl DeviceWait {
    pub(super) fn new(first: First, since: Mono, now: Mono) -> Self {
        let asking = Asking::Due(now);
        Self { first, since, asking, asked_at: now, before: None, last_look: false }
    }

    /// How long a look may take: as long as the first one, and [`LOOK_PATIENCE`] more.
    fn patience(&self) -> Duration {
        self.first.took + LOOK_PATIENCE
    }

    /// When time changes something.
    pub(crate) const fn deadline(&self) -> Mono {
        self.asking.at()
    }

    /// When the last process of the run had gone.
    pub(crate) const fn since(&self) -> Mono {
        self.since
    }

    /// Takes the result of a look.
    pub(crate) fn seen(&mut self, seen: DevicesSeen, now: Mono) -> DeviceStep {
        let Asking::Asked { .. } = self.asking else { return DeviceStep::Wait };
        let DevicesSeen::Devices(seen) = seen else {
            return DeviceStep::Over(Ending::State(DeviceState::Unknown));
        };
        let Inventory { devices, trouble, visible, users, others, .. } = *seen;
        let first = self.first.devices.as_slice();
        let visible = Visible::read(visible.as_deref(), first);
        let state = state(first, &visible, &devices, trouble.as_ref());
        if state != DeviceState::Fine {
            return DeviceStep::Over(Ending::State(state));
        }
        let baseline = self.first.is_baseline.then_some(first);
        let read = |other: &Option<String>| Visible::read(other.as_deref(), first);
        let others: Vec<_> = others.iter().map(read).collect();
        let after = now - self.since;
        match memory(baseline, self.before.as_deref(), (&visible, &others), &devices) {
            Memory::Free if self.before.is_some() => {
                let shared = is_shared(&others, &visible, &devices);
                DeviceStep::Over(Ending::Free { released: baseline.is_some() && !shared, after })
            }
            Memory::Free => DeviceStep::Over(Ending::State(DeviceState::Fine)),
            Memory::Held(held) if self.last_look || after >= DEVICES_LIMIT => {
                let users = users.unwrap_or_default();
                DeviceStep::Over(Ending::Held { held, after, users })
            }
            Memory::Held(_) => {
                self.before = Some(devices);
                if after >= MEMORY_LIMIT {
                    self.last_look = true;
                    return self.look(now);
                }
                self.asking = Asking::Due(now + LOOK_AGAIN);
                DeviceStep::Wait
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Mono) -> DeviceStep {
        match self.asking {
            Asking::Asked { until } if now >= until => {
                let (source, within) = (self.first.source.name(), now - self.asked_at);
                DeviceStep::Over(Ending::NoResponse { source, within })
            }
            // Time has jumped, as when the machine was suspended.
            Asking::Due(_) if now >= self.since + DEVICES_LIMIT => {
                DeviceStep::Over(Ending::State(DeviceState::Unknown))
            }
            Asking::Due(at) if now >= at => self.look(now),
            Asking::Due(_) | Asking::Asked { .. } => DeviceStep::Wait,
        }
    }

    fn look(&mut self, now: Mono) -> DeviceStep {
        let until = (now + self.patience()).min(self.since + DEVICES_LIMIT);
        (self.asking, self.asked_at) = (Asking::Asked { until }, now);
        let users = match (self.last_look, self.first.is_baseline) {
            (true, _) => Some(UsersOf::Container),
            (false, true) => Some(UsersOf::OtherPrograms),
            (false, false) => None,
        };
        DeviceStep::Look(users)
    }
}
