//! A graceful stop: which processes of a tree have been signaled, by which process, and the
//! remaining time.
//!
//! A server stops its own workers in the right order. A worker that gets SIGTERM from another
//! process exits in the middle of its requests. The supervisor therefore signals the main process
//! alone. It signals the other processes near the end of the grace period, or at once if it is
//! certain that no parent signaled them:
//!
//! ```text
//!  stop                                         late       last      until
//!   │ main process: stopsignal                   │          │          │
//!   ├────────────────────────────────────────────┼──────────┼──────────┤ SIGKILL
//!   │ roots whose parent a signal killed         │ roots    │ all
//!   │                                            │ children of shells
//! ```
//!
//! A *root* is a process whose parent has exited or is outside of the tree. `late` is the last
//! quarter of the grace period, at most 5 s; `last` is its last second.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::{Member, Pid};
use crate::input::{Exit, Traits, TreeProcess};
use crate::signal::{Signal, SignalTarget};
use crate::spec::StopTarget;
use crate::time::Mono;

/// The supervisor signals roots whose parent may have signaled them at most this long before
/// SIGKILL.
const LATE: Duration = Duration::from_secs(5);

/// The supervisor signals processes with a living parent this long before SIGKILL.
const LAST: Duration = Duration::from_secs(1);

/// The state of a graceful stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drain {
    /// The main process, running or exited.
    main: Pid,
    signal: Signal,
    reach: Reach,
    grace: Grace,
    stage: Stage,
    lead: Lead,
    /// The tree has been counted since the stop began.
    counted: bool,
    /// Processes that got the stop signal, from the supervisor or as part of the main process's
    /// group.
    asked: BTreeSet<Member>,
    /// Processes whose parent was killed by a signal and cannot have signaled them.
    untold: BTreeSet<Member>,
    /// The result of the latest census.
    tree: Vec<TreeProcess>,
}

/// The grace period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grace {
    began: Mono,
    until: Mono,
}

/// The parts of the grace period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Early,
    Late,
    Last,
}

/// The state of the main process during the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    /// It got the stop signal and is running. The first census sets the traits.
    Asked(Option<Traits>),
    /// The supervisor forwarded a signal to it. It may take as long as it needs and is not killed.
    Forwarded,
    /// It exited. `silently`: a signal killed it, and no census has followed yet.
    Ended { silently: bool },
}

/// The processes that the stop covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The main process alone.
    MainOnly,
    /// The whole tree. The target of the first signal was the main process or its group.
    Tree(StopTarget),
}

/// A signal to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) target: SignalTarget,
    pub(crate) signal: Signal,
    pub(crate) reason: AskReason,
}

/// The reason for signaling a process of the tree, or for using another signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskReason {
    /// The process ignores the stop signal.
    IgnoresStopsignal,
    /// A signal killed its parent, which therefore cannot have signaled it.
    ParentDied,
    /// Its parent exited and may have signaled it, but little time is left.
    StillThere,
    /// Its parent is a shell that got the stop signal and did not pass it on.
    BehindShell,
    /// Its parent is running and has not stopped it, and SIGKILL follows within a second.
    LastSecond,
}

impl AskReason {
    /// The name in JSON logs.
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

/// The action that a deadline requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// Take a census, because more processes may have to be signaled.
    Count,
    /// Send SIGKILL: the grace period is over.
    Kill,
}

impl Grace {
    fn new(now: Mono, wait: Duration) -> Self {
        Self { began: now, until: now + wait }
    }

    /// The length of the last quarter.
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

    /// When the next stage begins; for the last stage, when the grace period is over.
    fn end_of(self, stage: Stage) -> Mono {
        match stage {
            Stage::Early => self.until - self.late(),
            Stage::Late => self.until - self.late().min(LAST),
            Stage::Last => self.until,
        }
    }
}

impl Drain {
    /// Begins the stop of the main process `main` and its tree with a grace period of `wait`.
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

    /// Begins a stop for a signal that was forwarded to the main process. The rest of the tree has
    /// a grace period of `wait`.
    pub(crate) fn of_forwarded(now: Mono, main: Pid, signal: Signal, wait: Duration) -> Self {
        let reach = Reach::Tree(StopTarget::Main);
        Self { lead: Lead::Forwarded, ..Self::of_main(now, main, signal, wait, reach) }
    }

    /// Whether the stop covers more than the main process.
    pub(crate) const fn ends_the_tree(&self) -> bool {
        matches!(self.reach, Reach::Tree(_))
    }

    /// Whether the main process has exited.
    pub(crate) const fn has_lost_its_lead(&self) -> bool {
        matches!(self.lead, Lead::Ended { .. })
    }

    /// Extends the grace period to `until`, unless it is already longer.
    pub(crate) fn extend(&mut self, until: Mono) {
        self.grace.until = self.grace.until.max(until);
    }

    /// Shortens the grace period to `until`. Returns whether it was longer.
    pub(crate) fn cap(&mut self, until: Mono) -> bool {
        let cut = self.lead != Lead::Forwarded && until < self.grace.until;
        if cut {
            self.grace.until = until;
        }
        cut
    }

    /// Time until SIGKILL.
    pub(crate) fn kill_in(&self, now: Mono) -> Duration {
        self.grace.until - now
    }

    /// The processes that the latest census found.
    pub(crate) fn members(&self) -> Vec<Member> {
        self.tree.iter().map(|process| process.member).collect()
    }

    pub(crate) fn holds(&self, pid: Pid) -> bool {
        self.tree.iter().any(|process| process.member.pid == pid)
    }

    /// Notes the exit of the main process. After a forwarded signal, the rest of the tree has at
    /// least `grace` from now on.
    pub(crate) fn lead_ended(&mut self, now: Mono, exit: Exit, grace: Duration) {
        if self.lead == Lead::Forwarded {
            self.extend(now + grace);
        }
        self.lead = Lead::Ended { silently: matches!(exit, Exit::Signal { .. }) };
    }

    /// Notes the exit of another process of the tree. Returns whether a census is needed, because
    /// the children of that process have a new parent.
    pub(crate) fn reaped(&mut self, pid: Pid, exit: Exit) -> bool {
        if let Exit::Signal { .. } = exit {
            let orphans = self.tree.iter().filter(|process| process.parent == pid);
            self.untold.extend(orphans.map(|process| process.member));
        }
        self.tree.retain(|process| process.member.pid != pid);
        self.has_lost_its_lead()
    }

    /// Takes the result of a census. Returns the signals to send now.
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

    /// Marks all processes of the signaled group as signaled. Returns signals for those that ignore
    /// the stop signal.
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

    /// The processes to signal now. A process may appear several times; the first reason counts.
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

    /// Processes whose parent is neither the main process nor part of the tree.
    fn roots(&self) -> impl Iterator<Item = &TreeProcess> {
        let below_main =
            |process: &TreeProcess| !self.has_lost_its_lead() && process.parent == self.main;
        self.tree.iter().filter(move |process| !below_main(process) && !self.holds(process.parent))
    }

    /// The first descendants of each signaled shell that are not shells themselves.
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

    /// The replacement for a stop signal that the process ignores.
    fn instead(&self, traits: Traits) -> Option<Signal> {
        (traits.ignores_stopsignal && self.signal != Signal::TERM).then_some(Signal::TERM)
    }

    /// Returns the action that is due at `now`.
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

    /// When the next action is due.
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
