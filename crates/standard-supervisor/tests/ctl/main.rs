//! supervisorctl and the Python client run the same commands against the same daemon; the tests
//! compare their output and exit codes.
//!
//! `compatibility.rs` and `output.rs` test equal behavior, `improvements.rs` intended differences
//! with their reasons, and `terminal.rs` a client on a terminal. `SUPERVISOR_PYTHON` names a Python
//! with supervisor.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

#[path = "../harness/mod.rs"]
mod harness;

mod compatibility;
mod improvements;
mod live;
mod outcome;
mod output;
mod place;
mod screen;
mod terminal;
mod top;
