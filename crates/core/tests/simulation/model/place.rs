//! A process's place between two runs: stale files are removed, and a start waits for its port and
//! its devices.

use std::time::Duration;

use supervisor_core::device::{DevicesSeen, Inventory, Trouble, UsersOf};
use supervisor_core::failure::Class;
use supervisor_core::ids::{Pid, ProcId, RunId};
use supervisor_core::port::Holder;
use supervisor_core::report::Next;
use supervisor_core::spec::RemoveLeftovers;
use supervisor_core::time::Mono;
use supervisor_core::{Occasion, StateName};

use super::Model;
use super::gate::Outlook;
use super::process::{Cleanup, Phase, Proc, Why};
use crate::invariants::hold;

/// How long a start waits for its port.
const PORT_TIME: Duration = Duration::from_secs(10);

/// How long it waits for memory, from the end of its last process on; and then for the last look.
const MEMORY_TIME: Duration = Duration::from_secs(120);
const LAST_LOOK: Duration = Duration::from_secs(10);

/// How much longer than the first a later look may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// From one look at memory to the next.
const PAUSE: Duration = Duration::from_secs(1);

/// MiB that the one device of this simulation may use more than at first, and those that count as
/// none.
const MORE: u64 = 1600;
const NONE: u64 = 512;

/// The place that a start waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// Its port, at most until `by`. `after`: the process that held it when it was last looked at.
    Port { by: Mono, after: Option<Pid> },
    /// Its devices.
    Devices(Memory),
}

/// A wait for devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    since: Mono,
    /// They are looked at, and an answer comes by then.
    asked: Option<Mono>,
    /// They are looked at again then.
    next: Mono,
    /// The memory in use at the look before, in MiB.
    before: Option<u64>,
    /// The last look also finds the processes that use them.
    last: bool,
}

/// The devices of a program, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Devices {
    pub(crate) first: Option<First>,
    /// When the first look was requested.
    pub(crate) asked: Option<Mono>,
    /// When the last run had gone, until a start has waited for the devices.
    pub(crate) left_at: Option<Mono>,
}

/// The devices at the first start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First {
    /// There was a device, and this was used and needed.
    device: Option<(Option<u64>, bool)>,
    is_baseline: bool,
    took: Duration,
}

impl Awaited {
    /// When something is due if nothing happens.
    pub(crate) const fn due(self) -> Mono {
        match self {
            Self::Port { by, .. } => by,
            Self::Devices(Memory { asked: Some(by), .. } | Memory { next: by, .. }) => by,
        }
    }
}

impl Model {
    pub(super) fn tidies(&mut self, id: ProcId, run: RunId, occasion: Occasion, now: Mono) {
        let for_end = occasion == Occasion::End;
        let there = self.outlook(id) == Outlook::There;
        self.with(id, |proc| {
            if proc.run == 0 {
                hold!(!proc.waits || there, StartsInOrder, "{id:?} does not wait for others");
                // If an update requires the cleanup during the wait for servers, that wait follows.
                (proc.waits, proc.targets) = (false, None);
            }
            let before = proc.cleanup;
            let due = match before {
                Cleanup::Clear if proc.run == 0 => proc.clears_first(),
                Cleanup::Clear => proc.is_tidied_for_start() && proc.turn.came_down,
                // A final cleanup replaces a cleanup for a start.
                Cleanup::Tidying { for_end: false, .. } => for_end,
                Cleanup::Tidying { for_end: true, .. }
                | Cleanup::Draining
                | Cleanup::Busy { .. }
                | Cleanup::Stuck { .. }
                | Cleanup::Awaiting(_) => false,
            };
            hold!(due && proc.run == run.0, MakesClean, "{id:?} is cleaned up: {before:?}");
            let wanted = proc.run > 0 && proc.removes() != RemoveLeftovers::No;
            hold!(!for_end || wanted, MakesClean, "{id:?} is cleaned up for the end");
            proc.cleanup = Cleanup::Tidying { until: now + occasion.limit(), for_end };
            proc.cleared = true;
            proc.has_left(now);
            (proc.turn.came_down, proc.turn.to_tidy) = (false, false);
        });
    }

    /// The core looks at the port that a start needs.
    pub(super) fn looks_at_port(
        &mut self,
        id: ProcId,
        run: RunId,
        (after, within): (Option<Pid>, Duration),
        now: Mono,
    ) {
        let there = self.outlook(id) == Outlook::There;
        self.with(id, |proc| {
            hold!(run.0 == proc.run, AsksInTime, "{id:?} looks for {run:?}");
            match proc.cleanup {
                Cleanup::Clear => {
                    hold!(!proc.waits || there, StartsInOrder, "{id:?} does not wait for others");
                    proc.waits = false;
                    let wanted = proc.pending.is_some() && proc.awaits_port();
                    hold!(wanted && after.is_none(), AwaitsPlace, "{id:?} looks at its port");
                    let by = now + PORT_TIME;
                    proc.cleanup = Cleanup::Awaiting(Awaited::Port { by, after });
                    (proc.port_unseen, proc.turn.came_down) = (false, false);
                    proc.targets = None;
                }
                Cleanup::Awaiting(Awaited::Port { by, after: last }) => {
                    let due = proc.turn.to_look && after == last && within == by - now;
                    hold!(due, AwaitsPlace, "{id:?} looks again after {after:?}");
                    proc.turn.to_look = false;
                }
                Cleanup::Awaiting(Awaited::Devices(_))
                | Cleanup::Draining
                | Cleanup::Busy { .. }
                | Cleanup::Stuck { .. }
                | Cleanup::Tidying { .. } => {
                    hold!(false, AwaitsPlace, "{id:?} looks at its port: {:?}", proc.cleanup);
                }
            }
        });
    }

    /// The core looks at devices: beside the first start, or for a start.
    pub(super) fn looks_at_devices(
        &mut self,
        id: ProcId,
        run: RunId,
        users: Option<UsersOf>,
        now: Mono,
    ) {
        let there = self.outlook(id) == Outlook::There;
        self.with(id, |proc| {
            hold!(run.0 == proc.run, AsksInTime, "{id:?} looks for {run:?}");
            if proc.alive().is_some() {
                let first = proc.turn.to_look_first && users == Some(UsersOf::Program);
                hold!(first, AsksInTime, "{id:?} looks at its devices: {users:?}");
                (proc.turn.to_look_first, proc.devices.asked) = (false, Some(now));
                return;
            }
            let mut wait = match proc.cleanup {
                Cleanup::Clear => {
                    hold!(!proc.waits || there, StartsInOrder, "{id:?} does not wait for others");
                    proc.waits = false;
                    let wanted = proc.pending.is_some() && !proc.awaits_port();
                    let due = wanted && proc.awaits_memory(now);
                    hold!(due, AwaitsPlace, "{id:?} looks at its devices");
                    proc.targets = None;
                    let since = proc.devices.left_at.take().unwrap();
                    Memory { since, asked: None, next: now, before: None, last: false }
                }
                Cleanup::Awaiting(Awaited::Devices(wait)) => {
                    hold!(proc.turn.to_look, AwaitsPlace, "{id:?} looks again: {wait:?}");
                    wait
                }
                Cleanup::Awaiting(Awaited::Port { .. })
                | Cleanup::Draining
                | Cleanup::Busy { .. }
                | Cleanup::Stuck { .. }
                | Cleanup::Tidying { .. } => {
                    hold!(false, AwaitsPlace, "{id:?} looks at devices: {:?}", proc.cleanup);
                    return;
                }
            };
            let is_baseline = proc.devices.first.is_some_and(|first| first.is_baseline);
            let wanted = match wait.last {
                true => Some(UsersOf::Container),
                false => is_baseline.then_some(UsersOf::OtherPrograms),
            };
            hold!(users == wanted, AsksInTime, "{id:?} looks for {users:?}");
            let took = proc.devices.first.map(|first| first.took).unwrap_or_default();
            let end = wait.since + MEMORY_TIME + LAST_LOOK;
            wait.asked = Some((now + took + PATIENCE).min(end));
            proc.cleanup = Cleanup::Awaiting(Awaited::Devices(wait));
            (proc.turn.to_look, proc.turn.came_down) = (false, false);
        });
    }
}

impl Proc {
    /// Which stale files and sockets are removed.
    pub(crate) fn removes(&self) -> RemoveLeftovers {
        self.spec.tidy.as_ref().map_or(RemoveLeftovers::No, |tidy| tidy.remove_leftovers)
    }

    /// Whether its first start waits for a cleanup.
    pub(crate) fn clears_first(&self) -> bool {
        self.run == 0 && !self.cleared && self.removes() == RemoveLeftovers::All
    }

    /// Its files are removed before a start.
    pub(crate) fn is_tidied_for_start(&self) -> bool {
        self.removes() != RemoveLeftovers::No
    }

    /// Its place is clean.
    pub(crate) fn tidied(&mut self) {
        if let Cleanup::Tidying { .. } = self.cleanup {
            (self.cleanup, self.turn.came_down) = (Cleanup::Clear, true);
        }
    }

    /// Nothing of its run is left.
    pub(crate) fn has_left(&mut self, now: Mono) {
        (self.port_unseen, self.devices.left_at) = (true, Some(now));
    }

    /// A start has to look at its port first.
    pub(crate) fn awaits_port(&self) -> bool {
        self.port_unseen && self.port().is_some()
    }

    /// A start has to look at its devices first.
    pub(crate) fn awaits_memory(&self, now: Mono) -> bool {
        let known = self.devices.first.is_some_and(|first| first.device.is_some());
        let awaits = self.spec.failure.await_devices && self.run > 0 && known;
        awaits && self.devices.left_at.is_some_and(|at| now < at + MEMORY_TIME)
    }

    /// Its devices were looked at; the status, if it is given up for what they say.
    pub(crate) fn devices_seen(&mut self, seen: &DevicesSeen, now: Mono) -> Option<u8> {
        let seen = match seen {
            DevicesSeen::Nothing => Err(false),
            DevicesSeen::Hangs => Err(true),
            DevicesSeen::Devices(inventory) => Ok(&**inventory),
        };
        let wait = match self.cleanup {
            Cleanup::Awaiting(Awaited::Devices(wait)) if wait.asked.is_some() => wait,
            Cleanup::Awaiting(_) => return None,
            _ => {
                self.note_first(seen, now);
                return None;
            }
        };
        let over = (Cleanup::Clear, true);
        let Ok(inventory) = seen else {
            (self.cleanup, self.turn.came_down) = over;
            return None;
        };
        let (first, before) = self.devices.first.and_then(|first| Some((first, first.device?)))?;
        let now_there = inventory.devices.first();
        let lost = match (now_there, &inventory.trouble) {
            (_, Some(Trouble::Gone(_))) => Some(Class::NoGpu),
            (None, _) => Some(Class::GpuLost),
            (Some(device), _) => (device.needs.is_some() && !before.1).then_some(Class::GpuLost),
        };
        if let Some(class) = lost {
            (self.cleanup, self.turn.came_down) = over;
            return self.lost(class);
        }
        let used = now_there.and_then(|device| device.used);
        // Another program that sees device 0 keeps an unknown part of its memory.
        let is_0 = |other: &Option<String>| other.as_ref().is_none_or(|other| other == "0");
        let is_shared = inventory.others.iter().any(is_0);
        let is_baseline = first.is_baseline && !is_shared;
        let held = used.is_some_and(|used| match (is_baseline, before.0, wait.before) {
            (true, Some(first), _) => used > first + MORE,
            (true, None, _) => false,
            (false, _, last) => used > NONE && last.is_none_or(|last| used < last),
        });
        self.turn.shared = is_shared && !held;
        let waited = now - wait.since;
        if !held || wait.last || waited >= MEMORY_TIME + LAST_LOOK {
            (self.cleanup, self.turn.came_down) = over;
            return None;
        }
        let last = waited >= MEMORY_TIME;
        let wait = Memory { asked: None, next: now + PAUSE, before: used, last, ..wait };
        self.cleanup = Cleanup::Awaiting(Awaited::Devices(wait));
        self.turn.to_look = last;
        None
    }

    /// The first look, if one is under way; otherwise whether the tool hangs.
    fn note_first(&mut self, seen: Result<&Inventory, bool>, now: Mono) {
        match seen {
            Err(hangs) => self.devices.asked = self.devices.asked.filter(|_| !hangs),
            Ok(inventory) if self.alive().is_some() => {
                let Some(asked) = self.devices.asked.take() else { return };
                let device = inventory.devices.first();
                let device = device.map(|device| (device.used, device.needs.is_some()));
                let is_baseline = inventory.users.as_ref().is_some_and(Vec::is_empty);
                self.devices.first = Some(First { device, is_baseline, took: now - asked });
            }
            Ok(_) => {}
        }
    }

    /// Its devices are lost; the status, if it is given up for that.
    fn lost(&mut self, class: Class) -> Option<u8> {
        let waits = match &self.phase {
            Phase::Down { state_name, .. } => {
                [StateName::Backoff, StateName::Exited].contains(state_name)
            }
            Phase::Asked { .. } | Phase::Alive(_) => false,
        };
        if !waits || self.pending.is_none() || self.report.is_none() {
            return None;
        }
        let report = self.report.as_mut()?;
        (report.class, report.next) = (class, Next::GiveUp);
        let code = self.spec.failure.exit_codes.get(&class).copied().unwrap_or(1);
        (self.failed_of, self.turn.lost) = (None, true);
        self.row.clear();
        self.down(StateName::Fatal, Why::GaveUp(code));
        Some(code)
    }

    /// The port that its start needs.
    pub(crate) fn port(&self) -> Option<u16> {
        self.spec.tidy.as_ref()?.port
    }

    /// Its port was looked at after the exit of `after`.
    pub(crate) fn port_seen(&mut self, after: Option<Pid>, holder: Option<&Holder>) {
        let Cleanup::Awaiting(Awaited::Port { by, after: last }) = self.cleanup else { return };
        if after != last {
            return;
        }
        match holder {
            Some(Holder::Process { pid, .. }) if Some(*pid) != last => {
                self.cleanup = Cleanup::Awaiting(Awaited::Port { by, after: Some(*pid) });
                self.turn.to_look = true;
            }
            Some(_) | None => (self.cleanup, self.turn.came_down) = (Cleanup::Clear, true),
        }
    }

    /// Time has passed for its place.
    pub(crate) fn place_ticked(&mut self, now: Mono) {
        let by = match self.cleanup {
            Cleanup::Tidying { until, .. } => until,
            Cleanup::Awaiting(Awaited::Port { by, .. }) => by,
            Cleanup::Awaiting(Awaited::Devices(Memory { asked: Some(by), .. })) => by,
            Cleanup::Awaiting(Awaited::Devices(Memory { since, next, .. })) => {
                let by = since + MEMORY_TIME + LAST_LOOK;
                self.turn.to_look = now >= next && now < by;
                by
            }
            Cleanup::Clear | Cleanup::Draining | Cleanup::Busy { .. } | Cleanup::Stuck { .. } => {
                return;
            }
        };
        if now >= by {
            self.turn.limit_over = matches!(self.cleanup, Cleanup::Awaiting(_));
            (self.cleanup, self.turn.came_down) = (Cleanup::Clear, true);
        }
    }

    /// No start is wanted: nothing is waited for.
    pub(crate) fn stop_awaiting(&mut self) {
        let Cleanup::Awaiting(awaited) = self.cleanup else { return };
        (self.cleanup, self.turn.came_down) = (Cleanup::Clear, true);
        self.turn.to_look = false;
        match awaited {
            Awaited::Port { .. } => self.port_unseen = true,
            Awaited::Devices(Memory { since, .. }) => self.devices.left_at = Some(since),
        }
    }

    /// What the core must have done about its place by the end of a turn.
    pub(crate) fn check_place(&self, ending: bool, held_back: bool, now: Mono) {
        let id = self.id;
        let down = matches!(self.phase, Phase::Down { .. }) && self.cleanup == Cleanup::Clear;
        let wanted = down && self.pending.is_some() && !held_back && !ending;
        hold!(!(wanted && self.awaits_port()), AwaitsPlace, "{id:?} does not look at its port");
        let memory = wanted && self.awaits_memory(now);
        hold!(!memory, AwaitsPlace, "{id:?} does not look at its devices");
        hold!(!self.turn.to_look, AwaitsPlace, "{id:?} does not look again");
        let first = self.turn.to_look_first && self.alive().is_some();
        hold!(!first, AwaitsPlace, "{id:?} does not look at its devices at first");
        let due = self.pending.is_some_and(|pending| pending.latest <= now);
        let held = wanted && due && self.turn.limit_over;
        hold!(!held, HoldsBriefly, "{id:?} does not start though its wait is over");
        let held = wanted && due && self.turn.shared;
        hold!(!held, SharesMemory, "{id:?} waits for the memory of another program");
    }
}
