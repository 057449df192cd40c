//! Runs what a supervisord configuration file says. See the README.

use std::process::ExitCode;

fn main() -> ExitCode {
    standard_supervisor::supervisord()
}
