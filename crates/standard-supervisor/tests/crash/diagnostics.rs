//! Diagnostics of an unhealthy program before it is stopped.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::harness::{Running, skip};
use crate::place::Place;

/// A server that says where it stands when it is asked to, and a worker of it.
const SERVER: &str = "trap 'echo here I stand' USR1; sleep 1000 & echo up; while :; do wait; done";

#[test]
fn an_unhealthy_program_is_diagnosed_before_it_is_stopped() {
    let place = Place::new("ill");
    let mut command = place.shell(SERVER);
    command
        .env("PROCESS_HEALTH_COMMAND", format!("test ! -e {}", place.path("unhealthy").display()))
        .env("PROCESS_HEALTH_INTERVAL", "0.1")
        .env("PROCESS_HEALTH_FAILURES", "1")
        .env("PROCESS_HEALTH_DUMP_SIGNAL", "USR1");
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("success: app");
    fs::write(place.path("unhealthy"), "").unwrap();
    let line = running.stderr.wait_for("diagnostics of ");
    assert!(
        line.contains("of 'app' (") && line.contains(" written to ") && line.ends_with(".txt"),
        "{line}"
    );
    running.stderr.wait_for("(sleep) S (sleeping), 1 thread");
    assert_eq!(running.exit_code(), 1);
    // It was asked while it lived.
    assert!(running.stdout.said("here I stand"));
    let names = place.names();
    let [report, evidence] = ["json", "txt"].map(|end| {
        let name = names.iter().find(|name| name.ends_with(end)).unwrap();
        fs::read_to_string(place.path("reports").join(name)).unwrap()
    });
    for text in ["app, run 1: ", "sleep 1000", "State:\tS (sleeping)", "VmRSS:", "thread "] {
        assert!(evidence.contains(text), "no {text:?} in {evidence}");
    }
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["class"], json!("health"), "{report:#}");
    assert!(report["evidence"].as_str().unwrap().ends_with(".txt"), "{report:#}");
    assert!(report["ready_after_seconds"].is_number(), "{report:#}");
}

#[test]
fn a_dump_signal_that_terminates_an_unhealthy_program_is_handled() {
    let place = Place::new("no-handler");
    let mut command = place.shell("echo up; exec sleep 1000");
    command
        .env("PROCESS_HEALTH_COMMAND", format!("test ! -e {}", place.path("unhealthy").display()))
        .env("PROCESS_HEALTH_INTERVAL", "0.1")
        .env("PROCESS_HEALTH_FAILURES", "1")
        .env("PROCESS_HEALTH_DUMP_SIGNAL", "USR1");
    let mut running = Running::start(&mut command);
    running.stderr.wait_for("success: app");
    fs::write(place.path("unhealthy"), "").unwrap();
    running.stderr.wait_for("app has no handler for the dump signal SIGUSR1");
    assert_eq!(running.exit_code(), 1);
    let names = place.names();
    let name = names.iter().find(|name| name.ends_with("json")).unwrap();
    let report = fs::read_to_string(place.path("reports").join(name)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["class"], json!("health"), "{report:#}");
    assert!(report["cause"].as_str().unwrap().starts_with("1 check failed"), "{report:#}");
    let evidence = fs::read_to_string(report["evidence"].as_str().unwrap()).unwrap();
    assert!(evidence.contains("app, run 1: 1 check failed"), "{evidence}");
    assert!(evidence.contains("sleep 1000"), "{evidence}");
}

#[test]
fn the_suspended_one_of_many_processes_is_reported() {
    let place = Place::new("stopped");
    let script =
        "sleep 1000 & kill -STOP $!; for _ in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo up; wait";
    let mut command = place.shell(script);
    command
        .env("PROCESS_HEALTH_COMMAND", format!("test ! -e {}", place.path("unhealthy").display()))
        .env("PROCESS_HEALTH_INTERVAL", "0.1")
        .env("PROCESS_HEALTH_FAILURES", "1");
    let mut running = Running::start(&mut command);
    running.stdout.wait_for("up");
    running.stderr.wait_for("success: app");
    fs::write(place.path("unhealthy"), "").unwrap();
    running.stderr.wait_for(") T (stopped), 1 thread");
    assert_eq!(running.exit_code(), 1);
}

#[test]
fn py_spy_runs_for_python_with_a_time_limit() {
    let Some(path) = std::env::var_os("PATH").filter(|_| has_python()) else {
        return skip("there is no python3", "REQUIRE_PYTHON");
    };
    let place = Place::new("py-spy");
    // One that tells what it was asked, and hangs.
    let spy = place.path("py-spy");
    fs::write(&spy, "#!/bin/sh\necho \"stack of $1 $2\"\nexec sleep 1000\n").unwrap();
    fs::set_permissions(&spy, fs::Permissions::from_mode(0o755)).unwrap();
    let mut folders = vec![spy.parent().unwrap().to_owned()];
    folders.extend(std::env::split_paths(&path));
    let mut command =
        place.shell("exec python3 -c 'import time; print(\"up\", flush=True); time.sleep(1000)'");
    command
        .env("PATH", std::env::join_paths(folders).unwrap())
        .env("PROCESS_HEALTH_COMMAND", format!("test ! -e {}", place.path("unhealthy").display()))
        .env("PROCESS_HEALTH_INTERVAL", "0.1")
        .env("PROCESS_HEALTH_FAILURES", "1")
        .env("PROCESS_HEALTH_EVIDENCE_SECS", "2");
    let mut running = Running::start(&mut command);
    running.stdout.wait_for("up");
    running.stderr.wait_for("success: app");
    fs::write(place.path("unhealthy"), "").unwrap();
    assert_eq!(running.exit_code(), 1);
    let names = place.names();
    let name = names.iter().find(|name| name.ends_with("txt")).unwrap();
    let evidence = fs::read_to_string(place.path("reports").join(name)).unwrap();
    assert!(evidence.contains("stack of dump --pid"), "{evidence}");
}

fn has_python() -> bool {
    crate::cleaning::which("python3").is_some()
}
