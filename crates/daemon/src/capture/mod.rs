//! Carries the output of programs, and the supervisor's own log, to their destinations.
//!
//! ```text
//!   program ──pipe──> Relay ──(Filter)──> Sink: the inherited stdout or stderr, a log file
//!   Journal ──pipe──> Relay ────────────> Sink: stderr, or stdout
//! ```
//!
//! Nothing here blocks. If a sink is full, the bytes stay in the pipe, so only their writer feels
//! the back-pressure.

pub mod auto_log;
mod between;
pub(crate) mod filter;
pub mod journal;
mod json_record;
pub(crate) mod lines;
pub mod log_file;
pub(crate) mod needle;
pub(crate) mod peek;
pub(crate) mod relay;
pub(crate) mod sink;
pub mod syslog;
pub(crate) mod syslog_server;
pub(crate) mod tail;
pub(crate) mod wakeups;
