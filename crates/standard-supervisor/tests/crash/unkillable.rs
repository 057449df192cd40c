//! A process that survives SIGKILL, as one that hangs in a driver does: the first process of a pid
//! namespace whose child has ended, but is kept by a tracer outside. The kernel lets the first
//! process go only after that child.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::cleaning::which;
use crate::harness::{Running, kill, skip};
use crate::place::Place;

/// Traces the process with this pid until it is killed.
const TRACER: &str = "\
import ctypes, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
SEIZE = 0x4206
assert libc.ptrace(SEIZE, int(sys.argv[1]), None, None) == 0, ctypes.get_errno()
print('traced', flush=True)
while True:
    signal.pause()
";

#[test]
fn a_process_that_survives_sigkill_ends_the_retries() {
    if !rustix::process::geteuid().is_root() {
        return skip("only root makes pid namespaces", "REQUIRE_ROOT");
    }
    if which("python3").is_none() {
        return skip("there is no python3", "REQUIRE_PYTHON");
    }
    let place = Place::new("unkillable");
    let inner = "sleep 1000 & echo up; wait";
    let mut command = place.shell(&format!("exec unshare --pid --fork sh -c '{inner}'"));
    command
        .env("PROCESS_MAX_START_RETRIES", "3")
        .env("PROCESS_EXIT_CODES", "unkillable:81")
        .env("SUPERVISOR_PROGRAM__APP_LEFTOVER_GRACE_SECS", "0");
    let mut running = Running::start(&mut command);
    let main = running.stderr.number_after("spawned: 'app' with pid ");
    running.stdout.wait_for("up");
    let first = children(main)[0];
    let child = children(first)[0];
    let mut tracer =
        Running::start(Command::new("python3").args(["-c", TRACER, &child.to_string()]));
    tracer.stdout.wait_for("traced");
    kill(main, "KILL");
    let line = running.stderr.wait_for("gave up: app entered FATAL state, ");
    let code = running.exit_code();
    // Now the kernel lets it go.
    tracer.signal("KILL");
    tracer.exit_code();
    assert_eq!(code, 81, "{line}");
    assert_eq!(place.report()["class"], json!("unkillable"), "{line}");
}

fn children(pid: i32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}
