//! The expected course of a graceful stop: which processes get a signal, and when.

use std::collections::BTreeSet;
use std::time::Duration;

use supervisor_core::SignalTarget;
use supervisor_core::ids::Member;
use supervisor_core::input::{Exit, TreeProcess};
use supervisor_core::signal::Signal;
use supervisor_core::spec::ProcessSpec;
use supervisor_core::time::Mono;

use super::process::{Cleanup, Phase, Proc};
use crate::invariants::hold;
use crate::kernel::{Entry, Kernel};

/// A graceful stop, from the first signal until SIGKILL or the last exit.
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    began: Mono,
    pub(crate) until: Mono,
    /// The part of the grace period at the latest check.
    stage: u8,
    /// The stop signal, and whether the whole process group got it.
    signal: Signal,
    group: bool,
    /// The main process ignores the stop signal and has to get another one.
    main_again: bool,
    pub(crate) asked: BTreeSet<Member>,
    /// A census has been taken since the stop began.
    counted: bool,
    /// The exit status of the main process.
    pub(crate) lead: Option<Exit>,
    /// A census has been taken since the main process exited.
    counted_since: bool,
    /// The signal was only forwarded.
    pub(crate) forwarded: bool,
}

impl Drain {
    pub(crate) fn new(now: Mono, wait: Duration, (signal, group): (Signal, bool)) -> Self {
        Self {
            began: now,
            until: now + wait,
            stage: 0,
            signal,
            group,
            main_again: false,
            asked: BTreeSet::new(),
            counted: false,
            lead: None,
            counted_since: false,
            forwarded: false,
        }
    }

    /// The beginning of the last quarter (at most 5 s), and of the last second.
    fn late_and_last(&self) -> (Mono, Mono) {
        let late = ((self.until - self.began) / 4).min(Duration::from_secs(5));
        (self.until - late, self.until - late.min(Duration::from_secs(1)))
    }

    fn stage_at(&self, now: Mono) -> u8 {
        let (late, last) = self.late_and_last();
        u8::from(now >= late) + u8::from(now >= last)
    }

    /// The next deadline.
    pub(crate) fn due(&self, spec: &ProcessSpec) -> Option<Mono> {
        if self.forwarded && self.lead.is_none() {
            return None;
        }
        match self.stage {
            0 if spec.killtree => Some(self.late_and_last().0),
            1 if spec.killtree => Some(self.late_and_last().1),
            _ => Some(self.until),
        }
    }

    /// Whether only shells are between the process and a shell that got the signal.
    fn is_behind_a_shell(&self, entry: &Entry, kernel: &Kernel) -> bool {
        let above = kernel.ancestors(entry);
        let mut shells = above.iter().take_while(|(_, one)| one.traits.shell);
        let asked = |(pid, one): &(_, Entry)| {
            one.main && self.lead.is_none() || self.asked.contains(&one.member_of(*pid))
        };
        !entry.traits.shell && shells.any(asked)
    }

    fn signal_for(&self, deaf: bool) -> Signal {
        if deaf { Signal::TERM } else { self.signal }
    }
}

impl Proc {
    /// Takes a census. Returns the processes that must get a signal by the end of the turn.
    pub(super) fn drain_counted(&mut self, now: Mono, members: &[TreeProcess], kernel: &Kernel) {
        let Some(drain) = &mut self.drain else { return };
        drain.stage = drain.stage.max(drain.stage_at(now));
        if !std::mem::replace(&mut drain.counted, true) && !drain.forwarded {
            let group = members.iter().filter(|_| drain.group);
            let main = self.latest;
            let hears = drain.signal == Signal::TERM;
            let deaf = |one: &TreeProcess| one.traits.ignores_stopsignal && !hears;
            drain.asked.extend(
                group
                    .filter(|process| process.group == main && !deaf(process))
                    .map(|process| process.member),
            );
        }
        if drain.forwarded && drain.lead.is_none() {
            return;
        }
        for process in members.iter().filter(|_| drain.stage >= 1) {
            let entry = kernel.member(process.member);
            if entry.is_some_and(|entry| drain.is_behind_a_shell(entry, kernel)) {
                self.must_ask.insert(process.member);
            }
        }
        if drain.lead.is_none() {
            let all = members.iter().filter(|_| drain.stage == 2);
            self.must_ask.extend(all.map(|process| process.member));
            return;
        }
        let first = !std::mem::replace(&mut drain.counted_since, true);
        let silent = matches!(drain.lead, Some(Exit::Signal { .. }));
        for process in members {
            let entry = kernel.member(process.member);
            let root = entry.is_some_and(|entry| !kernel.has_parent_of_its_tree(entry));
            if drain.stage == 2 || root && (drain.stage == 1 || first && silent) {
                self.must_ask.insert(process.member);
            }
        }
    }

    /// Checks a signal to a process of the tree.
    pub(super) fn drain_asks(
        &mut self,
        target: &SignalTarget,
        signal: Signal,
        entry: &Entry,
        kernel: &Kernel,
    ) {
        let id = self.id;
        let Some(drain) = &mut self.drain else {
            hold!(false, SignalsForAReason, "{target:?} gets {signal}, and nothing stops");
            return;
        };
        let deaf = entry.traits.ignores_stopsignal;
        let right = signal == drain.signal_for(deaf) && signal != Signal::KILL
            || signal == Signal::KILL && drain.signal == Signal::KILL;
        hold!(right, SignalsForAReason, "{target:?} of {id:?} gets {signal}");
        let SignalTarget::Member(member) = target else {
            let once = !std::mem::replace(&mut drain.main_again, true);
            hold!(once && deaf && drain.lead.is_none(), AskedOnce, "{id:?} is signaled again");
            return;
        };
        hold!(drain.asked.insert(*member), AskedOnce, "{member:?} is signaled twice");
        let in_group = drain.group && entry.group == self.latest.0;
        let root = drain.lead.is_some() && !kernel.has_parent_of_its_tree(entry);
        let died = |exit: Option<Exit>| matches!(exit, Some(Exit::Signal { .. }));
        let untold = died(drain.lead) || died(entry.orphaned);
        let reason = drain.stage == 2
            || drain.stage >= 1 && (root || drain.is_behind_a_shell(entry, kernel))
            || root && untold
            || deaf && in_group;
        hold!(reason, LeavesTheDrainAlone, "{member:?} of {id:?} is signaled: {drain:?}");
    }

    /// A stop signal is forwarded to the main process.
    pub(super) fn stop_signal_sent(&mut self, signal: Signal, now: Mono) {
        let wait = self.spec.stopwaitsecs;
        if let Some(signal) = self.spec.signal_map.sent(signal)
            && self.spec.killtree
            && self.drain.is_none()
            && self.well_alive().is_some()
        {
            self.drain = Some(Drain { forwarded: true, ..Drain::new(now, wait, (signal, false)) });
        }
    }

    /// Notes the exit of the main process during a stop.
    pub(super) fn drain_loses_its_lead(&mut self, exit: Exit, now: Mono) {
        let grace = self.spec.leftover_grace;
        if let Some(drain) = &mut self.drain {
            drain.lead = Some(exit);
            if drain.forwarded {
                drain.until = drain.until.max(now + grace);
            }
        }
    }

    /// Notes a tick.
    pub(super) fn drain_ticked(&mut self, now: Mono) {
        let down = matches!(self.phase, Phase::Down { .. });
        let killtree = self.spec.killtree;
        let Some(drain) = &mut self.drain else { return };
        if drain.forwarded && drain.lead.is_none() {
            return;
        }
        if now >= drain.until {
            if down && self.cleanup == Cleanup::Draining {
                (self.cleanup, self.must_count) = (Cleanup::forced(false), true);
                self.drain = None;
            }
        } else if killtree && drain.stage_at(now) > drain.stage {
            drain.stage = drain.stage_at(now);
            self.must_count = true;
        }
    }

    /// Checks that all required signals were sent in this turn.
    pub(super) fn check_drain(&mut self) {
        let asked = self.drain.as_ref().map(|drain| &drain.asked);
        let missing: Vec<_> = self
            .must_ask
            .iter()
            .filter(|member| !asked.is_some_and(|asked| asked.contains(member)))
            .collect();
        hold!(missing.is_empty(), AskedInTime, "{:?}: {missing:?} were not signaled", self.id);
        hold!(!self.must_count, AskedInTime, "{:?} is not counted: {:?}", self.id, self.drain);
    }
}
