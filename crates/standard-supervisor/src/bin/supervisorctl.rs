//! Asks a supervisord how things are, and tells it what to do.

use std::process::ExitCode;

fn main() -> ExitCode {
    standard_supervisor::supervisorctl()
}
