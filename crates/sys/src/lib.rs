//! What the system offers, and all `unsafe` code of the project.
//!
//! Each file does one thing that the kernel or the C library offers, and decides nothing.

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
