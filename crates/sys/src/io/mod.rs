//! Files, pipes and descriptors.

pub mod arrivals;
pub mod bounded_read;
pub mod counters;
pub mod errno;
pub mod files;
pub mod guarded;
pub mod log_piece;
pub mod pipe;
pub mod recent;
pub mod shared_memory;
pub mod stderr;
pub mod stdin;
pub mod watch;
pub mod write_without_blocking;
