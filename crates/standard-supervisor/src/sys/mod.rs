//! The system calls, and the only `unsafe` code of the project.
//!
//! Each file does one thing that the kernel offers and decides nothing.

#![allow(unsafe_code, reason = "this folder is where it belongs; each block says why it is sound")]

pub(crate) mod code;
pub(crate) mod errno;
pub(crate) mod job;
pub(crate) mod landing;
pub(crate) mod notify;
mod origin;
pub(crate) mod own;
pub(crate) mod pidfd;
pub(crate) mod pipe;
pub(crate) mod process_table;
pub(crate) mod reap;
pub(crate) mod reserve;
pub(crate) mod signal;
pub(crate) mod spawn;
pub(crate) mod start;
pub(crate) mod wall;
pub(crate) mod watch;
