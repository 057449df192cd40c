//! Bytes to values and back: what the kernel prints, what the log file holds.
//!
//! Pure functions over slices; nothing here knows where the bytes come from.

#![forbid(unsafe_code)]

pub mod ansi;
pub mod date;
pub mod dns;
pub mod env_file;
pub mod http;
pub mod notify;
pub mod prometheus;
pub mod supervisord;
pub mod syslog;
pub mod system;
pub mod xmlrpc;
