//! Bytes to values and back: what the kernel prints, what the log file holds.
//!
//! Pure functions over slices; nothing here knows where the bytes come from.

#![forbid(unsafe_code)]

pub mod passwd;
pub mod procfs;
pub mod record;
