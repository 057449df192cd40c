//! Handles operators' commands.

use super::ending::End;
use super::waiters::Waiter;
use super::{Process, Supervisor, Transition};
use crate::command::{Command, ProcessOutcome, Rejection, Reply, Which};
use crate::effect::Effect;
use crate::event::Event;
use crate::ids::{ProcId, RequestId};
use crate::info::Info;
use crate::input::SpawnError;
use crate::process::Goal;
use crate::signal::Signal;

/// The order in which a command applies to several processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InOrder {
    OfStart,
    OfStop,
}

impl Supervisor {
    /// The processes that a name selects: `GROUP:PROCESS`; `GROUP:*` or `GROUP:` for a whole group;
    /// or the name of a process whose group has the same name.
    ///
    /// # Errors
    ///
    /// [`Rejection::BadName`] if the process or group does not exist.
    pub fn resolve(&self, name: &str) -> Result<Which, Rejection> {
        let (group, process) = name.split_once(':').unwrap_or((name, name));
        let group = self.group(group).ok_or(Rejection::BadName)?;
        if process.is_empty() || process == "*" {
            return Ok(Which::Group(group.spec.name.clone()));
        }
        let named =
            |proc: &&ProcId| self.processes.get(proc).is_some_and(|it| it.named.name == process);
        let proc = group.members.iter().find(named).ok_or(Rejection::BadName)?;
        Ok(Which::Process(*proc))
    }

    /// The single process that a name selects.
    ///
    /// # Errors
    ///
    /// [`Rejection::BadName`] if there is no such process, or if the name selects a group.
    pub fn resolve_process(&self, name: &str) -> Result<ProcId, Rejection> {
        match self.resolve(name)? {
            Which::Process(proc) => Ok(proc),
            Which::Group(_) | Which::All => Err(Rejection::BadName),
        }
    }

    /// The selected processes in start order.
    ///
    /// # Errors
    ///
    /// [`Rejection::BadName`] if the process or group does not exist.
    pub fn members(&self, which: &Which) -> Result<Vec<Info<'_>>, Rejection> {
        match which {
            Which::Process(proc) => Ok(vec![self.process(*proc).ok_or(Rejection::BadName)?]),
            Which::Group(name) => {
                let group = self.group(name).ok_or(Rejection::BadName)?;
                Ok(group.members.iter().filter_map(|proc| self.process(*proc)).collect())
            }
            Which::All => Ok(self.processes().collect()),
        }
    }

    pub(super) fn order(&mut self, id: RequestId, command: Command, cx: &mut Transition<'_>) {
        let result = match command {
            Command::RemoteEvent { kind, data } => {
                cx.emit(Event::Remote { kind, data });
                Ok(Reply::Done)
            }
            _ if self.is_ending() => Err(Rejection::ShuttingDown),
            Command::Start { which, wait, unstartable } => {
                return self.order_start(id, &which, wait, &unstartable, cx);
            }
            Command::Stop { which, wait } => return self.order_stop(id, &which, wait, cx),
            Command::RestartPrograms { which, wait, unstartable } => {
                return self.order_restart(id, &which, wait, &unstartable, cx);
            }
            Command::RestartRolling { which, unstartable } => {
                return self.order_rolling(id, &which, unstartable, cx);
            }
            Command::Signal { which, signal } => {
                return self.order_signal(id, &which, signal, cx);
            }
            Command::Shutdown => {
                self.end_by_order(End::Exit { code: 0 }, cx);
                Ok(Reply::Done)
            }
            Command::Restart => {
                self.end_by_order(End::Restart, cx);
                Ok(Reply::Done)
            }
            Command::Reread(groups) => Ok(Reply::Difference(self.reread(groups))),
            Command::AddGroup(name) => self.add_group(&name, cx).map(|()| Reply::Done),
            Command::RemoveGroup(name) => self.remove_group(&name, cx).map(|()| Reply::Done),
            Command::UpdateGroup(name) => match self.update_group(id, &name, cx) {
                Ok(None) => return,
                Ok(Some(change)) => Ok(Reply::Updated(change)),
                Err(rejection) => Err(rejection),
            },
        };
        cx.effects.push(Effect::Reply { id, result });
    }

    fn order_start(
        &mut self,
        id: RequestId,
        which: &Which,
        wait: bool,
        unstartable: &[(ProcId, SpawnError)],
        cx: &mut Transition<'_>,
    ) {
        let goal = if wait { Goal::Up } else { Goal::Started };
        let several = !matches!(which, Which::Process(_));
        self.each(id, which, InOrder::OfStart, Some(goal), cx, |this, proc, cx| {
            this.not_being_updated(proc)?;
            let outlook = this.outlook(proc);
            let Some(mut process) = this.processes.get_mut(&proc) else {
                return Err(Rejection::BadName);
            };
            match unstartable.iter().find(|(other, _)| *other == proc) {
                // In a command for several processes, a running one is skipped even if its command
                // cannot be executed now.
                Some(_) if several && process.is_started() => Err(Rejection::AlreadyStarted),
                Some((_, error)) => Err(Rejection::unstartable(error)),
                None => process.start_by_order(outlook.after_order(several), cx),
            }
        });
    }

    /// Stops the processes in stop order, then marks them as due to start. A program stops before
    /// its dependencies and starts after them.
    fn order_restart(
        &mut self,
        id: RequestId,
        which: &Which,
        wait: bool,
        unstartable: &[(ProcId, SpawnError)],
        cx: &mut Transition<'_>,
    ) {
        let obstacle = |proc| unstartable.iter().find(|(other, _)| *other == proc);
        for proc in self.meant(which, InOrder::OfStop).into_iter().flatten() {
            if obstacle(proc).is_none()
                && let Some(mut process) = self.processes.get_mut(&proc)
            {
                // A process that is not running needs only the start.
                let _ = process.stop_by_order(cx);
            }
        }
        let goal = if wait { Goal::Up } else { Goal::Started };
        let several = !matches!(which, Which::Process(_));
        self.each(id, which, InOrder::OfStart, Some(goal), cx, |this, proc, cx| {
            this.not_being_updated(proc)?;
            let outlook = this.outlook(proc);
            let mut process = this.processes.get_mut(&proc).ok_or(Rejection::BadName)?;
            match obstacle(proc) {
                Some((_, error)) => Err(Rejection::unstartable(error)),
                None => process.start_by_order(outlook.after_order(several), cx),
            }
        });
    }

    fn order_stop(&mut self, id: RequestId, which: &Which, wait: bool, cx: &mut Transition<'_>) {
        let goal = wait.then_some(Goal::Down);
        self.each(id, which, InOrder::OfStop, goal, cx, |this, proc, cx| {
            let mut process = this.processes.get_mut(&proc).ok_or(Rejection::BadName)?;
            process.stop_by_order(cx)
        });
    }

    fn order_signal(
        &mut self,
        id: RequestId,
        which: &Which,
        signal: Signal,
        cx: &mut Transition<'_>,
    ) {
        self.each(id, which, InOrder::OfStart, None, cx, |this, proc, cx| {
            let process = this.processes.get(&proc).ok_or(Rejection::BadName)?;
            process.forward(signal, cx).then_some(()).ok_or(Rejection::NotRunning)
        });
    }

    /// Applies `act` to each selected process. Replies when all have reached `goal`, or at once
    /// without a goal. A command for several processes skips those that are already running or not
    /// running.
    fn each(
        &mut self,
        id: RequestId,
        which: &Which,
        order: InOrder,
        goal: Option<Goal>,
        cx: &mut Transition<'_>,
        mut act: impl FnMut(&mut Self, ProcId, &mut Transition<'_>) -> Result<(), Rejection>,
    ) {
        let Some(procs) = self.meant(which, order) else {
            return cx.effects.push(Effect::Reply { id, result: Err(Rejection::BadName) });
        };
        let several = !matches!(which, Which::Process(_));
        let mut waiter = Waiter::new(id, goal, several, cx.now);
        for proc in procs {
            let result = act(self, proc, cx);
            let Some(process) = self.processes.get(&proc) else { continue };
            match result {
                Err(Rejection::AlreadyStarted | Rejection::NotRunning) if several => {}
                Ok(()) if goal.is_some() => waiter.pending.push(proc),
                result => waiter.outcomes.push(outcome(process, result)),
            }
        }
        self.waiters.push(waiter);
    }

    /// The processes that `which` selects, in start order.
    pub(super) fn meant_to_start(&self, which: &Which) -> Option<Vec<ProcId>> {
        self.meant(which, InOrder::OfStart)
    }

    /// The selected processes.
    fn meant(&self, which: &Which, order: InOrder) -> Option<Vec<ProcId>> {
        let groups: Vec<_> = match which {
            Which::Process(proc) => {
                return self.processes.contains_key(proc).then(|| vec![*proc]);
            }
            Which::Group(name) => vec![self.group(name)?],
            Which::All => self.groups.iter().collect(),
        };
        let members = groups.into_iter().map(|group| group.members.clone());
        Some(match order {
            InOrder::OfStart => {
                self.dependencies_first(members.flat_map(|group| self.by_priority(group)).collect())
            }
            InOrder::OfStop => {
                let members = members.rev().flat_map(|group| self.stop_order(group));
                let mut starts: Vec<_> = members.collect();
                starts.reverse();
                let mut stops = self.dependencies_first(starts);
                stops.reverse();
                stops
            }
        })
    }
}

pub(super) fn outcome(process: &Process, result: Result<(), Rejection>) -> ProcessOutcome {
    let named = &process.named;
    ProcessOutcome {
        proc: named.proc,
        name: named.name.clone(),
        group: named.group.clone(),
        result,
    }
}
