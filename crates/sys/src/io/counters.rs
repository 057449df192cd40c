//! What is counted of a process's pipes and files.

use supervisor_core::files::Kept;

/// What became of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Bytes that were taken.
    pub carried: u64,
    /// Bytes of those that went nowhere.
    pub lost: u64,
    /// Bytes that are still to be taken.
    pub waiting: u64,
    /// How often the reader took no more.
    pub stalls: u64,
    /// Lines that could not be sent to syslog or a syslog server.
    pub syslog_lost: u64,
}

/// What is counted of a process where its files and pipes are.
#[derive(Clone, Debug, Default)]
pub struct IoCounters {
    /// The streams that are captured, by name.
    pub streams: Vec<(&'static str, Flow)>,
    /// Writes to its stdin for which there was no room.
    pub stdin_refused: u64,
    /// Files that runs may have left and that were kept, in the order of [`Kept::ALL`].
    pub files_kept: [u64; Kept::ALL.len()],
}
