//! The programs: their command lines, and the run-up that wires everything together.
//!
//! ```text
//!   main ─> cli ─┬─> run ──┬─> daemon: the engine
//!                │         └─> operated ─> control: what answers operators
//!                ├─> ctl: supervisorctl
//!                └─> check, probe, pidproxy
//! ```

#![forbid(unsafe_code)]

mod check;
mod cli;
mod opening;
mod operated;
mod pidproxy;
mod probe;
mod program;
mod run;
mod startup;

/// The program that was called, to be called by nothing but `main`; returns the exit code.
#[must_use]
pub fn run() -> i32 {
    supervisor_sys::image::start::run(cli::run_called)
}
