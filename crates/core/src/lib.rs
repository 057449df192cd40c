//! The decisions of a process supervisor.
pub mod signal;
pub mod spec;
pub mod time;
