//! What is done about a process's place between two runs: stale files are removed, and a start
//! waits for its port.

use std::time::Duration;

use supervisor_core::failure::{Class, DeviceState};
use supervisor_core::ids::{Pid, ProcId, RunId};
use supervisor_core::port::Holder;
use supervisor_core::report::Next;
use supervisor_core::spec::RemoveLeftovers;
use supervisor_core::time::Mono;
use supervisor_core::{DEVICES_LIMIT, Occasion, StateName};

use super::Model;
use super::gate::Outlook;
use super::process::{Cleanup, Phase, Proc, Why};
use crate::invariants::hold;

/// How long a start waits for its port.
const PORT_TIME: Duration = Duration::from_secs(10);

/// What a start waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// Its port, at most until `by`. `after`: the process that held it when it was last looked at.
    Port { by: Mono, after: Option<Pid> },
}

impl Awaited {
    /// When something is due if nothing happens.
    pub(crate) const fn due(self) -> Mono {
        match self {
            Self::Port { by, .. } => by,
        }
    }
}

impl Model {
    pub(super) fn tidies(&mut self, id: ProcId, run: RunId, occasion: Occasion, now: Mono) {
        let for_end = occasion == Occasion::End;
        let there = self.outlook(id) == Outlook::There;
        self.with(id, |proc| {
            if proc.run == 0 && proc.waits {
                hold!(there, StartsInOrder, "{id:?} does not wait for what it depends on");
                proc.waits = false;
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
            hold!(due && proc.run == run.0, MakesClean, "{id:?} is tidied: {before:?}");
            let wanted = proc.run > 0 && proc.removes() != RemoveLeftovers::No;
            hold!(!for_end || wanted, MakesClean, "{id:?} is tidied for the end");
            let devices =
                if for_end || !proc.awaits_devices() { Duration::ZERO } else { DEVICES_LIMIT };
            proc.cleanup = Cleanup::Tidying { until: now + occasion.limit() + devices, for_end };
            proc.cleared = true;
            proc.port_unseen = proc.port().is_some();
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
                    let wanted = proc.pending.is_some() && proc.port_unseen;
                    hold!(wanted && after.is_none(), AwaitsPlace, "{id:?} looks at its port");
                    let by = now + PORT_TIME;
                    proc.cleanup = Cleanup::Awaiting(Awaited::Port { by, after });
                    (proc.port_unseen, proc.turn.came_down) = (false, false);
                }
                Cleanup::Awaiting(Awaited::Port { by, after: last }) => {
                    let due = proc.turn.to_look && after == last && within == by - now;
                    hold!(due, AwaitsPlace, "{id:?} looks again after {after:?}");
                    proc.turn.to_look = false;
                }
                Cleanup::Draining
                | Cleanup::Busy { .. }
                | Cleanup::Stuck { .. }
                | Cleanup::Tidying { .. } => {
                    hold!(false, AwaitsPlace, "{id:?} looks at its port: {:?}", proc.cleanup);
                }
            }
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

    /// Whether the GPU state is checked before a start: not before the first.
    pub(crate) fn awaits_devices(&self) -> bool {
        self.spec.failure.await_devices && self.run > 0
    }

    /// Whether a cleanup comes before a start.
    pub(crate) fn is_tidied_for_start(&self) -> bool {
        self.removes() != RemoveLeftovers::No || self.awaits_devices()
    }

    /// Takes the result of a cleanup. Returns the status if the supervisor gives up because of the
    /// GPUs.
    pub(crate) fn tidied(&mut self, devices: &DeviceState) -> Option<u8> {
        let Cleanup::Tidying { .. } = self.cleanup else { return None };
        (self.cleanup, self.turn.came_down) = (Cleanup::Clear, true);
        let class = match devices {
            DeviceState::Unknown | DeviceState::Fine => return None,
            DeviceState::Lost(_) => Class::GpuLost,
            DeviceState::Gone(_) => Class::NoGpu,
        };
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
        if let Cleanup::Awaiting(_) = self.cleanup {
            (self.cleanup, self.turn.came_down) = (Cleanup::Clear, true);
            self.port_unseen = self.port().is_some();
        }
    }

    /// What the core must have done about its place by the end of a turn.
    pub(crate) fn check_place(&self, ending: bool, held_back: bool, now: Mono) {
        let id = self.id;
        let down = matches!(self.phase, Phase::Down { .. }) && self.cleanup == Cleanup::Clear;
        let wanted = down && self.pending.is_some() && !held_back && !ending;
        hold!(!(wanted && self.port_unseen), AwaitsPlace, "{id:?} does not look at its port");
        hold!(!self.turn.to_look, AwaitsPlace, "{id:?} does not look again");
        let due = self.pending.is_some_and(|pending| pending.latest <= now);
        let held = wanted && due && self.turn.limit_over;
        hold!(!held, HoldsBriefly, "{id:?} does not start though its wait is over");
    }
}
