//! Supervisor's own end-to-end tests, with our binaries in place of its programs.
//! `run.py` says how; `make conformance` runs it alone and tells of each test as it ends.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]
#![allow(clippy::print_stdout, reason = "what passed is shown on request")]

#[path = "../harness/mod.rs"]
mod harness;

use std::path::Path;

use harness::{clean, programs, python, skip};

#[test]
fn supervisors_own_end_to_end_tests_pass() {
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python with supervisord", "REQUIRE_PYTHON");
    };
    let binaries = programs();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/run.py");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance");
    let words = [script.as_ref(), binaries.as_os_str(), folder.as_os_str()];
    let output = clean(&python, words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaints}");
    println!("{said}");
}
