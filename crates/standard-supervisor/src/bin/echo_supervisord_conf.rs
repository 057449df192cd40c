//! Prints a configuration file to begin with.

use std::process::ExitCode;

fn main() -> ExitCode {
    standard_supervisor::echo_supervisord_conf()
}
