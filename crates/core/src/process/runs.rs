//! The latest runs of a process, for people to read. No decision uses them.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::Process;
use crate::exit::Exit;
use crate::failure::Class;
use crate::ids::{Pid, RunId};
use crate::report::{Cause, RunReport};
use crate::state_name::StateName;
use crate::time::{Mono, Wall};

/// Runs of each process that are remembered.
pub const RUNS_KEPT: usize = 10;

/// One run: from its start to its end, as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Which run, counted from 1.
    pub run: RunId,
    /// Its main process; `None`: it could not be started, or has not been yet.
    pub pid: Option<Pid>,
    /// When it was started.
    pub started: Wall,
    /// Time from the start until it was RUNNING; `None`: it never was.
    pub ready_after: Option<Duration>,
    /// How it ended; `None`: it has not.
    pub end: Option<RunEnd>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// When it ended.
    pub at: Wall,
    /// How long it lasted.
    pub uptime: Duration,
    /// The exit of its main process; `None`: the run had no main process.
    pub exit: Option<Exit>,
    /// Why it ended.
    pub reason: EndReason,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// An operator stopped the run, or everything was stopped.
    Stopped,
    /// The run exited by itself, as expected.
    Expected,
    /// The run failed.
    Failed {
        /// The failure class.
        class: Class,
        /// The cause in full.
        cause: String,
        /// Whether the cause says more than the exit status.
        says_more: bool,
    },
}

impl EndReason {
    /// All names that [`Self::name`] returns.
    pub const NAMES: [&str; 3] = ["stopped", "expected", "failed"];

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Expected => "expected",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The exit status; if the cause says more, the cause comes before it.
impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.reason, self.exit) {
            (EndReason::Failed { class, cause, says_more: true }, exit) => {
                if *class == Class::Health {
                    f.write_str("unhealthy: ")?;
                }
                f.write_str(cause)?;
                exit.map_or(Ok(()), |exit| write!(f, " ({exit})"))
            }
            (_, Some(exit)) => exit.fmt(f),
            (EndReason::Failed { cause, .. }, None) => f.write_str(cause),
            (EndReason::Stopped | EndReason::Expected, None) => f.write_str(self.reason.name()),
        }
    }
}

/// The latest runs, at most [`RUNS_KEPT`], the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs(VecDeque<RunRecord>);

impl Runs {
    /// All that are remembered, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &RunRecord> {
        self.0.iter()
    }

    /// The end of the latest run that has ended.
    #[must_use]
    pub fn last_end(&self) -> Option<&RunEnd> {
        self.iter().rev().find_map(|run| run.end.as_ref())
    }

    /// The failure class of the latest failed run.
    pub(crate) fn last_failure(&self) -> Option<Class> {
        self.iter().rev().find_map(|run| match run.end.as_ref()?.reason {
            EndReason::Failed { class, .. } => Some(class),
            EndReason::Stopped | EndReason::Expected => None,
        })
    }

    pub(super) fn begin(&mut self, run: RunId, started: Wall) {
        if self.0.len() == RUNS_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(RunRecord { run, pid: None, started, ready_after: None, end: None });
    }

    /// The present run, if one exists.
    pub(super) fn present(&mut self) -> Option<&mut RunRecord> {
        self.0.back_mut().filter(|run| run.end.is_none())
    }

    /// Notes that the present run was to stop before it could be started, and was not.
    pub(super) fn end_unstarted(&mut self, at: Wall) {
        if let Some(run) = self.present() {
            let (uptime, exit) = (Duration::ZERO, None);
            run.end = Some(RunEnd { at, uptime, exit, reason: EndReason::Stopped });
        }
    }

    /// Notes why a run ended of which only the exit was known.
    pub(super) fn explain(&mut self, report: &RunReport) {
        let same = |run: &RunRecord| {
            run.run == report.run && run.end.as_ref().is_none_or(|end| end.exit == report.exit)
        };
        let Some(run) = self.0.iter_mut().find(|run| same(run)) else { return };
        let (class, cause) = (report.cause.class(), report.why());
        let says_more = report.because().says_more && !matches!(report.cause, Cause::Failure(_));
        let reason = EndReason::Failed { class, cause, says_more };
        let (at, uptime, exit) = (report.ended, report.uptime, report.exit);
        run.end = Some(RunEnd { at, uptime, exit, reason });
    }
}

impl Process {
    /// Records that the main process ended. If the run failed, a report gives the reason later.
    pub(super) fn note_end(&mut self, exit: Exit, at: Wall, now: Mono) {
        let Some(live) = self.live() else { return };
        // If the run failed, the report corrects this reason.
        let reason = if self.state_name() == StateName::Stopping {
            EndReason::Stopped
        } else {
            EndReason::Expected
        };
        if let Some(run) = self.history.runs.present() {
            run.end = Some(RunEnd { at, uptime: now - live.since, exit: Some(exit), reason });
        }
    }
}
