//! What a process leaves behind, and how it is made to go.
//!
//! A server's workers outlive it when it crashes: they keep its port and its GPU
//! memory, and the next start fails. So after every end of a main process its
//! tree is counted, asked to end, and after a short time made to.
//!
//! ```text
//!           main process reaped
//!   Clear ──────────────────────> Counting(Ask) <─── all reaped ───┐
//!     ^                             │      │ some: TERM            │
//!     ├───────── nobody ────────────┘      └──────────────> Leaving(Ask)
//!     │                                                            │ grace over
//!     │                           Counting(Force) <────────────────┘
//!     │                             │      │ some: KILL   ^
//!     ├───────── nobody ────────────┘      v              │ all reaped, or
//!     │                                  Leaving(Force) ──┘ bound over
//!     │                                    │ bound over, still some
//!     └── (recount: nobody) ───────────── Stuck <─> recounted now and then
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::{Member, Pid};
use crate::signal::Signal;
use crate::time::Mono;

/// How long leftovers have between SIGTERM and SIGKILL. Short: whatever they
/// wanted to finish, their leader is gone.
pub const LEFTOVER_GRACE: Duration = Duration::from_secs(2);

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

/// How long a process may be seen after SIGKILL before it is called unkillable.
pub const UNKILLABLE_AFTER: Duration = Duration::from_secs(10);

/// How often those are counted again. Whose parent lives goes without our hearing of it.
pub const RECOUNT_EVERY: Duration = Duration::from_secs(30);

/// Where the clean-up of one process's tree stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Nobody is left, or the process is alive and its tree its own business.
    Clear,
    /// A census is under way; `until` is the end of the present push, if it has begun.
    Counting { push: Push, until: Option<Mono> },
    /// These were signalled and have not gone yet.
    Leaving { push: Push, members: BTreeSet<Member>, until: Mono },
    /// These don't even go by SIGKILL.
    Stuck { members: BTreeSet<Member>, recount_at: Mono },
    /// Nobody is left; the place is made clean. By `until` that has been done.
    Tidying { occasion: Occasion, until: Mono },
}

/// How hard leftovers are pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Push {
    /// By SIGTERM.
    Ask,
    /// By SIGKILL.
    Force,
}

impl Push {
    pub(crate) const fn signal(self) -> Signal {
        match self {
            Self::Ask => Signal::TERM,
            Self::Force => Signal::KILL,
        }
    }

    const fn patience(self) -> Duration {
        match self {
            Self::Ask => LEFTOVER_GRACE,
            Self::Force => UNKILLABLE_AFTER,
        }
    }
}

/// What a change of the tree asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sweep {
    /// Nothing.
    Nothing,
    /// Nobody is left.
    Done,
    /// Count again.
    Count,
    /// Send this signal to these.
    Signal(Signal, Vec<Member>),
    /// Report these as unkillable.
    GiveUp(Vec<Member>),
}

impl Tree {
    /// Begins to clean up.
    pub(crate) fn sweep(&mut self, push: Push) -> Sweep {
        *self = Self::Counting { push, until: None };
        Sweep::Count
    }

    /// Takes the answer to a count.
    pub(crate) fn counted(&mut self, now: Mono, found: Vec<Member>) -> Sweep {
        let (push, until) = match self {
            Self::Clear | Self::Leaving { .. } | Self::Tidying { .. } => return Sweep::Nothing,
            Self::Counting { .. } | Self::Stuck { .. } if found.is_empty() => {
                *self = Self::Clear;
                return Sweep::Done;
            }
            Self::Counting { push, until } => (*push, *until),
            Self::Stuck { members, .. } if found.iter().all(|one| members.contains(one)) => {
                *members = found.into_iter().collect();
                return Sweep::Nothing;
            }
            // They have had children, which may well go.
            Self::Stuck { .. } => (Push::Force, None),
        };
        let members = found.iter().copied().collect();
        let until = until.unwrap_or_else(|| now + push.patience());
        if push == Push::Force && now >= until {
            *self = Self::Stuck { members, recount_at: now + RECOUNT_EVERY };
            return Sweep::GiveUp(found);
        }
        *self = Self::Leaving { push, members, until };
        Sweep::Signal(push.signal(), found)
    }

    /// Whether `pid` is one of those that were found.
    pub(crate) fn holds(&self, pid: Pid) -> bool {
        match self {
            Self::Leaving { members, .. } | Self::Stuck { members, .. } => {
                members.iter().any(|member| member.pid == pid)
            }
            Self::Clear | Self::Counting { .. } | Self::Tidying { .. } => false,
        }
    }

    /// Notes that `pid` ended. Once all have, counts again: they may have had children.
    pub(crate) fn reaped(&mut self, pid: Pid) -> Sweep {
        match self {
            Self::Leaving { push, members, until } => {
                members.retain(|member| member.pid != pid);
                if members.is_empty() {
                    *self = Self::Counting { push: *push, until: Some(*until) };
                    return Sweep::Count;
                }
            }
            Self::Stuck { members, .. } => {
                // One has gone after all: it may have had children meanwhile, and of the
                // others some may have gone unheard, since their own parents lived.
                if members.iter().any(|member| member.pid == pid) {
                    return self.sweep(Push::Force);
                }
            }
            Self::Clear | Self::Counting { .. } | Self::Tidying { .. } => {}
        }
        Sweep::Nothing
    }

    /// Begins to make the place clean.
    pub(crate) fn tidy(&mut self, occasion: Occasion, now: Mono) {
        *self = Self::Tidying { occasion, until: now + occasion.limit() };
    }

    /// Whether the place is being made clean for a start.
    pub(crate) const fn tidies_for_start(&self) -> bool {
        matches!(self, Self::Tidying { occasion: Occasion::Start, .. })
    }

    /// The place has been made clean.
    pub(crate) fn tidied(&mut self) {
        if let Self::Tidying { .. } = self {
            *self = Self::Clear;
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Mono) -> Sweep {
        match self {
            Self::Leaving { push: Push::Ask, until, .. } if now >= *until => {
                self.sweep(Push::Force)
            }
            Self::Leaving { push: Push::Force, until, .. } if now >= *until => {
                *self = Self::Counting { push: Push::Force, until: Some(*until) };
                Sweep::Count
            }
            Self::Stuck { recount_at, .. } if now >= *recount_at => {
                *recount_at = now + RECOUNT_EVERY;
                Sweep::Count
            }
            Self::Tidying { until, .. } if now >= *until => {
                *self = Self::Clear;
                Sweep::Nothing
            }
            Self::Clear
            | Self::Counting { .. }
            | Self::Leaving { .. }
            | Self::Stuck { .. }
            | Self::Tidying { .. } => Sweep::Nothing,
        }
    }

    /// Ends all patience.
    pub(crate) fn hurry(&mut self) -> Sweep {
        match self {
            Self::Leaving { push: Push::Ask, .. } => self.sweep(Push::Force),
            // The patience that begins with the next signal is another.
            Self::Counting { push: push @ Push::Ask, until } => {
                (*push, *until) = (Push::Force, None);
                Sweep::Nothing
            }
            // Nothing is started any more: it needn't be clean.
            Self::Tidying { .. } => {
                *self = Self::Clear;
                Sweep::Nothing
            }
            Self::Clear
            | Self::Counting { push: Push::Force, .. }
            | Self::Leaving { push: Push::Force, .. }
            | Self::Stuck { .. } => Sweep::Nothing,
        }
    }

    /// Whether a new run may be started beside what is left.
    pub(crate) const fn is_clear(&self) -> bool {
        matches!(self, Self::Clear)
    }

    /// Whether somebody survived SIGKILL.
    pub(crate) const fn is_stuck(&self) -> bool {
        matches!(self, Self::Stuck { .. })
    }

    /// Whether waiting can still change something.
    pub(crate) const fn is_busy(&self) -> bool {
        matches!(self, Self::Counting { .. } | Self::Leaving { .. } | Self::Tidying { .. })
    }

    pub(crate) const fn deadline(&self) -> Option<Mono> {
        match self {
            Self::Leaving { until, .. }
            | Self::Tidying { until, .. }
            | Self::Stuck { recount_at: until, .. } => Some(*until),
            Self::Clear | Self::Counting { .. } => None,
        }
    }
}
