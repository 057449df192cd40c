//! Rolling restarts.

use supervisor_core::command::{Rejection, Reply, Which};
use supervisor_core::ids::{ProcId, RequestId};
use supervisor_core::time::Mono;

use super::Model;
use super::process::{Alive, Intent, Phase, Proc};
use crate::invariants::hold;

#[derive(Debug)]
pub(crate) struct Rolling {
    pub(super) id: RequestId,
    all: Vec<ProcId>,
    left: Vec<ProcId>,
    current: Option<ProcId>,
    done: Vec<ProcId>,
    unstartable: Vec<ProcId>,
}

impl Model {
    /// Whether a rolling restart is in progress.
    pub(crate) const fn is_rolling(&self) -> bool {
        !self.rolling.is_empty()
    }

    /// Begins a rolling restart. Returns whether the processes exist.
    pub(super) fn begin_rolling(
        &mut self,
        id: RequestId,
        which: &Which,
        unstartable: Vec<ProcId>,
    ) -> bool {
        let Some(mut all) = self.meant(which) else { return false };
        all.retain(|id| self.procs[id].is_wanted());
        let (left, current, done) = (all.clone(), None, Vec::new());
        self.rolling.push(Rolling { id, all, left, current, done, unstartable });
        true
    }

    /// Checks the restart of the next process.
    pub(super) fn rolls(&mut self, name: &str, (number, of): (usize, usize), now: Mono) {
        let named = self.procs.values().find(|proc| proc.spec.name == name).map(|proc| proc.id);
        let Some(id) = named else {
            return hold!(false, GroupsAsTold, "{name} is restarted, which is not there");
        };
        hold!(self.ending.is_none(), NoStartAtTheEnd, "{id:?} is restarted at the end");
        let is_ready = |id: &ProcId| self.procs.get(id).is_some_and(is_ready);
        let wanted = |id: &ProcId| self.procs.get(id).is_some_and(Proc::is_wanted);
        let at = self.rolling.iter().position(|rolling| {
            let others = rolling.all.iter().filter(|other| **other != id);
            let mut others = others.filter(|id| wanted(id));
            let left = rolling.left.iter().filter(|id| wanted(id)).count();
            (number + left, rolling.all.len()) == (of + 1, of)
                && rolling.left.contains(&id)
                && !rolling.unstartable.contains(&id)
                && rolling.current.is_none_or(|current| is_ready(&current))
                && (!is_ready(&id) || others.all(is_ready))
        });
        let Some(at) = at else {
            return hold!(false, RollsOneByOne, "{id:?} is restarted: {:?}", self.rolling);
        };
        // The rolling restarts that were begun earlier have already seen which process is ready.
        (0..=at).for_each(|at| self.note_ready(at));
        self.pass_over(at);
        let rolling = &mut self.rolling[at];
        rolling.left.retain(|other| *other != id);
        rolling.current = Some(id);
        self.with(id, |proc| {
            if let Phase::Alive(Alive { stop: None, .. }) = proc.phase {
                let _ = proc.order_stop();
                let _ = proc.order_start(false, now);
            }
        });
    }

    /// At each step, skips processes that are not running for good: a later start is a new run with
    /// the current settings, so it needs no restart.
    fn pass_over(&mut self, at: usize) {
        let procs = &self.procs;
        let wanted = |id: &ProcId| procs.get(id).is_some_and(Proc::is_wanted);
        self.rolling[at].left.retain(wanted);
    }

    /// Checks the reply.
    pub(super) fn check_rolled(&mut self, id: RequestId, reply: &Result<Reply, Rejection>) {
        let Some(at) = self.rolling.iter().position(|rolling| rolling.id == id) else {
            return hold!(false, AnswersOnce, "{id:?} is no rolling restart");
        };
        let mut rolling = self.rolling.remove(at);
        let ready = |id: &ProcId| self.procs.get(id).is_some_and(is_ready);
        rolling.done.extend(rolling.current.filter(ready));
        let Ok(Reply::Outcomes(outcomes)) = reply else {
            return hold!(false, AnswersTrue, "{reply:?} to {rolling:?}");
        };
        let done: Vec<ProcId> =
            outcomes.iter().filter(|it| it.result.is_ok()).map(|it| it.proc).collect();
        hold!(done == rolling.done, AnswersTrue, "{outcomes:?} to {rolling:?}");
        let failed = outcomes.iter().filter(|it| it.result.is_err()).count();
        let wanted = |id: &ProcId| self.procs.get(id).is_some_and(Proc::is_wanted);
        let complete = !rolling.left.iter().any(wanted);
        hold!(
            failed == 1
                || (failed == 0
                    && (complete
                        || rolling.current.is_some_and(|id| { !self.procs.contains_key(&id) }))),
            AnswersTrue,
            "{outcomes:?} to {rolling:?}"
        );
    }

    /// Checks that each rolling restart in progress has a reason to wait.
    pub(super) fn check_rolling(&mut self) {
        for at in 0..self.rolling.len() {
            self.note_ready(at);
            if self.rolling[at].current.is_none() {
                self.pass_over(at);
            }
        }
        for rolling in &self.rolling {
            let waits = match rolling.current {
                Some(current) => self.procs.get(&current).is_some_and(|proc| {
                    let resting = matches!(
                        proc.phase,
                        Phase::Alive(Alive { stop: Some(stop), .. }) if stop.intent == Intent::Rest
                    );
                    proc.is_active() && !resting
                }),
                None => {
                    let wanted = |id: &&ProcId| self.procs.get(id).is_some_and(Proc::is_wanted);
                    let left = rolling.left.iter().any(|id| wanted(&id));
                    let mut all = rolling.all.iter().filter(wanted);
                    left && all.any(|id| !is_ready(&self.procs[id]))
                }
            };
            hold!(waits, RollsOneByOne, "it does not go on: {rolling:?}");
        }
    }

    /// A restarted process that is ready is done, even if the next one has to wait for another.
    fn note_ready(&mut self, at: usize) {
        let procs = &self.procs;
        let rolling = &mut self.rolling[at];
        if let Some(id) = rolling.current.filter(|id| procs.get(id).is_some_and(is_ready)) {
            rolling.done.push(id);
            rolling.current = None;
        }
    }
}

fn is_ready(proc: &Proc) -> bool {
    proc.alive().is_some_and(Alive::is_ready)
}
