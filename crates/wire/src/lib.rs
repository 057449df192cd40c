//! Bytes to values and back: what the kernel prints, what the log file holds.
//!
//! Pure functions over slices; nothing here knows where the bytes come from.

#![forbid(unsafe_code)]

pub mod ansi;
pub mod basic_auth;
pub mod communication;
pub mod date;
pub mod dns;
pub mod env_file;
pub mod event;
pub mod executable;
pub mod form;
pub mod hosts;
pub mod http_header;
pub mod notify;
pub mod nvidia_smi;
pub mod passwd;
pub mod process_text;
pub mod procfs;
pub mod prometheus;
pub mod python;
pub mod syslog;
pub mod tail;
pub mod xmlrpc;
