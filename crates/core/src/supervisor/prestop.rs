//! The delay before the first stop signal. It ends early when no request is running or waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Supervisor;
use super::ending::Phase;
use crate::effect::Effect;
use crate::ids::{ProcId, RunId};
use crate::line::Line;
use crate::process::{Process, Transition};
use crate::time::Mono;

/// Interval of the load samples.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Consecutive samples that must show no request: a busy server may show none between two steps.
const IDLE_LOOKS: u32 = 2;

/// A delay that ends early when all servers are idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdleWatch {
    /// The delay does not end earlier, because load balancers need this time in any case.
    not_before: Mono,
    look_at: Mono,
    /// Consecutive samples of each server without a request.
    idle: BTreeMap<ProcId, u32>,
}

impl Supervisor {
    /// Begins a delay that ends at `from`.
    pub(super) fn begin_prestop(&mut self, from: Mono, cx: &mut Transition<'_>) {
        let Some(least) = self.prestop_idle.filter(|least| cx.now + *least < from) else {
            return;
        };
        let main = |process: &&Process| process.spec.main && process.pid().is_some();
        let servers: Vec<&Process> = self.programs().filter(main).collect();
        let tells = |process: &&Process| {
            process.spec.health.progress.as_ref().is_some_and(|progress| progress.tells_idle)
        };
        if servers.is_empty() || !servers.iter().all(tells) {
            return cx.log(Line::PrestopUnseen { delay: from - cx.now });
        }
        let idle = servers.iter().map(|process| (process.named.proc, 0)).collect();
        let not_before = cx.now + least;
        self.idle_watch = Some(IdleWatch { not_before, look_at: not_before - LOOK_EVERY, idle });
    }

    /// Requests load samples if they are due.
    pub(super) fn watch_idle(&mut self, cx: &mut Transition<'_>) {
        let Phase::Ending { from, .. } = self.phase else { return };
        if cx.now >= from {
            self.idle_watch = None;
        }
        let Some(watch) = self.idle_watch.as_mut() else { return };
        watch.idle.retain(|proc, _| {
            self.processes.get(proc).is_some_and(|process| process.pid().is_some())
        });
        if cx.now < watch.look_at {
            return;
        }
        watch.look_at = cx.now + LOOK_EVERY;
        for proc in watch.idle.keys() {
            if let Some(process) = self.processes.get(proc) {
                let run = RunId(process.runs());
                cx.effects.push(Effect::LookAtLoad { proc: *proc, run });
            }
        }
    }

    /// Takes the number of running and waiting requests of a server; `None` if it could not be
    /// read.
    pub(super) fn load_seen(
        &mut self,
        proc: ProcId,
        requests: Option<u64>,
        cx: &mut Transition<'_>,
    ) {
        let Some(watch) = self.idle_watch.as_mut() else { return };
        if let Some(looks) = watch.idle.get_mut(&proc) {
            *looks = if requests == Some(0) { *looks + 1 } else { 0 };
        }
        let all_idle = watch.idle.values().all(|looks| *looks >= IDLE_LOOKS);
        if let Phase::Ending { from, .. } = &mut self.phase
            && all_idle
            && cx.now >= watch.not_before
            && cx.now < *from
        {
            cx.log(Line::PrestopIdle { left: *from - cx.now });
            *from = cx.now;
        }
    }

    pub(super) fn idle_deadline(&self) -> Option<Mono> {
        let ending = matches!(self.phase, Phase::Ending { .. });
        self.idle_watch.as_ref().filter(|_| ending).map(|watch| watch.look_at)
    }
}
