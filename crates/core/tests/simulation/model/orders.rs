//! The expected replies to requests, and their times.

use std::collections::BTreeMap;
use std::rc::Rc;

use supervisor_core::command::{Command, Difference, ProcessOutcome, Rejection, Reply, Which};
use supervisor_core::ids::{ProcId, RequestId};
use supervisor_core::input::SpawnError;
use supervisor_core::spec::GroupSpec;
use supervisor_core::time::Mono;
use supervisor_core::{Effect, StateName};

use super::gate::Outlook;
use super::process::{Cleanup, Intent, Phase, Proc, Why};
use super::{End, Model};
use crate::invariants::hold;
use crate::kernel::Kernel;

/// An unanswered request.
#[derive(Debug)]
pub(crate) struct Asked {
    id: RequestId,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    /// Exactly this reply, at once.
    Exactly(Result<Reply, Rejection>),
    /// The outcomes of a rolling restart.
    Rolling,
    /// This reply, after the update of the group.
    Updated { group: String, result: Option<Result<Reply, Rejection>> },
    /// The outcomes of a command for several processes, when all are known.
    Outcomes { goal: Goal, several: bool, of: BTreeMap<ProcId, Settling> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Started,
    Up,
    Down,
    Nothing,
}

/// The correct outcomes for a process.
#[derive(Debug, Default)]
struct Settling {
    name: String,
    group: String,
    true_now: Vec<Result<(), Rejection>>,
    settled: bool,
}

impl Model {
    pub(crate) fn asked(&mut self, id: RequestId, command: &Command, now: Mono) {
        let refused = self.ending.is_some() && !matches!(command, Command::RemoteEvent { .. });
        let expected = if refused {
            Expected::Exactly(Err(Rejection::ShuttingDown))
        } else {
            self.expected(id, command, now)
        };
        self.requests.push(Asked { id, expected });
    }

    fn expected(&mut self, id: RequestId, command: &Command, now: Mono) -> Expected {
        let done = Expected::Exactly(Ok(Reply::Done));
        match command {
            Command::RemoteEvent { .. } => {
                self.remote_events += 1;
                done
            }
            Command::Shutdown => {
                self.end_by_order(End::Exit(0), now);
                done
            }
            Command::Restart => {
                self.end_by_order(End::Restart, now);
                done
            }
            Command::Start { which, wait, unstartable } => {
                self.expected_start(which, *wait, unstartable, now)
            }
            Command::RestartPrograms { which, wait, unstartable } => {
                self.expected_restart(which, *wait, unstartable, now)
            }
            Command::RestartRolling { which, unstartable } => {
                let unstartable = unstartable.iter().map(|(id, _)| *id).collect();
                if self.begin_rolling(id, which, unstartable) {
                    Expected::Rolling
                } else {
                    Expected::Exactly(Err(Rejection::BadName))
                }
            }
            Command::Stop { which, wait } => {
                let goal = if *wait { Goal::Down } else { Goal::Nothing };
                self.each(which, goal, |this, id| this.procs.get_mut(&id).unwrap().order_stop())
            }
            Command::Signal { which, signal } => self.each(which, Goal::Nothing, |this, id| {
                let proc = this.procs.get_mut(&id).unwrap();
                if proc.alive().is_none() {
                    return Err(Rejection::NotRunning);
                }
                proc.forwards.push(*signal);
                Ok(())
            }),
            Command::Reread(groups) => {
                let difference = self.difference(groups);
                self.available = groups.iter().cloned().map(Into::into).collect();
                Expected::Exactly(Ok(Reply::Difference(difference)))
            }
            Command::AddGroup(name) => Expected::Exactly(self.add(name, now).map(|()| Reply::Done)),
            Command::RemoveGroup(name) => {
                Expected::Exactly(self.remove(name).map(|()| Reply::Done))
            }
            Command::UpdateGroup(name) => match self.update(name, now) {
                Ok(Some(change)) => Expected::Exactly(Ok(Reply::Updated(change))),
                Ok(None) => Expected::Updated { group: name.clone(), result: None },
                Err(rejection) => Expected::Exactly(Err(rejection)),
            },
        }
    }

    fn expected_start(
        &mut self,
        which: &Which,
        wait: bool,
        unstartable: &[(ProcId, SpawnError)],
        now: Mono,
    ) -> Expected {
        let goal = if wait { Goal::Up } else { Goal::Started };
        let several = !matches!(which, Which::Process(_));
        self.each(which, goal, |this, id| {
            this.not_being_updated(id)?;
            let waits = several && this.outlook(id) == Outlook::Waits { comes: true };
            let proc = this.procs.get_mut(&id).unwrap();
            match unstartable.iter().find(|(other, _)| *other == proc.id) {
                Some(_) if several && proc.is_wanted() => Err(Rejection::AlreadyStarted),
                Some((_, error)) => Err(Rejection::NoFile(error.to_string())),
                None => proc.order_start(waits, now),
            }
        })
    }

    fn expected_restart(
        &mut self,
        which: &Which,
        wait: bool,
        unstartable: &[(ProcId, SpawnError)],
        now: Mono,
    ) -> Expected {
        let goal = if wait { Goal::Up } else { Goal::Started };
        let several = !matches!(which, Which::Process(_));
        let obstacle = |id| unstartable.iter().find(|(other, _)| *other == id);
        for id in self.meant(which).into_iter().flatten() {
            if obstacle(id).is_none() {
                let proc = self.procs.get_mut(&id).unwrap();
                let _ = proc.order_stop();
                proc.forget_waits();
            }
        }
        self.each(which, goal, |this, id| {
            this.not_being_updated(id)?;
            let waits = several && this.outlook(id) == Outlook::Waits { comes: true };
            match obstacle(id) {
                Some((_, error)) => Err(Rejection::NoFile(error.to_string())),
                None => this.procs.get_mut(&id).unwrap().order_start(waits, now),
            }
        })
    }

    fn each(
        &mut self,
        which: &Which,
        goal: Goal,
        mut act: impl FnMut(&mut Self, ProcId) -> Result<(), Rejection>,
    ) -> Expected {
        let several = !matches!(which, Which::Process(_));
        let Some(meant) = self.meant(which) else {
            return Expected::Exactly(Err(Rejection::BadName));
        };
        let mut of = BTreeMap::new();
        for id in self.dependencies_first(meant) {
            let result = act(self, id);
            let Some(proc) = self.procs.get_mut(&id) else { continue };
            proc.forget_waits();
            if several && matches!(result, Err(Rejection::AlreadyStarted | Rejection::NotRunning)) {
                continue;
            }
            let settled = result.is_err() || goal == Goal::Nothing;
            let true_now = if settled { vec![result] } else { Vec::new() };
            let (name, group) = (proc.spec.name.clone(), proc.group.clone());
            of.insert(id, Settling { name, group, true_now, settled });
        }
        Expected::Outcomes { goal, several, of }
    }

    pub(super) fn meant(&self, which: &Which) -> Option<Vec<ProcId>> {
        match which {
            Which::Process(proc) => self.procs.contains_key(proc).then(|| vec![*proc]),
            Which::Group(name) => {
                let known = self.groups.iter().any(|group| group.spec.name == *name);
                known.then(|| self.members_of(name))
            }
            Which::All => Some(self.procs.keys().copied().collect()),
        }
    }

    fn difference(&self, groups: &[GroupSpec]) -> Difference {
        let active = |name: &str| self.groups.iter().find(|group| group.spec.name == name);
        let mut difference = Difference::default();
        for group in groups {
            match active(&group.name) {
                None => difference.added.push(group.name.clone()),
                Some(old) if *old.spec == *group => {}
                Some(_) => difference.changed.push(group.name.clone()),
            }
        }
        let gone = self.groups.iter().filter(|old| groups.iter().all(|g| g.name != old.spec.name));
        difference.removed = gone.map(|group| group.spec.name.clone()).collect();
        difference
    }

    pub(super) fn add(&mut self, name: &str, now: Mono) -> Result<(), Rejection> {
        if self.groups.iter().any(|group| group.spec.name == name) {
            return Err(Rejection::AlreadyAdded);
        }
        let spec = self.asked_for(name);
        self.begin(spec.ok_or(Rejection::BadName)?, now);
        Ok(())
    }

    /// The group with this name in the latest configuration.
    pub(super) fn asked_for(&self, name: &str) -> Option<Rc<GroupSpec>> {
        self.available.iter().find(|group| group.name == name).cloned()
    }

    /// Adds a group.
    pub(super) fn begin(&mut self, spec: Rc<GroupSpec>, now: Mono) {
        let members = self.insert(spec);
        for id in members {
            let Some(proc) = self.procs.get_mut(&id) else { continue };
            if proc.spec.autostart {
                proc.start_with_others(now);
            }
        }
        self.group_changes += 1;
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), Rejection> {
        if !self.groups.iter().any(|group| group.spec.name == name) {
            return Err(Rejection::BadName);
        }
        let members = self.members_of(name);
        if members.iter().any(|id| self.procs[id].is_active() || self.procs[id].is_stuck()) {
            return Err(Rejection::StillRunning);
        }
        self.forget(&members);
        self.groups.retain(|group| group.spec.name != name);
        self.group_changes += 1;
        Ok(())
    }

    /// Removes processes. Their group, if it stays, gets its new members later.
    pub(super) fn forget(&mut self, ids: &[ProcId]) {
        let spared = |id: &ProcId| self.procs[id].run > 0 && !self.procs[id].spec.killtree;
        self.spared |= ids.iter().any(spared);
        self.vacated |= ids.iter().any(|id| !self.procs[id].listens);
        self.procs.retain(|id, _| !ids.contains(id));
        self.removed.extend(ids);
    }

    /// Sets the reply of all requests for an update of this group.
    pub(super) fn updated(&mut self, name: &str, answer: &Result<Reply, Rejection>) {
        for asked in &mut self.requests {
            if let Expected::Updated { group, result } = &mut asked.expected
                && group == name
            {
                *result = Some(answer.clone());
            }
        }
    }

    /// Drops a request whose client has disconnected.
    pub(crate) fn gone(&mut self, id: RequestId) {
        self.requests.retain(|asked| asked.id != id);
        self.rolling.retain(|rolling| rolling.id != id);
    }

    /// Notes for each request which outcomes are correct now.
    pub(super) fn look_at_goals(&mut self, kernel: &Kernel) {
        for asked in &mut self.requests {
            let Expected::Outcomes { goal, of, .. } = &mut asked.expected else { continue };
            for (id, settling) in of.iter_mut().filter(|(_, settling)| !settling.settled) {
                if let Some(proc) = self.procs.get(id) {
                    settling.look(proc, *goal, kernel);
                }
            }
        }
    }

    /// Checks that replies are correct, and that no request waits without a reason.
    pub(crate) fn check_answers(&mut self, effects: &[Effect], kernel: &Kernel) {
        self.look_at_goals(kernel);
        for effect in effects {
            if let Effect::Reply { id, result } = effect {
                let at = self.requests.iter().position(|asked| asked.id == *id);
                let Some(at) = at else {
                    hold!(false, AnswersOnce, "a reply to {id:?}, which has no client");
                    return;
                };
                let asked = self.requests.remove(at);
                if let Expected::Rolling = asked.expected {
                    self.check_rolled(*id, result);
                } else {
                    asked.check(result);
                }
            }
        }
        for asked in &self.requests {
            let waits = match &asked.expected {
                Expected::Exactly(_) => false,
                Expected::Rolling => true,
                Expected::Updated { result, .. } => result.is_none(),
                Expected::Outcomes { of, .. } => of.values().any(|settling| !settling.settled),
            };
            hold!(waits, AnswersAtLast, "{asked:?}");
        }
    }
}

impl Asked {
    /// The processes that the request still waits for.
    pub(crate) fn pending(&self) -> impl Iterator<Item = ProcId> {
        let of = match &self.expected {
            Expected::Exactly(_) | Expected::Rolling | Expected::Updated { .. } => None,
            Expected::Outcomes { of, .. } => Some(of),
        };
        let open = of.into_iter().flatten().filter(|(_, settling)| !settling.settled);
        open.map(|(id, _)| *id)
    }

    fn check(&self, result: &Result<Reply, Rejection>) {
        match &self.expected {
            // See `check_rolled`.
            Expected::Rolling => {}
            Expected::Updated { result: expected, .. } => {
                hold!(Some(result) == expected.as_ref(), AnswersTrue, "{result:?} to {self:?}");
            }
            Expected::Exactly(expected) => {
                hold!(result == expected, AnswersTrue, "{result:?} to {self:?}");
            }
            Expected::Outcomes { several: true, of, .. } => {
                let Ok(Reply::Outcomes(outcomes)) = result else {
                    hold!(false, AnswersTrue, "{result:?} to {self:?}");
                    return;
                };
                hold!(outcomes.len() == of.len(), AnswersTrue, "{outcomes:?} to {self:?}");
                for ProcessOutcome { proc, name, group, result } in outcomes {
                    let is_true = of.get(proc).is_some_and(|settling| {
                        (&settling.name, &settling.group) == (name, group)
                            && settling.true_now.contains(result)
                    });
                    hold!(is_true, AnswersTrue, "{result:?} of {proc:?} to {self:?}");
                }
            }
            Expected::Outcomes { several: false, of, .. } => {
                let result = match result {
                    Ok(Reply::Done) => Ok(()),
                    Ok(other) => {
                        hold!(false, AnswersTrue, "{other:?} to {self:?}");
                        return;
                    }
                    Err(refusal) => Err(refusal.clone()),
                };
                let is_true = of.values().all(|settling| settling.true_now.contains(&result));
                hold!(is_true, AnswersTrue, "{result:?} to {self:?}");
            }
        }
    }
}

impl Settling {
    /// Notes which outcomes are correct for a process now.
    fn look(&mut self, proc: &Proc, goal: Goal, kernel: &Kernel) {
        self.true_now.clear();
        let (truth, settled) = match goal {
            Goal::Started => up(proc, true),
            Goal::Up => up(proc, false),
            Goal::Down => down(proc, kernel),
            Goal::Nothing => return,
        };
        (self.true_now, self.settled) = (truth, settled);
    }
}

/// The correct outcomes for a process that should be up, and whether they are final.
fn up(proc: &Proc, starting_is_enough: bool) -> (Vec<Result<(), Rejection>>, bool) {
    let mut truth = Vec::new();
    if proc.turn.came_up || (starting_is_enough && proc.turn.came_alive) {
        truth.push(Ok(()));
    }
    if proc.turn.failed {
        truth.push(Err(Rejection::SpawnError));
    }
    let settled = match &proc.phase {
        Phase::Alive(alive) => match alive.stop.map(|stop| stop.intent) {
            None if alive.up_at.is_some() || starting_is_enough => Some(Ok(())),
            None | Some(Intent::Run) => None,
            Some(Intent::Rest) => Some(Err(Rejection::AbnormalTermination)),
            Some(Intent::Fail(_)) => Some(Err(Rejection::SpawnError)),
        },
        Phase::Asked { stop: true } => Some(Err(Rejection::AbnormalTermination)),
        // The start failed, and the retry has no delay.
        Phase::Asked { stop: false } if proc.turn.failed => Some(Err(Rejection::SpawnError)),
        Phase::Asked { stop: false } => None,
        Phase::Down { state_name: StateName::Backoff | StateName::Fatal, .. }
        | Phase::Down { why: Why::GaveUp(_) | Why::Unhealthy(..), .. } => {
            Some(Err(Rejection::SpawnError))
        }
        Phase::Down { .. } if proc.has_stuck_tree() => Some(Err(Rejection::SpawnError)),
        Phase::Down { .. } if proc.pending.is_some() => None,
        Phase::Down { .. } => Some(Err(Rejection::AbnormalTermination)),
    };
    let is_settled = settled.is_some();
    truth.extend(settled);
    (truth, is_settled)
}

/// The correct outcomes for a process that should be down, and whether they are final. A request
/// does not wait for a process that another command has started again.
fn down(proc: &Proc, kernel: &Kernel) -> (Vec<Result<(), Rejection>>, bool) {
    if proc.is_stuck() {
        return (vec![Err(Rejection::Unkillable)], true);
    }
    let overtaken = match &proc.phase {
        Phase::Alive(alive) => alive.stop.is_none(),
        Phase::Asked { stop } => !stop,
        Phase::Down { .. } => false,
    };
    let left = proc.spec.killtree && !kernel.living_of(proc.id).is_empty();
    let clean = match proc.cleanup {
        Cleanup::Clear => true,
        Cleanup::Draining
        | Cleanup::Busy { .. }
        | Cleanup::Stuck { .. }
        | Cleanup::Tidying { .. }
        | Cleanup::Awaiting(_) => false,
    };
    let is_down = matches!(proc.phase, Phase::Down { .. }) && clean;
    let mut truth = Vec::new();
    if overtaken || ((is_down || proc.turn.came_down) && !left) {
        truth.push(Ok(()));
    }
    (truth, overtaken || is_down)
}
