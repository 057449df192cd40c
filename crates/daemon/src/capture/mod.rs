//! The data plane: a program's output, and the supervisor's own lines, on their
//! way to where they belong.
//!
//! ```text
//!   program ──pipe──> Relay ──(Filter)──> Sink: the inherited stdout or stderr, a log file
//!   Journal ──pipe──> Relay ────────────> Sink: stderr, or stdout
//! ```
//!
//! Nothing here ever waits: a sink that can't take more leaves the bytes in the
//! pipe, so the writer feels back-pressure and nobody else does.

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
