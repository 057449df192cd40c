//! A real server: uvicorn and FastAPI with several workers, the example of
//! `examples/fastapi`.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

#[path = "../harness/mod.rs"]
mod harness;

use std::path::Path;

use harness::{Running, free_port, http, is_alive, python, skip, supervise};

/// The example under the supervisor, on a port of its own; `None`: it can't run here.
fn serve(variables: &[(&str, &str)]) -> Option<(Running, u16)> {
    let Some(python) = python() else {
        skip("SUPERVISOR_PYTHON names no Python with the example's packages", "REQUIRE_PYTHON");
        return None;
    };
    let port = free_port();
    let number = port.to_string();
    let words = [&python, "-m", "uvicorn", "server:app", "--port", &number, "--workers", "2"];
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/fastapi");
    let mut command = supervise(words);
    command.current_dir(example).envs(variables.iter().copied());
    Some((Running::start(&mut command), port))
}

/// Waits until both workers are ready; returns the pids of their leader and theirs.
fn ready(running: &mut Running) -> (i32, [i32; 2]) {
    let mut worker = || {
        let line = running.stdout.wait_for("is ready");
        let number = |place: usize| line.split(' ').nth(place).unwrap().parse::<i32>().unwrap();
        (number(4), number(1))
    };
    let ((leader, first), (_, second)) = (worker(), worker());
    (leader, [first, second])
}

#[test]
fn workers_that_outlive_their_leader_exit_and_free_the_port_before_a_restart() {
    let Some((mut running, port)) = serve(&[]) else { return };
    let (leader, workers) = ready(&mut running);
    running.stderr.wait_for("success: app entered RUNNING state");
    // The answer may or may not make it out before the leader's end.
    let _ = http(port, "POST /crash");
    running.stderr.wait_for("exited: app (terminated by SIGKILL; not expected)");
    running.stderr.wait_for("leftover process");
    running.stderr.wait_for("spawned: 'app'");
    assert!(workers.iter().all(|pid| !is_alive(*pid)), "{workers:?}");
    let (second, _) = ready(&mut running);
    assert_ne!(leader, second);
    // Had the port been taken, the second run would have ended with an error.
    assert!(http(port, "GET /").unwrap().contains(&format!("\"leader\":{second}")));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    // With several workers it is uvicorn's own message, with a capital letter.
    assert!(!running.stdout.said("Address already in use"));
}

#[test]
fn a_request_in_flight_is_answered_before_the_stop() {
    let Some((mut running, port)) = serve(&[]) else { return };
    ready(&mut running);
    let request = std::thread::spawn(move || http(port, "GET /slow?seconds=2"));
    running.stdout.wait_for("works on a request");
    running.signal("TERM");
    let answer = request.join().unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(running.exit_code(), 0);
    running.stderr.rest();
    assert!(running.stderr.said("stopped: app"));
}

#[test]
fn the_supervisor_gives_up_on_a_server_that_cannot_start() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python", "REQUIRE_PYTHON");
    };
    let port = taken.local_addr().unwrap().port().to_string();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/fastapi");
    let mut running = Running::start(
        supervise([&python, "-m", "uvicorn", "server:app", "--port", &port])
            .current_dir(example)
            .env("PROCESS_MAX_START_RETRIES", "1"),
    );
    assert_eq!(running.exit_code(), 1);
    running.stdout.rest();
    assert!(running.stdout.said("address already in use"));
    assert!(running.stderr.said("gave up: app entered FATAL state"));
}

/// README has the numbers that this command prints.
#[test]
fn a_prestop_delay_loses_no_request_of_clients_that_obey_readyz() {
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python", "REQUIRE_PYTHON");
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/measure-prestop");
    let measured = std::process::Command::new(&python)
        .arg(script)
        .args(["--rounds", "1", "--seconds", "0", "3"])
        .env("PYTHON", &python)
        .env("SUPERVISOR", harness::BINARY)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&measured.stdout);
    assert!(measured.status.success(), "{told}{}", String::from_utf8_lossy(&measured.stderr));
    assert!(told.contains("\nprestop delay 3 s    lost [0], "), "{told}");
    assert!(told.contains("\nno supervisor "), "{told}");
}
