//! Rolling restarts: one process of a set after the other, each ready before the next.

use super::{Supervisor, Transition, orders};
use crate::command::{ProcessOutcome, Rejection, Reply, Which};
use crate::effect::Effect;
use crate::ids::{ProcId, RequestId};
use crate::input::SpawnError;
use crate::line::Line;
use crate::process::Goal;

/// A rolling restart in progress.
#[derive(Clone, Debug)]
pub(super) struct Rolling {
    pub(super) id: RequestId,
    /// The processes that were running when it began, in start order.
    all: Vec<ProcId>,
    /// The processes that are still to be restarted.
    left: Vec<ProcId>,
    /// The process that was restarted and is not ready yet.
    current: Option<ProcId>,
    /// Processes whose command cannot be executed now, each with the error.
    unstartable: Vec<(ProcId, SpawnError)>,
    outcomes: Vec<ProcessOutcome>,
}

/// The next step of a rolling restart.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Wait for the current process.
    Wait,
    /// Restart this process.
    Restart(ProcId),
    /// End. If not all processes were restarted: the process that caused this, and the reason.
    End(Option<(ProcId, Rejection)>),
}

impl Supervisor {
    /// Starts a rolling restart. Processes that do not run are skipped.
    pub(super) fn order_rolling(
        &mut self,
        id: RequestId,
        which: &Which,
        unstartable: Vec<(ProcId, SpawnError)>,
        cx: &mut Transition<'_>,
    ) {
        let Some(mut all) = self.meant_to_start(which) else {
            return cx.effects.push(Effect::Reply { id, result: Err(Rejection::BadName) });
        };
        all.retain(|proc| self.processes.get(proc).is_some_and(|process| process.is_started()));
        let (left, current, outcomes) = (all.clone(), None, Vec::new());
        self.rolling.push(Rolling { id, all, left, current, unstartable, outcomes });
    }

    /// Continues each rolling restart as far as possible now.
    pub(super) fn roll(&mut self, cx: &mut Transition<'_>) {
        for mut rolling in std::mem::take(&mut self.rolling) {
            match self.roll_one(&mut rolling, cx) {
                Some(failed) => {
                    if let Some((proc, reason)) = failed
                        && let Some(process) = self.processes.get(&proc)
                    {
                        let (name, left) = (process.spec.name.clone(), rolling.left.len());
                        cx.log(Line::RollingStops { name, reason: reason.clone(), left });
                        rolling.outcomes.push(orders::outcome(process, Err(reason)));
                    }
                    let result = Ok(Reply::Outcomes(rolling.outcomes));
                    cx.effects.push(Effect::Reply { id: rolling.id, result });
                }
                None => self.rolling.push(rolling),
            }
        }
    }

    /// Continues a rolling restart. Returns `Some` at its end, with the process that ended it
    /// early.
    fn roll_one(
        &mut self,
        rolling: &mut Rolling,
        cx: &mut Transition<'_>,
    ) -> Option<Option<(ProcId, Rejection)>> {
        loop {
            match self.next_step(rolling) {
                Step::Wait => return None,
                Step::End(failed) => return Some(failed),
                Step::Restart(proc) => {
                    rolling.left.retain(|other| *other != proc);
                    rolling.current = Some(proc);
                    let number = rolling.all.len() - rolling.left.len();
                    if let Some(mut process) = self.processes.get_mut(&proc) {
                        let (name, of) = (process.spec.name.clone(), rolling.all.len());
                        cx.log(Line::RollingStep { name, number, of });
                        process.restart_alive(cx);
                    }
                }
            }
        }
    }

    fn next_step(&self, rolling: &mut Rolling) -> Step {
        if let Some(proc) = rolling.current {
            let Some(process) = self.processes.get(&proc) else {
                return Step::End(None);
            };
            match process.reached(Goal::Ready) {
                None => return Step::Wait,
                Some(Err(reason)) => return Step::End(Some((proc, reason))),
                Some(Ok(())) => {
                    rolling.outcomes.push(orders::outcome(process, Ok(())));
                    rolling.current = None;
                }
            }
        }
        // Skips processes that were stopped or removed in the meantime.
        let runs = |proc: &ProcId| self.processes.get(proc).is_some_and(|it| it.is_started());
        rolling.left.retain(runs);
        let is_ready = |proc: &ProcId| self.processes.get(proc).is_some_and(|it| it.is_ready());
        // Prefers a process that is not ready: it serves no requests, so its restart costs no
        // capacity.
        let next =
            rolling.left.iter().find(|proc| !is_ready(proc)).or_else(|| rolling.left.first());
        let Some(&next) = next else { return Step::End(None) };
        if self.is_ending() {
            return Step::End(Some((next, Rejection::ShuttingDown)));
        }
        if let Some((_, error)) = rolling.unstartable.iter().find(|(proc, _)| *proc == next) {
            return Step::End(Some((next, Rejection::unstartable(error))));
        }
        if !is_ready(&next) {
            return Step::Restart(next);
        }
        let others = || rolling.all.iter().filter(|proc| **proc != next);
        let restarted = |proc: &&ProcId| rolling.outcomes.iter().any(|it| it.proc == **proc);
        // A process that an update removed after its restart is no reason to end.
        let rests = |proc: &&ProcId| self.processes.contains_key(proc) && !runs(proc);
        if let Some(gone) = others().filter(restarted).find(rests) {
            return Step::End(Some((*gone, Rejection::AbnormalTermination)));
        }
        if others().any(|proc| runs(proc) && !is_ready(proc)) {
            return Step::Wait;
        }
        Step::Restart(next)
    }
}
