//! Identifiers as separate types, so that they cannot be mixed up.

use std::fmt;

/// Identifies a process of the supervisor. Processes of the first [`Spec`](crate::spec::Spec) are
/// numbered in its order, and those of later groups follow. No number is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcId(pub usize);

/// Identifies one run of a process. The core drops answers that carry an old run, so a late answer
/// cannot affect the wrong run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// One run of one process. Each question about a run carries it, and each answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunKey {
    /// The process.
    pub proc: ProcId,
    /// The run.
    pub run: RunId,
}

/// A request that waits for its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// One attempt to deliver a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The hook, as an index into [`Spec::hooks`](crate::spec::Spec::hooks).
    pub hook: usize,
    /// Which of its deliveries, counted from 1.
    pub number: u64,
}

/// A process id of the kernel. It identifies a process only until that process is reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pid(pub i32);

/// A process that the supervisor did not start itself. The start time distinguishes it from a later
/// process with the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Its process id.
    pub pid: Pid,
    /// Its start time in clock ticks since boot, from `/proc/PID/stat`.
    pub start: u64,
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
