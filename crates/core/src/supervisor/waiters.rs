//! Requests that wait for processes.

use std::time::Duration;

use super::{Supervisor, Transition, orders};
use crate::command::{ProcessOutcome, Rejection, Reply};
use crate::effect::Effect;
use crate::ids::{ProcId, RequestId};
use crate::line::Line;
use crate::process::Goal;
use crate::time::Mono;

/// Interval at which the log reports the programs that a request waits for.
const WAITING_REPORT_EVERY: Duration = Duration::from_secs(2);

/// A request that is answered when no process is pending.
#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub(super) id: RequestId,
    /// The goal of the request; `None` if it needs no state.
    goal: Option<Goal>,
    pub(super) pending: Vec<ProcId>,
    pub(super) outcomes: Vec<ProcessOutcome>,
    /// Whether the request selects several processes, so that the reply holds each outcome.
    several: bool,
    report_at: Mono,
}

impl Waiter {
    pub(super) const fn new(
        id: RequestId,
        goal: Option<Goal>,
        several: bool,
        report_at: Mono,
    ) -> Self {
        Self { id, goal, pending: Vec::new(), outcomes: Vec::new(), several, report_at }
    }

    /// When the log next reports the pending programs.
    pub(super) fn deadline(&self) -> Option<Mono> {
        (self.goal == Some(Goal::Down)).then_some(self.report_at)
    }

    fn reply(self) -> Result<Reply, Rejection> {
        if self.several {
            return Ok(Reply::Outcomes(self.outcomes));
        }
        let result = self.outcomes.into_iter().next().map(|outcome| outcome.result);
        result.unwrap_or(Err(Rejection::BadName)).map(|()| Reply::Done)
    }
}

impl Supervisor {
    /// Answers requests whose processes have all reached the goal or cannot reach it any longer.
    pub(super) fn answer_waiters(&mut self, cx: &mut Transition<'_>) {
        for mut waiter in std::mem::take(&mut self.waiters) {
            self.advance(&mut waiter, cx);
            if waiter.pending.is_empty() {
                let id = waiter.id;
                cx.effects.push(Effect::Reply { id, result: waiter.reply() });
            } else {
                self.waiters.push(waiter);
            }
        }
    }

    /// Drops a request whose client has disconnected. An update continues.
    pub(super) fn request_gone(&mut self, id: RequestId) {
        self.waiters.retain(|waiter| waiter.id != id);
        self.rolling.retain(|rolling| rolling.id != id);
        for update in &mut self.updates {
            update.asked.retain(|asked| *asked != id);
        }
    }

    fn advance(&self, waiter: &mut Waiter, cx: &mut Transition<'_>) {
        let Some(goal) = waiter.goal else { return };
        for proc in std::mem::take(&mut waiter.pending) {
            let Some(process) = self.processes.get(&proc) else { continue };
            match process.reached(goal) {
                Some(result) => waiter.outcomes.push(orders::outcome(process, result)),
                None => waiter.pending.push(proc),
            }
        }
        if goal == Goal::Down && cx.now >= waiter.report_at {
            waiter.report_at = cx.now + WAITING_REPORT_EVERY;
            for process in waiter.pending.iter().filter_map(|proc| self.processes.get(proc)) {
                cx.log(Line::WaitingToStop { name: process.spec.name.clone() });
            }
        }
    }
}
