//! The effects of requests on a process, and its next deadline.

use supervisor_core::StateName;
use supervisor_core::command::Rejection;
use supervisor_core::spec::health::Ready;
use supervisor_core::time::Mono;

use super::process::{Alive, Cleanup, Intent, Phase, Proc, Stop, Why};

impl Proc {
    /// The immediate reply to a start request; `Ok` if the process will start. `waits`: it waits
    /// for its dependencies first.
    pub(crate) fn order_start(&mut self, waits: bool, now: Mono) -> Result<(), Rejection> {
        let held_back = self.is_held_back();
        let awaits = self.clears_first() || self.awaits_port() || self.awaits_memory(now);
        let free = self.cleanup == Cleanup::Clear && !awaits;
        let at_once = !waits && free && self.spec.start.wait_for.is_none();
        match &mut self.phase {
            Phase::Asked { stop: stop @ true } => {
                *stop = false;
                self.row.clear();
                return Ok(());
            }
            Phase::Alive(Alive { stop: Some(stop), .. })
                if stop.intent != Intent::Run || held_back =>
            {
                stop.intent = Intent::Run;
            }
            Phase::Alive(alive @ Alive { stop: None, to_stop: true, .. }) => {
                alive.to_restart = true;
            }
            Phase::Down { state_name, .. }
                if self.pending.is_some() && held_back && *state_name != StateName::Backoff => {}
            Phase::Down { state_name, .. } if self.pending.is_none() => {
                if matches!(self.cleanup, Cleanup::Stuck { .. }) {
                    // The stuck processes may have exited, so a census follows.
                    self.cleanup = Cleanup::forced(false);
                    return Err(Rejection::SpawnError);
                }
                // A process that is about to start cannot be FATAL.
                if *state_name == StateName::Fatal && !at_once {
                    *state_name = StateName::Stopped;
                }
                let Phase::Down { why, .. } = &mut self.phase else { unreachable!() };
                *why = Why::Rests;
                self.start(now, "start");
            }
            Phase::Asked { .. } | Phase::Alive(_) | Phase::Down { .. } => {
                return Err(Rejection::AlreadyStarted);
            }
        }
        self.row.clear();
        self.failed_of = None;
        // A process that waits for servers has already waited for its dependencies.
        self.waits = waits && self.targets.is_none();
        Ok(())
    }

    /// The immediate reply to a stop request; `Ok` if the process stops or will stop.
    pub(crate) fn order_stop(&mut self) -> Result<(), Rejection> {
        match &mut self.phase {
            Phase::Asked { stop: stop @ false } => *stop = true,
            Phase::Alive(Alive { stop: Some(stop), .. }) if stop.intent != Intent::Rest => {
                stop.intent = Intent::Rest;
            }
            Phase::Alive(alive @ Alive { stop: None, .. }) => alive.to_stop = true,
            Phase::Down { state_name, why } if self.pending.is_some() => {
                match state_name {
                    StateName::Backoff => *state_name = StateName::Stopped,
                    StateName::Exited => *why = Why::Held,
                    _ => {}
                }
                self.pending = None;
            }
            Phase::Asked { .. } | Phase::Alive(_) | Phase::Down { .. } => {
                return Err(Rejection::NotRunning);
            }
        }
        Ok(())
    }

    /// The next deadline of the process.
    pub(crate) fn due(&self) -> Option<Mono> {
        use supervisor_core::UNKILLABLE_AFTER;
        let own = match &self.phase {
            Phase::Down { .. } if self.cleanup == Cleanup::Clear && !self.waits => {
                let targets = self.targets.map(|targets| targets.due());
                targets.or_else(|| self.pending.map(|pending| pending.latest))
            }
            Phase::Down { .. } | Phase::Asked { .. } => None,
            Phase::Alive(Alive { stop: Some(stop), .. }) => match stop {
                Stop { stuck: true, .. } => None,
                Stop { killed_at: Some(at), .. } => Some(*at + UNKILLABLE_AFTER),
                Stop { .. } => self.drain.as_ref().and_then(|drain| drain.due(&self.spec)),
            },
            Phase::Alive(alive) => self.due_alive(alive),
        };
        let cleanup = match self.cleanup {
            Cleanup::Tidying { until, .. } | Cleanup::Stuck { recount_at: until } => Some(until),
            Cleanup::Awaiting(awaited) => Some(awaited.due()),
            Cleanup::Busy { counting: false, killed_at: Some(at), .. } => {
                Some(at + UNKILLABLE_AFTER)
            }
            Cleanup::Busy { counting: false, asked_at: Some(at), grace, .. } => {
                let by = at + grace;
                Some(self.kill_by.map_or(by, |kill_by| by.min(kill_by)))
            }
            Cleanup::Draining => self.drain.as_ref().and_then(|drain| drain.due(&self.spec)),
            Cleanup::Busy { .. } | Cleanup::Clear => None,
        };
        own.into_iter().chain(cleanup).chain(self.recount_at).min()
    }

    fn due_alive(&self, alive: &Alive) -> Option<Mono> {
        if let Some(condemned) = alive.health.condemned {
            return Some(condemned.by);
        }
        if alive.health.looking.is_some() {
            return alive.health.looking;
        }
        let up = match (alive.up_at, &self.spec.health.ready) {
            (Some(_), _) => None,
            (None, Ready::Startsecs) => Some(alive.since + self.spec.startsecs),
            (None, Ready::Checked | Ready::Notified | Ready::Logged(_)) => alive.ready_by,
        };
        up.into_iter().chain(alive.health.due()).min()
    }
}
