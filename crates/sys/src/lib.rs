//! The interfaces to the operating system, and all `unsafe` code of the project.
//!
//! Each file wraps one thing that the kernel or the C library offers. It makes no decisions.

#![allow(unsafe_code, reason = "this crate is where it belongs; each block says why it is sound")]

pub mod clock;
pub mod console;
pub mod deadline;
pub mod either;
pub mod host;
pub mod image;
pub mod io;
pub mod net;
pub mod process;
pub mod wall;
