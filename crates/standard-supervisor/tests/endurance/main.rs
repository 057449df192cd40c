//! Faults and endurance on the real binary, in seconds; `make endure` is the same for as
//! long as it takes. One module beside this file for each; `run.py` says how.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]
#![allow(clippy::print_stdout, reason = "what was seen is shown on request")]

#[path = "../harness/mod.rs"]
mod harness;

use std::process::Command;

use harness::{clean, programs, python, skip};

/// What `run.py` exits with where the machine can't show it.
const LACKING: i32 = 77;

#[track_caller]
fn holds(scenario: &str, settings: &[&str]) {
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python", "REQUIRE_PYTHON");
    };
    let binaries = programs();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/endurance/run.py");
    let mut command = clean(&python, ["-B", script]);
    let output = command.arg(binaries).arg(scenario).args(settings).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(LACKING) {
        return skip(&said, "REQUIRE_DOCKER");
    }
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaints}");
    println!("{said}");
}

/// What an ordinary user's machine shows, too, and what only root can make.
fn modes() -> &'static [&'static str] {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if root { &["mode=ordinary", "mode=pid1"] } else { &["mode=ordinary"] }
}

#[test]
fn the_endurance_tests_notice_every_error_in_a_flood() {
    holds("selfcheck", &[]);
}

#[test]
fn killed_processes_restart_and_children_die_with_the_supervisor() {
    for mode in modes() {
        holds("kills", &[mode, "count=60"]);
    }
}

#[test]
fn a_stop_ends_a_fork_bomb() {
    holds("bomb", &["mode=container", "times=1"]);
    holds("bomb", &["mode=beneath", "times=1"]);
}

#[test]
fn a_supervisor_without_descriptors_waits_and_continues() {
    for mode in modes() {
        holds("descriptors", &[mode, "times=1"]);
    }
}

#[test]
fn a_program_at_its_memory_limit_restarts() {
    holds("memory", &["mode=container", "times=3"]);
    holds("memory", &["mode=beneath", "times=3"]);
}

#[test]
fn a_full_disk_loses_only_log_lines() {
    for mode in modes() {
        holds("disk", &[mode, "times=2"]);
    }
}

#[test]
fn stalled_and_closed_readers_delay_nothing() {
    for mode in modes() {
        holds("readers", &[mode, "times=1"]);
    }
}

#[test]
fn a_frozen_process_is_not_dead_and_deaths_during_a_freeze_are_found() {
    for mode in modes() {
        holds("frozen", &[mode, "times=3"]);
    }
}

#[test]
fn two_thousand_restarts_leak_nothing() {
    holds("restarts", &["count=2000"]);
}

#[test]
fn every_line_of_a_flood_is_written_despite_restarts_and_requests() {
    for mode in modes() {
        holds("flood", &[mode, "seconds=30", "requests=600"]);
    }
}

#[test]
fn endurance_tests_pass_in_a_container() {
    holds("flood", &["mode=container", "seconds=10", "requests=200"]);
    holds("kills", &["mode=container", "count=60"]);
    holds("readers", &["mode=container", "times=1"]);
    holds("descriptors", &["mode=container", "times=1"]);
    holds("disk", &["mode=container", "times=1"]);
}
