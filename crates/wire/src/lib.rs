//! Formats: parses and writes the bytes of files, protocols and messages.
//!
//! All functions are pure and work on slices; no I/O takes place here.

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
