//! supervisorctl beside supervisor's own: the same commands to the same daemon, and
//! what both print and return.
//!
//! `same.rs` and `output.rs` have what must not differ, `better.rs` what is better here
//! and why, `terminal.rs` what needs somebody at a keyboard. `SUPERVISOR_PYTHON` names a
//! Python with supervisor.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

#[path = "../harness/mod.rs"]
mod harness;

mod better;
mod live;
mod output;
mod place;
mod same;
mod screen;
mod terminal;
mod told;
mod top;
