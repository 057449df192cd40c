//! The processes of a program besides its main process, and how they are ended.
//!
//! A server's workers outlive it when it crashes: they keep its port and its GPU
//! memory, and the next start fails. So after every end of a main process its tree is
//! counted and ended, before anything else happens: after a run that ended by itself at
//! once and quickly, during a stop as [`drain`] has it.
//!
//! ```text
//!            stop                 main process reaped
//!   Clear ──────────> Draining ──┐   (no stop)
//!     ^ ^              │  │ time │
//!     │ └── none left ─┘  │ over │
//!     │                   v      v
//!     ├── none left ──── Counting(Ask or Force) <──── all ended ───┐
//!     │                             │ some: TERM or KILL           │
//!     │                             └──────────────────────────> Leaving
//!     │                             ^                              │
//!     │                             └── Ask: grace over ───────────┤
//!     └── (recount: none left) ────── Stuck <── Force: bound over ─┘
//! ```

pub(crate) mod drain;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::{Member, Pid};
use crate::input::{Exit, Traits, TreeProcess};
use crate::signal::Signal;
use crate::time::Mono;

use drain::{Ask, Drain, Due};

/// What the place is made clean for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The next start: the port is waited for as well.
    Start,
    /// The end of everything.
    End,
}

impl Occasion {
    /// How long it may take.
    #[must_use]
    pub const fn limit(self) -> Duration {
        match self {
            Self::Start => TIDY_LIMIT,
            Self::End => LAST_TIDY_LIMIT,
        }
    }
}

/// How long making the place clean for the next start may take, waiting for the port
/// included.
const TIDY_LIMIT: Duration = Duration::from_secs(10);

/// How long making it clean at the end of everything may take.
const LAST_TIDY_LIMIT: Duration = Duration::from_secs(2);

/// How long the memory of devices may be awaited before a start, with a margin for the answer.
pub const DEVICES_LIMIT: Duration = Duration::from_secs(130);

/// How long a process may be seen after SIGKILL before it is called unkillable.
pub const UNKILLABLE_AFTER: Duration = Duration::from_secs(10);

/// How often unkillable processes are counted again.
pub const RECOUNT_EVERY: Duration = Duration::from_secs(30);

/// Where the end of one process's tree stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Nothing is left, or the process is alive and its tree its own business.
    Clear,
    /// A stop is under way. The main process may live, and have its time.
    Draining(Box<Drain>),
    /// A census is under way; `until` is the end of the present step, if it has begun.
    Counting { step: Escalation, until: Option<Mono> },
    /// These were signalled and have not gone yet.
    Leaving { step: Escalation, members: BTreeSet<Member>, until: Mono },
    /// These did not end by SIGKILL.
    Stuck { members: BTreeSet<Member>, recount_at: Mono },
    /// Nothing is left; stale files are removed. By `until` that has been done.
    Tidying { occasion: Occasion, until: Mono },
}

/// The signal that leftovers get, and the time they have after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escalation {
    /// SIGTERM, and this much time.
    Ask(Duration),
    /// SIGKILL, and this much time until they are called unkillable.
    Force(Duration),
}

impl Escalation {
    const fn signal(self) -> Signal {
        match self {
            Self::Ask(_) => Signal::TERM,
            Self::Force(_) => Signal::KILL,
        }
    }

    const fn time(self) -> Duration {
        match self {
            Self::Ask(time) | Self::Force(time) => time,
        }
    }
}

/// What a change of the tree asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CleanupStep {
    /// Nothing.
    Nothing,
    /// Nothing is left.
    Done,
    /// Count again.
    Count,
    /// Send this signal to these leftovers.
    Signal(Signal, Vec<Member>),
    /// Ask these to end, during a stop.
    Ask(Vec<Ask>),
    /// The main process has had its time.
    KillMain,
    /// Report these as unkillable.
    GiveUp(Vec<Member>),
}

impl Tree {
    /// Begins to clean up.
    pub(crate) fn sweep(&mut self, step: Escalation) -> CleanupStep {
        *self = Self::Counting { step, until: None };
        CleanupStep::Count
    }

    /// Takes the answer to a count. `main`: the main process, if it lives; `unkillable`:
    /// how long a process may be seen after SIGKILL.
    pub(crate) fn counted(
        &mut self,
        now: Mono,
        main: Option<Traits>,
        found: Vec<TreeProcess>,
        unkillable: Duration,
    ) -> CleanupStep {
        let members = || found.iter().map(|process| process.member).collect::<Vec<_>>();
        let (step, until) = match self {
            Self::Clear | Self::Leaving { .. } | Self::Tidying { .. } => {
                return CleanupStep::Nothing;
            }
            Self::Draining(drain) if found.is_empty() && drain.has_lost_its_lead() => {
                *self = Self::Clear;
                return CleanupStep::Done;
            }
            Self::Draining(drain) => return CleanupStep::Ask(drain.counted(now, main, found)),
            Self::Counting { .. } | Self::Stuck { .. } if found.is_empty() => {
                *self = Self::Clear;
                return CleanupStep::Done;
            }
            Self::Counting { step, until } => (*step, *until),
            Self::Stuck { members: known, .. }
                if found.iter().all(|one| known.contains(&one.member)) =>
            {
                *known = members().into_iter().collect();
                return CleanupStep::Nothing;
            }
            // They have had children, which may well go.
            Self::Stuck { .. } => (Escalation::Force(unkillable), None),
        };
        let until = until.unwrap_or_else(|| now + step.time());
        let found = members();
        let members = found.iter().copied().collect();
        if matches!(step, Escalation::Force(_)) && now >= until {
            *self = Self::Stuck { members, recount_at: now + RECOUNT_EVERY };
            return CleanupStep::GiveUp(found);
        }
        *self = Self::Leaving { step, members, until };
        CleanupStep::Signal(step.signal(), found)
    }

    /// Whether `pid` is one of those that were found.
    pub(crate) fn holds(&self, pid: Pid) -> bool {
        match self {
            Self::Draining(drain) => drain.holds(pid),
            Self::Leaving { members, .. } | Self::Stuck { members, .. } => {
                members.iter().any(|member| member.pid == pid)
            }
            Self::Clear | Self::Counting { .. } | Self::Tidying { .. } => false,
        }
    }

    /// Those whose end has to be waited for, also where another process reaps them.
    pub(crate) fn awaited(&self) -> Option<Vec<Member>> {
        match self {
            Self::Draining(drain) if drain.has_lost_its_lead() => Some(drain.members()),
            Self::Leaving { members, .. } | Self::Stuck { members, .. } => {
                Some(members.iter().copied().collect())
            }
            Self::Clear | Self::Draining(_) | Self::Counting { .. } | Self::Tidying { .. } => None,
        }
    }

    /// The main process ended in a stop. A tree that is its own business is left alone.
    pub(crate) fn lead_ended(&mut self, now: Mono, exit: Exit, grace: Duration) -> CleanupStep {
        match self {
            Self::Draining(drain) if drain.ends_the_tree() => {
                drain.lead_ended(now, exit, grace);
                CleanupStep::Count
            }
            Self::Draining(_) => {
                *self = Self::Clear;
                CleanupStep::Nothing
            }
            Self::Clear
            | Self::Counting { .. }
            | Self::Leaving { .. }
            | Self::Stuck { .. }
            | Self::Tidying { .. } => CleanupStep::Nothing,
        }
    }

    /// Notes that `pid` ended. Once all have, counts again: they may have had children.
    pub(crate) fn reaped(&mut self, pid: Pid, exit: Exit, unkillable: Duration) -> CleanupStep {
        match self {
            Self::Draining(drain) => {
                if drain.reaped(pid, exit) {
                    return CleanupStep::Count;
                }
            }
            Self::Leaving { step, members, until } => {
                members.retain(|member| member.pid != pid);
                if members.is_empty() {
                    *self = Self::Counting { step: *step, until: Some(*until) };
                    return CleanupStep::Count;
                }
            }
            Self::Stuck { members, .. } => {
                // It may have had children in the meantime, and others of them may have
                // been reaped by their own parents.
                if members.iter().any(|member| member.pid == pid) {
                    return self.sweep(Escalation::Force(unkillable));
                }
            }
            Self::Clear | Self::Counting { .. } | Self::Tidying { .. } => {}
        }
        CleanupStep::Nothing
    }

    /// All that were waited for have ended.
    pub(crate) fn ended(&mut self) -> CleanupStep {
        match self {
            Self::Draining(drain) if drain.has_lost_its_lead() => CleanupStep::Count,
            Self::Leaving { step, until, .. } => {
                *self = Self::Counting { step: *step, until: Some(*until) };
                CleanupStep::Count
            }
            Self::Stuck { .. } => CleanupStep::Count,
            Self::Clear | Self::Draining(_) | Self::Counting { .. } | Self::Tidying { .. } => {
                CleanupStep::Nothing
            }
        }
    }

    /// A process of it asks for time until `until`.
    pub(crate) fn extend(&mut self, until: Mono) {
        if let Self::Draining(drain) = self {
            drain.extend(until);
        }
    }

    /// Leaves it no time before SIGKILL after `kill_by`; whether that takes some.
    pub(crate) fn cap(&mut self, now: Mono, kill_by: Mono) -> bool {
        match self {
            Self::Draining(drain) => drain.cap(kill_by),
            Self::Leaving { step: Escalation::Ask(_), until, .. } if kill_by < *until => {
                *until = kill_by;
                true
            }
            Self::Counting { step: Escalation::Ask(time), until: None } => {
                let cut = kill_by - now < *time;
                *time = (*time).min(kill_by - now);
                cut
            }
            Self::Counting { step: Escalation::Ask(_), until: Some(until) } => {
                let cut = kill_by < *until;
                *until = (*until).min(kill_by);
                cut
            }
            Self::Clear
            | Self::Counting { step: Escalation::Force(_), .. }
            | Self::Leaving { .. }
            | Self::Stuck { .. }
            | Self::Tidying { .. } => false,
        }
    }

    /// How long a stop has until SIGKILL.
    pub(crate) fn kill_in(&self, now: Mono) -> Duration {
        match self {
            Self::Draining(drain) => drain.kill_in(now),
            Self::Clear
            | Self::Counting { .. }
            | Self::Leaving { .. }
            | Self::Stuck { .. }
            | Self::Tidying { .. } => Duration::ZERO,
        }
    }

    /// Begins to make the place clean.
    pub(crate) fn tidy(&mut self, occasion: Occasion, until: Mono) {
        *self = Self::Tidying { occasion, until };
    }

    /// Whether the place is being made clean.
    pub(crate) const fn is_tidying(&self) -> bool {
        matches!(self, Self::Tidying { .. })
    }

    /// Whether the place is being made clean for a start.
    pub(crate) const fn tidies_for_start(&self) -> bool {
        matches!(self, Self::Tidying { occasion: Occasion::Start, .. })
    }

    /// Stale files have been removed.
    pub(crate) fn tidied(&mut self) {
        if let Self::Tidying { .. } = self {
            *self = Self::Clear;
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Mono, unkillable: Duration) -> CleanupStep {
        match self {
            Self::Draining(drain) => match drain.tick(now) {
                Due::Nothing => CleanupStep::Nothing,
                Due::Count => CleanupStep::Count,
                Due::Kill if drain.has_lost_its_lead() => self.sweep(Escalation::Force(unkillable)),
                Due::Kill => CleanupStep::KillMain,
            },
            Self::Leaving { step: Escalation::Ask(_), until, .. } if now >= *until => {
                self.sweep(Escalation::Force(unkillable))
            }
            Self::Leaving { step: step @ Escalation::Force(_), until, .. } if now >= *until => {
                *self = Self::Counting { step: *step, until: Some(*until) };
                CleanupStep::Count
            }
            Self::Stuck { recount_at, .. } if now >= *recount_at => {
                *recount_at = now + RECOUNT_EVERY;
                CleanupStep::Count
            }
            Self::Tidying { until, .. } if now >= *until => {
                *self = Self::Clear;
                CleanupStep::Nothing
            }
            Self::Clear
            | Self::Counting { .. }
            | Self::Leaving { .. }
            | Self::Stuck { .. }
            | Self::Tidying { .. } => CleanupStep::Nothing,
        }
    }

    /// Ends every grace period of what a main process left behind.
    pub(crate) fn hurry(&mut self, unkillable: Duration) -> CleanupStep {
        match self {
            Self::Draining(drain) if drain.has_lost_its_lead() => {
                self.sweep(Escalation::Force(unkillable))
            }
            Self::Leaving { step: Escalation::Ask(_), .. } => {
                self.sweep(Escalation::Force(unkillable))
            }
            // The time that begins with the next signal is another.
            Self::Counting { step: step @ Escalation::Ask(_), until } => {
                (*step, *until) = (Escalation::Force(unkillable), None);
                CleanupStep::Nothing
            }
            // Nothing is started again: stale files may stay.
            Self::Tidying { .. } => {
                *self = Self::Clear;
                CleanupStep::Nothing
            }
            Self::Clear
            | Self::Draining(_)
            | Self::Counting { step: Escalation::Force(_), .. }
            | Self::Leaving { step: Escalation::Force(_), .. }
            | Self::Stuck { .. } => CleanupStep::Nothing,
        }
    }

    /// Whether a stop has begun, and not come to SIGKILL.
    pub(crate) const fn is_draining(&self) -> bool {
        matches!(self, Self::Draining(_))
    }

    /// Whether a count can change something.
    pub(crate) const fn awaits_count(&self) -> bool {
        match self {
            Self::Draining(_) | Self::Counting { .. } | Self::Stuck { .. } => true,
            Self::Clear | Self::Leaving { .. } | Self::Tidying { .. } => false,
        }
    }

    /// Whether a new run may be started beside what is left.
    pub(crate) const fn is_clear(&self) -> bool {
        matches!(self, Self::Clear)
    }

    /// Whether a process survived SIGKILL.
    pub(crate) const fn is_stuck(&self) -> bool {
        matches!(self, Self::Stuck { .. })
    }

    /// Whether a stop or a clean-up goes on that counts it again.
    pub(crate) const fn is_counted(&self) -> bool {
        matches!(self, Self::Draining(_) | Self::Counting { .. } | Self::Leaving { .. })
    }

    /// Whether waiting can still change something.
    pub(crate) const fn is_busy(&self) -> bool {
        match self {
            Self::Draining(_)
            | Self::Counting { .. }
            | Self::Leaving { .. }
            | Self::Tidying { .. } => true,
            Self::Clear | Self::Stuck { .. } => false,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        match self {
            Self::Draining(drain) => drain.deadline(),
            Self::Leaving { until, .. }
            | Self::Tidying { until, .. }
            | Self::Stuck { recount_at: until, .. } => Some(*until),
            Self::Clear | Self::Counting { .. } => None,
        }
    }
}
