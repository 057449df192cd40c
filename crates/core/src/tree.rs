//! The process tree of a program, and how the supervisor stops it.
//!
//! When a server crashes, its workers outlive it. They keep its port and its GPU memory, and the
//! next start fails. After every exit of a main process, the supervisor therefore takes a census of
//! the tree and stops what is left before anything else happens. After an unexpected exit it does
//! so quickly; during a graceful stop it follows [`drain`].
//!
//! ```text
//!            stop                 main process reaped
//!   Clear ──────────> Draining ──┐   (no stop)
//!     ^ ^              │  │ time │
//!     │ └── none left ─┘  │ over │
//!     │                   v      v
//!     ├── none left ──── Counting(Ask or Force) <──── all exited ──┐
//!     │                             │ some: TERM or KILL           │
//!     │                             └──────────────────────────> Leaving
//!     │                             ^                              │
//!     │                             └── Ask: time over ────────────┤
//!     └── (recount: none left) ────── Stuck <── Force: time over ──┘
//! ```

pub(crate) mod drain;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::device::DeviceWait;
use crate::ids::{Member, Pid};
use crate::input::{Exit, Traits, TreeProcess};
use crate::port::PortWait;
use crate::signal::Signal;
use crate::time::Mono;

use drain::{Ask, Drain, Due};

/// The reason for a cleanup of files and sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The next start.
    Start,
    /// The shutdown.
    End,
}

impl Occasion {
    /// The time limit.
    #[must_use]
    pub const fn limit(self) -> Duration {
        match self {
            Self::Start => TIDY_LIMIT,
            Self::End => LAST_TIDY_LIMIT,
        }
    }
}

/// Time limit for the cleanup before a start.
const TIDY_LIMIT: Duration = Duration::from_secs(10);

/// Time limit for the final cleanup.
const LAST_TIDY_LIMIT: Duration = Duration::from_secs(2);

/// A process that still exists this long after SIGKILL counts as unkillable.
pub const UNKILLABLE_AFTER: Duration = Duration::from_secs(10);

/// Interval between censuses of unkillable processes.
pub const RECOUNT_EVERY: Duration = Duration::from_secs(30);

/// The progress of stopping a process tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    /// No leftover process exists, or the main process is running and needs no attention.
    Clear,
    /// A graceful stop is in progress. The main process may still be running.
    Draining(Box<Drain>),
    /// A census is in progress. `until`: the end of the current step, if the step has begun or a
    /// limit has cut it.
    Counting { step: Escalation, until: Option<Mono> },
    /// These processes got a signal and have not exited yet.
    Leaving { step: Escalation, members: BTreeSet<Member>, until: Mono },
    /// These processes survived SIGKILL.
    Stuck { members: BTreeSet<Member>, recount_at: Mono },
    /// No process is left. A cleanup of files and sockets is in progress; it ends by `until`.
    Tidying { occasion: Occasion, until: Mono },
    /// No process is left. A start waits for this.
    Awaiting(Box<Awaited>),
}

/// The object of a wait before a start, when no process of the last run is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// Its port.
    Port(PortWait),
    /// Its devices.
    Devices(DeviceWait),
}

impl Awaited {
    const fn deadline(&self) -> Mono {
        match self {
            Self::Port(wait) => wait.until,
            Self::Devices(wait) => wait.deadline(),
        }
    }
}

/// The signal for leftover processes, and the time that they have to exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escalation {
    /// SIGTERM.
    Ask(Duration),
    /// SIGKILL. Processes that exist after this time count as unkillable.
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

/// The action that follows a change of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CleanupStep {
    /// Nothing.
    Nothing,
    /// No process is left.
    Done,
    /// Take a census.
    Count,
    /// Send this signal to these leftover processes.
    Signal(Signal, Vec<Member>),
    /// Send these signals during a graceful stop.
    Ask(Vec<Ask>),
    /// Send SIGKILL to the main process, because its grace period is over.
    KillMain,
    /// Report these as unkillable.
    GiveUp(Vec<Member>),
}

impl Tree {
    /// Begins to stop leftover processes.
    pub(crate) fn sweep(&mut self, step: Escalation) -> CleanupStep {
        *self = Self::Counting { step, until: None };
        CleanupStep::Count
    }

    /// Takes the result of a census. `main`: the main process, if it is running; `unkillable`: the
    /// time after SIGKILL until a process counts as unkillable.
    pub(crate) fn counted(
        &mut self,
        now: Mono,
        main: Option<Traits>,
        found: Vec<TreeProcess>,
        unkillable: Duration,
    ) -> CleanupStep {
        let members = || found.iter().map(|process| process.member).collect::<Vec<_>>();
        let (step, until) = match self {
            Self::Clear | Self::Leaving { .. } | Self::Tidying { .. } | Self::Awaiting(_) => {
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
            // An unkillable process has new children, which may exit.
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

    /// Whether `pid` belongs to the processes that were found.
    pub(crate) fn holds(&self, pid: Pid) -> bool {
        match self {
            Self::Draining(drain) => drain.holds(pid),
            Self::Leaving { members, .. } | Self::Stuck { members, .. } => {
                members.iter().any(|member| member.pid == pid)
            }
            Self::Clear | Self::Counting { .. } | Self::Tidying { .. } | Self::Awaiting(_) => false,
        }
    }

    /// The processes to wait for, whichever process reaps them.
    pub(crate) fn awaited(&self) -> Option<Vec<Member>> {
        match self {
            Self::Draining(drain) if drain.has_lost_its_lead() => Some(drain.members()),
            Self::Leaving { members, .. } | Self::Stuck { members, .. } => {
                Some(members.iter().copied().collect())
            }
            Self::Clear
            | Self::Draining(_)
            | Self::Counting { .. }
            | Self::Tidying { .. }
            | Self::Awaiting(_) => None,
        }
    }

    /// Handles the exit of the main process during a stop. If the stop covers only the main
    /// process, the rest is left alone.
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
            | Self::Tidying { .. }
            | Self::Awaiting(_) => CleanupStep::Nothing,
        }
    }

    /// Handles the exit of `pid`. After the last exit, another census looks for new children.
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
                // The process may have had new children, and the parents of others may have reaped
                // them.
                if members.iter().any(|member| member.pid == pid) {
                    return self.sweep(Escalation::Force(unkillable));
                }
            }
            Self::Clear | Self::Counting { .. } | Self::Tidying { .. } | Self::Awaiting(_) => {}
        }
        CleanupStep::Nothing
    }

    /// Handles the exit of all processes that the daemon was asked to wait for.
    pub(crate) fn ended(&mut self) -> CleanupStep {
        match self {
            Self::Draining(drain) if drain.has_lost_its_lead() => CleanupStep::Count,
            Self::Leaving { step, until, .. } => {
                *self = Self::Counting { step: *step, until: Some(*until) };
                CleanupStep::Count
            }
            Self::Stuck { .. } => CleanupStep::Count,
            Self::Clear
            | Self::Draining(_)
            | Self::Counting { .. }
            | Self::Tidying { .. }
            | Self::Awaiting(_) => CleanupStep::Nothing,
        }
    }

    /// Extends the grace period to `until` on a process's request.
    pub(crate) fn extend(&mut self, until: Mono) {
        if let Self::Draining(drain) = self {
            drain.extend(until);
        }
    }

    /// Sends SIGKILL no later than `kill_by`. Returns whether that shortens a grace period.
    pub(crate) fn cap(&mut self, now: Mono, kill_by: Mono) -> bool {
        match self {
            Self::Draining(drain) => drain.cap(kill_by),
            Self::Leaving { step: Escalation::Ask(_), until, .. } if kill_by < *until => {
                *until = kill_by;
                true
            }
            Self::Counting { step: Escalation::Ask(time), until } => {
                let cut = kill_by < until.unwrap_or(now + *time);
                if cut {
                    *until = Some(kill_by);
                }
                cut
            }
            Self::Clear
            | Self::Counting { step: Escalation::Force(_), .. }
            | Self::Leaving { .. }
            | Self::Stuck { .. }
            | Self::Tidying { .. }
            | Self::Awaiting(_) => false,
        }
    }

    /// Time until SIGKILL.
    pub(crate) fn kill_in(&self, now: Mono) -> Duration {
        match self {
            Self::Draining(drain) => drain.kill_in(now),
            Self::Clear
            | Self::Counting { .. }
            | Self::Leaving { .. }
            | Self::Stuck { .. }
            | Self::Tidying { .. }
            | Self::Awaiting(_) => Duration::ZERO,
        }
    }

    /// Begins a cleanup of files and sockets.
    pub(crate) fn tidy(&mut self, occasion: Occasion, until: Mono) {
        *self = Self::Tidying { occasion, until };
    }

    /// Whether a cleanup of files and sockets is in progress.
    pub(crate) const fn is_tidying(&self) -> bool {
        matches!(self, Self::Tidying { .. })
    }

    /// Whether a cleanup for a start is in progress.
    pub(crate) const fn tidies_for_start(&self) -> bool {
        matches!(self, Self::Tidying { occasion: Occasion::Start, .. })
    }

    /// Ends the cleanup.
    pub(crate) fn tidied(&mut self) {
        if let Self::Tidying { .. } = self {
            *self = Self::Clear;
        }
    }

    /// Returns the action that is due at `now`.
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
            | Self::Tidying { .. }
            | Self::Awaiting(_) => CleanupStep::Nothing,
        }
    }

    /// Ends the grace periods of leftover processes.
    pub(crate) fn hurry(&mut self, unkillable: Duration) -> CleanupStep {
        match self {
            Self::Draining(drain) if drain.has_lost_its_lead() => {
                self.sweep(Escalation::Force(unkillable))
            }
            Self::Leaving { step: Escalation::Ask(_), .. } => {
                self.sweep(Escalation::Force(unkillable))
            }
            // The time of the step begins with its signal, which has not been sent.
            Self::Counting { step: step @ Escalation::Ask(_), until } => {
                (*step, *until) = (Escalation::Force(unkillable), None);
                CleanupStep::Nothing
            }
            // Nothing starts again, so stale files may stay.
            Self::Tidying { .. } | Self::Awaiting(_) => {
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

    /// Whether a graceful stop is in progress and SIGKILL has not been sent.
    pub(crate) const fn is_draining(&self) -> bool {
        matches!(self, Self::Draining(_))
    }

    /// Whether a census can change anything.
    pub(crate) const fn awaits_count(&self) -> bool {
        match self {
            Self::Draining(_) | Self::Counting { .. } | Self::Stuck { .. } => true,
            Self::Clear | Self::Leaving { .. } | Self::Tidying { .. } | Self::Awaiting(_) => false,
        }
    }

    /// Whether a new run may start.
    pub(crate) const fn is_clear(&self) -> bool {
        matches!(self, Self::Clear)
    }

    /// Whether a process survived SIGKILL.
    pub(crate) const fn is_stuck(&self) -> bool {
        matches!(self, Self::Stuck { .. })
    }

    /// Whether a stop is in progress that takes another census.
    pub(crate) const fn is_counted(&self) -> bool {
        matches!(self, Self::Draining(_) | Self::Counting { .. } | Self::Leaving { .. })
    }

    /// Whether waiting can still change anything.
    pub(crate) const fn is_busy(&self) -> bool {
        match self {
            Self::Draining(_)
            | Self::Counting { .. }
            | Self::Leaving { .. }
            | Self::Tidying { .. }
            | Self::Awaiting(_) => true,
            Self::Clear | Self::Stuck { .. } => false,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        match self {
            Self::Draining(drain) => drain.deadline(),
            Self::Leaving { until, .. }
            | Self::Tidying { until, .. }
            | Self::Stuck { recount_at: until, .. } => Some(*until),
            Self::Awaiting(awaited) => Some(awaited.deadline()),
            Self::Clear | Self::Counting { .. } => None,
        }
    }
}
