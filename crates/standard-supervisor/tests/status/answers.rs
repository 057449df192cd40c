//! `/livez`, `/readyz`, `/startupz` and `/ping`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Running, free_port, http, kill, supervise};
use crate::{Served, answer, asked, says};

/// Time enough to ask while a start is under way.
const SLOW: (&str, &str) = ("SUPERVISOR_PROGRAM__APP_STARTSECS", "3");

#[test]
fn startupz_reports_a_start_at_once_and_ignores_restarts() {
    let mut served = Served::start("exec sleep 1000", &[SLOW]);
    let pid = served.spawned();
    let starting = "not ready: app is STARTING\n";
    assert_eq!(served.get("/livez"), says(200, "alive\n"));
    assert_eq!(served.get("/readyz"), says(503, starting));
    assert_eq!(served.get("/startupz"), says(503, "not started: app is STARTING\n"));
    assert_eq!(served.get("/ping"), says(503, ""));
    served.running.stderr.wait_for("success: app entered RUNNING state");
    assert_eq!(served.get("/readyz"), says(200, "ready\n"));
    assert_eq!(served.get("/startupz"), says(200, "started\n"));
    assert_eq!(served.get("/ping"), says(200, ""));
    kill(pid, "KILL");
    served.spawned();
    assert_eq!(served.get("/readyz"), says(503, starting));
    assert_eq!(served.get("/startupz"), says(200, "started\n"));
    served.running.signal("TERM");
    assert_eq!(served.running.exit_code(), 0);
}

#[test]
fn readyz_names_the_program_that_is_not_ready_and_the_reason() {
    // The program can't be started and the helper waits its turn, so nobody gives up.
    let served = Served::start(
        "exit 3",
        &[
            ("PROCESS_MAX_START_RETRIES", "100"),
            ("SUPERVISOR_PROGRAM__SIDE_COMMAND", "sleep 1000"),
            ("SUPERVISOR_PROGRAM__SIDE_ESSENTIAL", "false"),
            ("SUPERVISOR_PROGRAM__SIDE_STARTSECS", "0"),
        ],
    );
    let mut served = served;
    served.running.stderr.wait_for("exited: app (exit status 3; not expected)");
    served.running.stderr.wait_for("exited: app (exit status 3; not expected)");
    let too_quickly = "Exited too quickly (process log may have details)";
    assert_eq!(
        served.get("/readyz"),
        says(503, &format!("not ready: app is BACKOFF ({too_quickly})\n"))
    );
}

/// Three processes, each of which is ready when the test writes to its pipe.
fn replicas(ready_processes: &str) -> (Served, [PathBuf; 3]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let pipe = format!("go-{ready_processes}-{}-", std::process::id());
    let pipes = ["0", "1", "2"].map(|number| folder.join(format!("{pipe}{number}")));
    assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
    let pipe = folder.join(pipe).display().to_string();
    let script = format!("sh -c 'read go < {pipe}%(process_num)d; echo $go; exec sleep 1000'");
    let mut served = Served::start(
        "exec sleep 1000",
        &[
            ("SUPERVISOR_PROGRAM__APP_STARTSECS", "0"),
            ("SUPERVISOR_PROGRAM__WEB_COMMAND", &script),
            ("SUPERVISOR_PROGRAM__WEB_NUMPROCS", "3"),
            ("SUPERVISOR_PROGRAM__WEB_PROCESS_NAME", "web_%(process_num)d"),
            ("SUPERVISOR_PROGRAM__WEB_READY", "log:up"),
            ("SUPERVISOR_PROGRAM__WEB_READY_PROCESSES", ready_processes),
        ],
    );
    served.running.stderr.wait_for("spawned: 'web_2'");
    (served, pipes)
}

#[test]
fn ready_processes_sets_how_many_processes_readyz_requires() {
    for (ready_processes, enough) in [("1", 1), ("2", 2), ("all", 3)] {
        let (mut served, pipes) = replicas(ready_processes);
        for (number, pipe) in pipes.iter().enumerate() {
            let ready = served.get("/readyz");
            if number < enough {
                let missing = (number..3).map(|it| format!("not ready: web_{it} is STARTING\n"));
                assert_eq!(ready, says(503, &missing.collect::<String>()), "{ready_processes}");
            } else {
                assert_eq!(ready, says(200, "ready\n"), "{ready_processes}");
            }
            // This waits until the process reads.
            std::fs::write(pipe, "up\n").unwrap();
            served.running.stderr.wait_for(&format!("success: web_{number} entered RUNNING"));
        }
        assert_eq!(served.get("/readyz"), says(200, "ready\n"), "{ready_processes}");
        served.running.signal("TERM");
        assert_eq!(served.running.exit_code(), 0);
        pipes.iter().for_each(|pipe| std::fs::remove_file(pipe).unwrap());
    }
}

#[test]
fn readyz_reports_a_stop_before_the_program_is_signaled() {
    let script = "trap 'echo heard; exit 0' TERM; echo waits; while :; do sleep 1000 & wait; done";
    let mut served = Served::start(script, &[("PROCESS_PRESTOP_DELAY_SECS", "5")]);
    served.running.stdout.wait_for("waits");
    served.running.stderr.wait_for("success: app entered RUNNING state");
    assert_eq!(served.get("/readyz").status, 200);
    served.running.signal("TERM");
    served.running.stderr.wait_for("no longer ready; stopping programs in 5 s");
    let stopping = "not ready: the supervisor is stopping\n";
    assert_eq!(served.get("/readyz"), says(503, stopping));
    assert_eq!(served.get("/ping"), says(503, ""));
    assert_eq!(served.get("/livez").status, 200);
    assert!(!served.running.stderr.said("waiting for app"), "the signal was not held back");
    assert!(!served.running.stdout.said("heard"), "the signal was not held back");
    served.running.stdout.wait_for("heard");
    assert_eq!(served.running.exit_code(), 0);
}

#[test]
fn a_program_that_hangs_delays_no_response() {
    let mut served = Served::start("exec sleep 1000", &[]);
    let pid = served.spawned();
    served.running.stderr.wait_for("success: app entered RUNNING state");
    kill(pid, "STOP");
    assert_eq!(served.get("/ping"), says(200, ""));
    assert_eq!(served.get("/livez"), says(200, "alive\n"));
    assert_eq!(served.get("/metrics").status, 200);
}

#[test]
fn the_status_port_is_read_only_and_has_no_other_paths() {
    let mut served = Served::start("exec sleep 1000", &[]);
    served.running.stderr.wait_for("success: app entered RUNNING state");
    let post = answer(&http(served.port, "POST /readyz").unwrap());
    assert_eq!(post, says(405, "only GET and HEAD\n"));
    assert_eq!(answer(&http(served.port, "HEAD /readyz").unwrap()), says(200, ""));
    for path in ["/", "/RPC2", "/api/v1/status", "/index.html?action=stop", "/readyz/x"] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
}

#[test]
fn the_status_port_rejects_request_bodies_unread() {
    let mut served = Served::start("exec sleep 1000", &[]);
    served.spawned();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    stream.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n").unwrap();
    let mut answered = String::new();
    stream.read_to_string(&mut answered).unwrap();
    assert_eq!(answer(&answered).status, 413);
}

#[test]
fn a_status_port_in_use_prevents_the_start() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut running = Running::start(asked(&mut supervise(["echo", "started"]), port));
    assert_eq!(running.exit_code(), 1);
    assert!(running.stdout.rest().is_empty());
    running.stderr.rewind().wait_for("status port: Another program is already listening");
    assert!(running.stderr.said(&port.to_string()));
}

#[test]
fn there_is_no_status_port_unless_configured() {
    let port = free_port();
    let mut running = Running::start(&mut supervise(["sh", "-c", "echo up; exec sleep 1000"]));
    running.stdout.wait_for("up");
    assert!(http(port, "GET /livez").is_err());
}
