//! Names for things, as types that can't be mixed up.

use std::fmt;

/// A process of the supervisor. Those of the first [`Spec`](crate::spec::Spec) are
/// numbered in its order, those of groups that are added later follow; no number is
/// used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcId(pub usize);

/// One incarnation of a process. Answers that carry an old one are dropped, so
/// nothing that is late can act on the wrong run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(pub u64);

/// One run of a process: what each question about it carries, and each answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunKey {
    /// The process.
    pub proc: ProcId,
    /// Its incarnation.
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

/// A process id as the kernel counts. Meaningful only while its owner has not been reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pid(pub i32);

/// A process that we did not start ourselves, told apart from a later one with
/// the same pid by its start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Its process id.
    pub pid: Pid,
    /// Its start time in clock ticks since boot, as `/proc/PID/stat` has it.
    pub start: u64,
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
