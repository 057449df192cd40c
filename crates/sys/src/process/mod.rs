//! Starts and signals processes, waits for their exit, and reads `/proc`.

pub mod cgroup;
pub mod job;
pub mod memory;
pub mod nested;
pub mod own;
pub mod pidfd;
pub mod process_table;
pub mod readers;
pub mod reap;
pub mod reserve;
pub mod signal;
pub mod start;
