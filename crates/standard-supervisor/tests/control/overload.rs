//! Clients get responses although many other clients send requests or leave them incomplete.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::{BINARY, PATIENCE, Running, free_port, python, skip};
use crate::home::{Home, stop};
use crate::load::raise_own_limit;

/// Connections that are opened and kept.
const STRANGERS: usize = 10_000;

/// Processor time that the supervisor may need before it answers `/livez`. It is not
/// optimized here, which takes several times the 100 ms that are promised. Time as such says
/// nothing on a machine that it shares with the strangers and other tests.
pub(crate) const ANSWERED_WITHIN: Duration =
    Duration::from_millis(if cfg!(debug_assertions) { 600 } else { 100 });

/// A supervisor of programs, the port of its status, and that of operators.
fn started(name: &str) -> (Home, Running, [u16; 2]) {
    let [status, operators] = [free_port(), free_port()];
    let home = Home::new(
        name,
        &format!(
            "minfds=4096\nstatus_port=127.0.0.1:{status}\n\
             [inet_http_server]\nport=127.0.0.1:{operators}\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
             [program:many]\ncommand=sleep 1000\nnumprocs=50\nprocess_name=%(process_num)d\nautostart=false\n"
        ),
    );
    let mut running = home.start();
    running.stdout.wait_for("supervisord started with pid");
    (home, running, [status, operators])
}

/// The processor time that a process has used.
pub(crate) fn processor_time(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/schedstat")).unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// What it takes from no connection to an answer.
pub(crate) fn answered(pid: i32, port: u16) -> Duration {
    let before = processor_time(pid);
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("alive\n"), "{answer}");
    processor_time(pid) - before
}

/// Lets strangers come with each of these in turn, while `/livez` is asked all the time.
fn under_load(name: &str, requests: &[(usize, &str)]) {
    let (_home, mut running, ports) = started(name);
    raise_own_limit();
    let (done, pid) = (AtomicBool::new(false), running.pid());
    let times = thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut times = Vec::new();
            while !done.load(Ordering::Relaxed) {
                times.push(answered(pid, ports[0]));
                thread::yield_now();
            }
            times
        });
        let mut strangers = Vec::new();
        for (at, request) in requests.iter().cycle().take(STRANGERS) {
            let mut stranger = TcpStream::connect(("127.0.0.1", ports[*at])).unwrap();
            stranger.set_nonblocking(true).unwrap();
            let _ = stranger.write(request.as_bytes());
            strangers.push(stranger);
        }
        done.store(true, Ordering::Relaxed);
        client.join().unwrap()
    });
    let longest = times.iter().max().unwrap();
    assert!(*longest < ANSWERED_WITHIN, "{name}: {longest:?} of {times:?}");
    stop(&mut running);
}

const STATUS: usize = 0;
const OPERATORS: usize = 1;

#[test]
fn incomplete_request_heads_delay_no_client() {
    let half = "GET /livez HTTP/1.1\r\nX:";
    under_load("half-heads", &[(STATUS, half), (OPERATORS, half), (STATUS, "")]);
}

#[test]
fn unread_responses_delay_no_client() {
    let metrics = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    let livez = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
    under_load("unread", &[(STATUS, &metrics), (STATUS, &livez)]);
}

#[test]
fn busy_operators_delay_no_client() {
    let page = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(10);
    let events = "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n";
    let log = "GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n";
    under_load("operators", &[(OPERATORS, &page), (OPERATORS, events), (OPERATORS, log)]);
}

/// docs/design/operators.md has the numbers that this command prints for 10,000.
#[test]
fn measure_strangers_reports_that_every_request_is_answered() {
    let Some(python) = python() else {
        return skip("SUPERVISOR_PYTHON names no Python", "REQUIRE_PYTHON");
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/measure-strangers");
    let measured = std::process::Command::new(python)
        .arg(script)
        .args(["--strangers", "50", "--seconds", "0.1"])
        .env("SUPERVISOR", BINARY)
        // supervisord, which takes half a minute, is not measured here.
        .env("PYTHON", "/nonexistent")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&measured.stdout);
    assert!(measured.status.success(), "{told}{}", String::from_utf8_lossy(&measured.stderr));
    let rows: Vec<&str> = told.lines().filter(|line| line.starts_with("| this |")).collect();
    assert_eq!(rows.len(), 8, "{told}");
    assert!(rows.iter().all(|row| row.contains(" | 50 | ") && row.ends_with(" | 0 |")), "{told}");
}
