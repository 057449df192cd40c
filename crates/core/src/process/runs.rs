//! The latest runs of a process, for displays. No decision uses them.

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

/// Remembered runs of each process.
pub const RUNS_KEPT: usize = 10;

/// One run, in progress or finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// The number of the run, counted from 1.
    pub run: RunId,
    /// The main process; `None` if it was not started.
    pub pid: Option<Pid>,
    /// When it was started.
    pub started: Wall,
    /// Time from the start until it was RUNNING; `None` if it never was.
    pub ready_after: Option<Duration>,
    /// How it ended; `None` while it is in progress.
    pub end: Option<RunEnd>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// When it ended.
    pub at: Wall,
    /// The length of the run.
    pub uptime: Duration,
    /// The exit status of its main process; `None` if the run had no main process.
    pub exit: Option<Exit>,
    /// The reason.
    pub reason: EndReason,
}

/// The reason for the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// An operator stopped it, or the supervisor was stopped.
    Stopped,
    /// It exited by itself, as expected.
    Expected,
    /// It failed.
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

/// The exit status, after the cause if the cause says more.
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
    /// All remembered runs, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &RunRecord> {
        self.0.iter()
    }

    /// The end of the latest finished run.
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
        // Most processes run once, and a record is not small.
        self.0.reserve_exact(1);
        self.0.push_back(RunRecord { run, pid: None, started, ready_after: None, end: None });
    }

    /// The current run, if there is one.
    pub(super) fn present(&mut self) -> Option<&mut RunRecord> {
        self.0.back_mut().filter(|run| run.end.is_none())
    }

    /// Notes that a stop request canceled the current run before it started.
    pub(super) fn end_unstarted(&mut self, at: Wall) {
        if let Some(run) = self.present() {
            let (uptime, exit) = (Duration::ZERO, None);
            run.end = Some(RunEnd { at, uptime, exit, reason: EndReason::Stopped });
        }
    }

    /// Adds the cause from a report to a finished run.
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
    /// Notes the exit of the main process.
    pub(super) fn note_end(&mut self, exit: Exit, at: Wall, now: Mono) {
        let Some(live) = self.live() else { return };
        // A report corrects this reason later if the run failed.
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
