//! The world: everything that touches it, and nothing that decides.
//!
//! ```text
//!   cli ─┬─> supervise ─┬─> driver ──┬─> core: decides
//!        └─> serve ─────┘            └─> world: carries out ──┬─> launch, lookup, tree
//!                                                             ├─> capture: output
//!                                                             └─> sys: the system calls
//! ```

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
