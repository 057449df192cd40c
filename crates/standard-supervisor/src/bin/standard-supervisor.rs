//! Keeps a server running in a container. See the README.

use std::process::ExitCode;

fn main() -> ExitCode {
    standard_supervisor::cli::standard_supervisor()
}
