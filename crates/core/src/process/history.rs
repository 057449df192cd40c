//! The history of a process's runs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::runs::Runs;
use crate::failure::Class;
use crate::input::Exit;
use crate::spec::StopTarget;
use crate::time::Wall;

/// The history of the runs of a process, for displays. No decision uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// When it was last started.
    pub started: Option<Wall>,
    /// When it last exited, or when its next start was canceled.
    pub stopped: Option<Wall>,
    /// The exit status of the latest run, unless it exited too early to count as a run.
    pub exit: Option<Exit>,
    /// The error of the latest run.
    pub error: Option<String>,
    /// The exit status of the run before the current one.
    pub last_exit: Option<Exit>,
    /// The latest runs.
    pub runs: Runs,
    /// The number of restarts, by the class of the failure before each, if there were any.
    pub restarts: BTreeMap<Class, u64>,
    /// How long the latest successful start took.
    pub up_after: Option<Duration>,
    /// Total time that its starts have waited for servers elsewhere.
    pub waited: Duration,
    /// Restarts that were delayed because of too many starts within a second.
    pub paced: u64,
    /// Bytes of anonymous and shared memory of its tree at the latest measurement.
    pub memory: Option<u64>,
    /// The activity that it reports by `sd_notify`.
    pub status: Option<String>,
    /// Counts of its stops.
    pub stops: StopCounts,
}

/// Counts of the stops of a process over all its runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopCounts {
    /// Stops with a signal to the main process.
    pub main: u64,
    /// Stops with a signal to its process group.
    pub group: u64,
    /// Signals to other processes of the tree.
    pub others: u64,
    /// Processes that needed SIGKILL.
    pub kills: u64,
    /// Grace periods that a shutdown's budget cut.
    pub cuts: u64,
    /// Total time from the stop signal until the whole tree had exited, if the stop covers the
    /// tree.
    pub time: Duration,
}

impl StopCounts {
    pub(super) const fn count(&mut self, target: StopTarget) {
        match target {
            StopTarget::Main => self.main += 1,
            StopTarget::Group => self.group += 1,
        }
    }
}
