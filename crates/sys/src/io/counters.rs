//! Counters of a process's pipes and files.

use supervisor_core::files::Kept;

/// The counters of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Bytes that were taken.
    pub carried: u64,
    /// Bytes that were taken and then lost.
    pub lost: u64,
    /// Bytes that wait to be taken.
    pub waiting: u64,
    /// The number of times that the reader stalled.
    pub stalls: u64,
    /// Lines that could not be sent to syslog or a syslog server.
    pub syslog_lost: u64,
}

/// The I/O counters of a process.
#[derive(Clone, Debug, Default)]
pub struct IoCounters {
    /// The streams that are captured, by name.
    pub streams: Vec<(&'static str, Flow)>,
    /// Writes to its stdin that were rejected because the buffer was full.
    pub stdin_refused: u64,
    /// Kept files that may be leftovers of runs, in the order of [`Kept::ALL`].
    pub files_kept: [u64; Kept::ALL.len()],
}
