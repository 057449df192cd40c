//! A stop: which processes of a tree were asked to end, by which process, and until when.
//!
//! A server tells its own workers when they are to end; a worker that gets SIGTERM from
//! another process dies in the middle of the drain. So only the main process is asked, and
//! the others as the end of the grace period comes closer, or at once where it is certain
//! that nothing told them:
//!
//! ```text
//!  stop                                         late       last      until
//!   │ main process: stopsignal                   │          │          │
//!   ├────────────────────────────────────────────┼──────────┼──────────┤ SIGKILL
//!   │ roots whose parent died of a signal        │ roots    │ all
//!   │                                            │ those behind a shell
//! ```
//!
//! A *root* is a process whose parent has ended or belongs to no program. `late` is the
//! last quarter of the time, 5 s at most; `last` is the last second.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::{Member, Pid};
use crate::input::{Exit, Traits, TreeProcess};
use crate::signal::{Signal, SignalTarget};
use crate::spec::StopTarget;
use crate::time::Mono;

/// The longest that roots which may have been told by their parent have between
/// `stopsignal` and SIGKILL.
const LATE: Duration = Duration::from_secs(5);

/// What those have that only their own parents may ask before.
const LAST: Duration = Duration::from_secs(1);

/// A stop that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drain {
    /// The main process, alive or not.
    main: Pid,
    signal: Signal,
    reach: Reach,
    grace: Grace,
    stage: Stage,
    lead: Lead,
    /// The tree has been counted since this began.
    counted: bool,
    /// Those that were sent a signal to end, by us or with the group of the main process.
    asked: BTreeSet<Member>,
    /// Those whose parent died of a signal, without telling them.
    untold: BTreeSet<Member>,
    /// The tree as it was counted last.
    tree: Vec<TreeProcess>,
}

/// The time that a stop has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grace {
    began: Mono,
    until: Mono,
}

/// How far the time of a stop has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Early,
    Late,
    Last,
}

/// The main process, as far as a stop is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    /// It was asked, and lives. Its traits are known once the tree has been counted.
    Asked(Option<Traits>),
    /// A signal to end was passed on to it, and it is its own business: it is not killed.
    Forwarded,
    /// It has ended. `silently`: of a signal, and its tree has not been counted since.
    Ended { silently: bool },
}

/// What a stop does besides ending the main process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nothing: the rest is its own business.
    MainOnly,
    /// The whole tree ends; the main process was asked alone, or with its group.
    Tree(StopTarget),
}

/// A process to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) target: SignalTarget,
    pub(crate) signal: Signal,
    pub(crate) reason: AskReason,
}

/// Why a process is asked to end besides the main process, or in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskReason {
    /// It ignores the signal that asks.
    IgnoresStopsignal,
    /// Its parent died of a signal, so nothing told it.
    ParentDied,
    /// Its parent exited and may have told it, but the time is nearly over.
    StillThere,
    /// A shell that was asked lives on, and has not passed the signal on.
    BehindShell,
    /// Its own parent lives and has not ended it, and SIGKILL is a second away.
    LastSecond,
}

impl AskReason {
    /// Its name where programs read the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IgnoresStopsignal => "ignores_stopsignal",
            Self::ParentDied => "parent_died",
            Self::StillThere => "parent_exited",
            Self::BehindShell => "behind_shell",
            Self::LastSecond => "last_second",
        }
    }
}

/// What time asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// Count the tree: some of it may have to be asked now.
    Count,
    /// The time is over.
    Kill,
}

impl Grace {
    fn new(now: Mono, wait: Duration) -> Self {
        Self { began: now, until: now + wait }
    }

    /// The last quarter.
    fn late(self) -> Duration {
        ((self.until - self.began) / 4).min(LATE)
    }

    fn stage(self, now: Mono) -> Stage {
        if now >= self.end_of(Stage::Late) {
            Stage::Last
        } else if now >= self.end_of(Stage::Early) {
            Stage::Late
        } else {
            Stage::Early
        }
    }

    /// When the next stage begins; behind the last one comes the end.
    fn end_of(self, stage: Stage) -> Mono {
        match stage {
            Stage::Early => self.until - self.late(),
            Stage::Late => self.until - self.late().min(LAST),
            Stage::Last => self.until,
        }
    }
}

impl Drain {
    /// The main process `pid` is asked, and its tree has `wait` from now on.
    pub(crate) fn of_main(
        now: Mono,
        main: Pid,
        signal: Signal,
        wait: Duration,
        reach: Reach,
    ) -> Self {
        let grace = Grace::new(now, wait);
        Self {
            main,
            signal,
            reach,
            grace,
            stage: Stage::Early,
            lead: Lead::Asked(None),
            counted: false,
            asked: BTreeSet::new(),
            untold: BTreeSet::new(),
            tree: Vec::new(),
        }
    }

    /// A signal to end is passed on to the main process; what it leaves behind has `wait`
    /// from now on.
    pub(crate) fn of_forwarded(now: Mono, main: Pid, signal: Signal, wait: Duration) -> Self {
        let reach = Reach::Tree(StopTarget::Main);
        Self { lead: Lead::Forwarded, ..Self::of_main(now, main, signal, wait, reach) }
    }

    /// Whether more than the main process is to end.
    pub(crate) const fn ends_the_tree(&self) -> bool {
        matches!(self.reach, Reach::Tree(_))
    }

    /// Whether the main process has ended.
    pub(crate) const fn has_lost_its_lead(&self) -> bool {
        matches!(self.lead, Lead::Ended { .. })
    }

    /// Gives it time until `until`, if it has not got that already.
    pub(crate) fn extend(&mut self, until: Mono) {
        self.grace.until = self.grace.until.max(until);
    }

    /// Leaves it no time after `until`; whether that takes some.
    pub(crate) fn cap(&mut self, until: Mono) -> bool {
        let cut = self.lead != Lead::Forwarded && until < self.grace.until;
        if cut {
            self.grace.until = until;
        }
        cut
    }

    /// How long it has until SIGKILL.
    pub(crate) fn kill_in(&self, now: Mono) -> Duration {
        self.grace.until - now
    }

    /// Those that were found last.
    pub(crate) fn members(&self) -> Vec<Member> {
        self.tree.iter().map(|process| process.member).collect()
    }

    pub(crate) fn holds(&self, pid: Pid) -> bool {
        self.tree.iter().any(|process| process.member.pid == pid)
    }

    /// The main process ended. A tree that a forwarded signal came to has at least `grace`.
    pub(crate) fn lead_ended(&mut self, now: Mono, exit: Exit, grace: Duration) {
        if self.lead == Lead::Forwarded {
            self.extend(now + grace);
        }
        self.lead = Lead::Ended { silently: matches!(exit, Exit::Signal { .. }) };
    }

    /// A process of the tree, other than the main process, ended. Whether the tree has to be
    /// counted: its children have another parent now.
    pub(crate) fn reaped(&mut self, pid: Pid, exit: Exit) -> bool {
        if let Exit::Signal { .. } = exit {
            let orphans = self.tree.iter().filter(|process| process.parent == pid);
            self.untold.extend(orphans.map(|process| process.member));
        }
        self.tree.retain(|process| process.member.pid != pid);
        self.has_lost_its_lead()
    }

    /// Takes the answer to a count; returns those that have to be asked now.
    pub(crate) fn counted(
        &mut self,
        now: Mono,
        main: Option<Traits>,
        tree: Vec<TreeProcess>,
    ) -> Vec<Ask> {
        self.tree = tree;
        self.stage = self.stage.max(self.grace.stage(now));
        let mut asks = if std::mem::replace(&mut self.counted, true) {
            Vec::new()
        } else {
            self.note_the_group()
        };
        match &mut self.lead {
            Lead::Forwarded => return Vec::new(),
            Lead::Asked(known @ None) => {
                *known = main;
                if let Some(signal) = main.and_then(|traits| self.instead(traits)) {
                    let target = SignalTarget::Process(self.main);
                    asks.push(Ask { target, signal, reason: AskReason::IgnoresStopsignal });
                }
            }
            Lead::Asked(Some(_)) => {}
            Lead::Ended { silently } => {
                if std::mem::take(silently) {
                    let roots: Vec<_> = self.roots().map(|process| process.member).collect();
                    self.untold.extend(roots);
                }
            }
        }
        for (process, reason) in self.due() {
            if self.asked.insert(process.member) {
                let signal = self.instead(process.traits).unwrap_or(self.signal);
                asks.push(Ask { target: SignalTarget::Member(process.member), signal, reason });
            }
        }
        asks
    }

    /// Each process of the group was asked when that was signalled, unless it ignores
    /// the signal.
    fn note_the_group(&mut self) -> Vec<Ask> {
        if self.reach != Reach::Tree(StopTarget::Group) {
            return Vec::new();
        }
        let group = self.tree.iter().filter(|process| process.group == self.main);
        let mut asks = Vec::new();
        for process in group {
            self.asked.insert(process.member);
            if let Some(signal) = self.instead(process.traits) {
                let target = SignalTarget::Member(process.member);
                asks.push(Ask { target, signal, reason: AskReason::IgnoresStopsignal });
            }
        }
        asks
    }

    /// The processes to ask now, each for the first reason that holds.
    fn due(&self) -> Vec<(TreeProcess, AskReason)> {
        let mut due = Vec::new();
        if self.has_lost_its_lead() {
            let untold = self.roots().filter(|process| self.untold.contains(&process.member));
            due.extend(untold.map(|process| (*process, AskReason::ParentDied)));
            if self.stage >= Stage::Late {
                due.extend(self.roots().map(|process| (*process, AskReason::StillThere)));
            }
        }
        if self.stage >= Stage::Late {
            let behind = self.behind_shells().into_iter();
            due.extend(behind.map(|process| (process, AskReason::BehindShell)));
        }
        if self.stage == Stage::Last {
            due.extend(self.tree.iter().map(|process| (*process, AskReason::LastSecond)));
        }
        due
    }

    /// Those whose parent is neither the main process nor one of the tree.
    fn roots(&self) -> impl Iterator<Item = &TreeProcess> {
        let below_main =
            |process: &TreeProcess| !self.has_lost_its_lead() && process.parent == self.main;
        self.tree.iter().filter(move |process| !below_main(process) && !self.holds(process.parent))
    }

    /// The topmost processes that are no shells, below each shell that was asked.
    fn behind_shells(&self) -> Vec<TreeProcess> {
        let shells = self
            .tree
            .iter()
            .filter(|process| process.traits.shell && self.asked.contains(&process.member));
        let mut open: Vec<Pid> = shells.map(|process| process.member.pid).collect();
        if let Lead::Asked(Some(Traits { shell: true, .. })) = self.lead {
            open.push(self.main);
        }
        let mut seen = BTreeSet::new();
        let mut behind = Vec::new();
        while let Some(parent) = open.pop() {
            for child in self.tree.iter().filter(|process| process.parent == parent) {
                if !seen.insert(child.member) {
                    continue;
                }
                if child.traits.shell {
                    open.push(child.member.pid);
                } else {
                    behind.push(*child);
                }
            }
        }
        behind
    }

    /// What asks a process that does not hear the signal.
    fn instead(&self, traits: Traits) -> Option<Signal> {
        (traits.ignores_stopsignal && self.signal != Signal::TERM).then_some(Signal::TERM)
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Mono) -> Due {
        if self.deadline().is_none_or(|at| now < at) {
            return Due::Nothing;
        }
        if now >= self.grace.until {
            return Due::Kill;
        }
        self.stage = self.stage.max(self.grace.stage(now));
        Due::Count
    }

    /// When time has something to ask for.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        match (self.lead, self.reach) {
            (Lead::Forwarded, _) => None,
            (_, Reach::MainOnly) => Some(self.grace.until),
            (Lead::Asked(_) | Lead::Ended { .. }, Reach::Tree(_)) => {
                Some(self.grace.end_of(self.stage))
            }
        }
    }
}
