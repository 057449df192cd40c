//! Writes a supervisord configuration file for a command.

use std::process::ExitCode;

fn main() -> ExitCode {
    standard_supervisor::generate_supervisor_config()
}
