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
mod run;
mod startup;

use std::process::ExitCode;

/// `standard-supervisor`, to be called by nobody but `main`; returns the exit code.
#[must_use]
pub fn standard_supervisor() -> i32 {
    supervisor_sys::image::start::run(cli::standard_supervisor)
}

/// `supervisord`.
#[must_use]
pub fn supervisord() -> ExitCode {
    cli::supervisord().into()
}

/// `supervisorctl`.
#[must_use]
pub fn supervisorctl() -> ExitCode {
    supervisor_ctl::run().into()
}

/// `echo_supervisord_conf`.
#[must_use]
pub fn echo_supervisord_conf() -> ExitCode {
    cli::echo_supervisord_conf().into()
}

/// `pidproxy`.
#[must_use]
pub fn pidproxy() -> ExitCode {
    cli::pidproxy().into()
}

/// `generate-supervisor-config`.
#[must_use]
pub fn generate_supervisor_config() -> ExitCode {
    cli::generate_supervisor_config().into()
}
