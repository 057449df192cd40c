//! Stands in for a server that goes into the background by itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    standard_supervisor::pidproxy()
}
