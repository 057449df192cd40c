//! What a start waits for: programs that it depends on, servers elsewhere; helpers that run
//! once.

#![expect(clippy::disallowed_methods, reason = "a bound of the test")]

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType};

use crate::harness::{BINARY, Running, free_port, http, once, supervise};

const FETCH: &str = "SUPERVISOR_PROGRAM__FETCH_COMMAND";

/// Status and body of an answer of the status port.
fn get(port: u16, path: &str) -> (String, String) {
    let answer = http(port, &format!("GET {path}")).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

#[test]
fn a_server_starts_when_its_helper_has_completed() {
    let port = free_port();
    let mut running = Running::start(
        supervise(["sh", "-c", "echo serving; exec sleep 1000"])
            .env(FETCH, "sh -c 'read -r go < fifo; echo fetched'")
            .env("SUPERVISOR_PROGRAM__FETCH_DIRECTORY", fifo("completed"))
            .env("SUPERVISOR_PROGRAM__APP_DEPENDS_ON", "fetch:completed")
            .env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}")),
    );
    running.stderr.wait_for("waiting: app starts after fetch:completed");
    running.stderr.wait_for("spawned: 'fetch'");
    let (status, body) = get(port, "/readyz");
    assert_eq!(status, "503");
    assert!(body.contains("not ready: app is STOPPED (waiting for fetch:completed)"), "{body}");
    std::fs::write(format!("{}/fifo", fifo_path("completed")), "go\n").unwrap();
    running.stderr.wait_for("exited: fetch (exit status 0; expected)");
    running.stderr.wait_for("success: app entered RUNNING state");
    assert_eq!(running.stdout.rewind().wait_for(""), "fetched");
    assert_eq!(get(port, "/readyz"), ("200".to_owned(), "ready\n".to_owned()));
    assert_eq!(get(port, "/startupz").0, "200");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_failed_helper_fails_the_server_that_waits_for_it() {
    let mut running = Running::start(
        supervise(["echo", "served"])
            .env(FETCH, "sh -c 'exit 3'")
            .env("SUPERVISOR_PROGRAM__FETCH_AUTORESTART", "false")
            .env("SUPERVISOR_PROGRAM__APP_DEPENDS_ON", "fetch:completed"),
    );
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest().join("\n");
    let gave_up = "gave up: app entered FATAL state, it depends on fetch:completed, which failed";
    assert!(said.contains(gave_up), "{said}");
    assert_eq!(running.stdout.rest(), Vec::<String>::new());
}

#[test]
fn a_sidecar_starts_after_its_server_and_stops_before_it() {
    let sidecar = "sh -c 'trap \"echo side stops; exit 0\" TERM; echo side; \
                   while :; do sleep 1000 & wait; done'";
    let server = "trap 'echo app stops; exit 0' TERM; echo app; \
                  while :; do sleep 1000 & wait; done";
    let mut running = Running::start(
        supervise(["sh", "-c", server])
            .env("SUPERVISOR_PROGRAM__SIDE_COMMAND", sidecar)
            .env("SUPERVISOR_PROGRAM__SIDE_PRIORITY", "1")
            .env("SUPERVISOR_PROGRAM__SIDE_DEPENDS_ON", "app:ready")
            .env("PROCESS_HEALTH_READY", "log:app"),
    );
    running.stdout.wait_for("side");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert_eq!(running.stdout.rest(), ["app", "side", "side stops", "app stops"]);
}

#[test]
fn a_helper_that_exits_with_0_gets_a_hint_about_one_time_helpers() {
    let mut running = Running::start(
        supervise(["sleep", "1000"]).env(FETCH, "true").env("PROCESS_MAX_START_RETRIES", "1"),
    );
    running.stderr.wait_for("exited: fetch (exit status 0; not expected)");
    let helper = running.stderr.wait_for("helper: fetch");
    assert!(helper.contains("at 2/2 the supervisor gives up on it and stops all"), "{helper}");
    assert!(helper.ends_with("set SUPERVISOR_PROGRAM__FETCH_AUTORESTART=unexpected"), "{helper}");
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest();
    assert_eq!(said.iter().filter(|line| line.contains("helper: ")).count(), 1);
}

/// A port that is bound and refuses connections: no other test can take it.
fn closed_port() -> (OwnedFd, u16) {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = SocketAddr::try_from(rustix::net::getsockname(&socket).unwrap()).unwrap();
    (socket, address.port())
}

#[test]
fn a_rank_waits_for_its_head_without_a_counted_failure() {
    let ((socket, head), port) = (closed_port(), free_port());
    let mut running = Running::start(
        supervise(["sh", "-c", "echo rank; exec sleep 1000"])
            .env("PROCESS_WAIT_FOR", format!("localhost:{head}"))
            .env("PROCESS_MAX_START_RETRIES", "0")
            .env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}")),
    );
    let waiting = format!("waiting: app starts when localhost:{head} accepts connections: ");
    running.stderr.wait_for(&waiting);
    assert_eq!(get(port, "/livez").0, "200");
    for path in ["/readyz", "/startupz", "/ping"] {
        assert_eq!(get(port, path).0, "503", "{path}");
    }
    let waited = || {
        let page = get(port, "/metrics").1;
        let series =
            "standard_supervisor_process_wait_seconds_total{group=\"app\",process=\"app\"} ";
        let value = page.lines().find_map(|line| line.strip_prefix(series));
        value.unwrap().parse::<f64>().unwrap()
    };
    let at_first = waited();
    assert!(at_first > 0.0);
    rustix::net::listen(&socket, 8).unwrap();
    running.stderr.wait_for("waiting: app: all servers accept connections");
    running.stdout.wait_for("rank");
    assert!(waited() > at_first);
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_restart_of_a_rank_waits_for_its_head() {
    let head = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = head.local_addr().unwrap();
    let mut running = Running::start(
        supervise(["sh", "-c", "echo rank; read -r end < /dev/null; exec sleep 1000"])
            .env("PROCESS_WAIT_FOR", address.to_string()),
    );
    let pid = running.stderr.number_after("spawned: 'app' with pid ");
    running.stdout.wait_for("rank");
    drop(head);
    crate::harness::kill(pid, "KILL");
    running.stderr.wait_for(&format!("waiting: app starts when {address} accepts connections"));
    let _head = TcpListener::bind(address).unwrap();
    running.stdout.wait_for("rank");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn a_wait_that_takes_too_long_exits_with_1_and_names_the_server() {
    let (_closed, head) = closed_port();
    let told = format!("it waited 1 s for 127.0.0.1:{head} (connection refused)");
    let supervised = supervise(["echo", "rank"]);
    for mut command in [supervised, once(["echo", "rank"])] {
        let wait = format!("127.0.0.1:{head}");
        command.env("PROCESS_WAIT_FOR", wait).env("PROCESS_WAIT_TIMEOUT_SECS", "1");
        let mut running = Running::start(&mut command);
        assert_eq!(running.exit_code(), 1);
        let said = running.stderr.rest().join("\n");
        assert!(said.contains(&told), "{said}");
        assert_eq!(running.stdout.rest(), Vec::<String>::new());
    }
}

#[test]
fn a_stop_during_a_wait_exits_with_0() {
    let (_closed, head) = closed_port();
    let wait = format!("127.0.0.1:{head}");
    let mut running = Running::start(supervise(["echo", "rank"]).env("PROCESS_WAIT_FOR", &wait));
    running.stderr.wait_for("waiting: app starts when");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    // Nothing is said of a wait where the supervisor is to be as if it weren't there, so the
    // signal may come before the wait; it ends in the same way.
    let port = free_port();
    let mut running = Running::start(
        once(["echo", "rank"])
            .env("PROCESS_WAIT_FOR", &wait)
            .env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}")),
    );
    let end = std::time::Instant::now() + crate::harness::PATIENCE;
    while http(port, "GET /livez").is_err() {
        assert!(std::time::Instant::now() < end, "nobody answers");
        std::thread::yield_now();
    }
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert_eq!(running.stdout.rest(), Vec::<String>::new());
}

#[test]
fn failures_before_the_first_readiness_have_their_own_limit() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo run; exit 1"])
            .env("PROCESS_MAX_START_RETRIES", "50")
            .env("PROCESS_RETRIES_BEFORE_READY", "1")
            .env("PROCESS_HEALTH_READY", "log:ready to serve"),
    );
    assert_eq!(running.exit_code(), 1);
    assert_eq!(running.stdout.rest(), ["run", "run"]);
}

#[test]
fn a_program_that_runs_in_the_background_is_reported_once() {
    let mut running = Running::start(
        supervise(["sh", "-c", "sleep 1000 & exit 0"]).env("PROCESS_MAX_START_RETRIES", "1"),
    );
    assert_eq!(running.exit_code(), 1);
    let said = running.stderr.rest();
    let told: Vec<&String> = said.iter().filter(|line| line.contains("background: ")).collect();
    let [line] = told[..] else { panic!("{said:#?}") };
    assert!(line.contains("app exited with status 0 after 0."), "{line}");
    assert!(line.contains("left 1 process running"), "{line}");
}

#[test]
fn a_supervisor_under_a_supervisor_uses_run_once_mode() {
    let port = free_port();
    let inner = [BINARY, "sh", "-c", "echo run; exit 3"];
    let mut running = Running::start(
        supervise(inner)
            .env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}"))
            .env("PROCESS_MAX_START_RETRIES", "1"),
    );
    assert_eq!(running.exit_code(), 1);
    let nested = format!("nested: the supervisor with pid {} already supervises", running.pid());
    let out = running.stdout.rest();
    assert_eq!(out.iter().filter(|line| *line == "run").count(), 2, "{out:#?}");
    assert!(out.iter().any(|line| line.contains(&nested)), "{out:#?}");
    let mut running = Running::start(
        supervise(inner).env("PROCESS_NESTED", "supervise").env("PROCESS_MAX_START_RETRIES", "1"),
    );
    assert_eq!(running.exit_code(), 1);
    let out = running.stdout.rest();
    assert_eq!(out.iter().filter(|line| *line == "run").count(), 4, "{out:#?}");
}

/// A directory with a named pipe in it.
fn fifo(name: &str) -> String {
    let path = fifo_path(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let file = format!("{path}/fifo");
    rustix::fs::mknodat(rustix::fs::CWD, file, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    path
}

fn fifo_path(name: &str) -> String {
    format!("{}/starts-{name}", env!("CARGO_TARGET_TMPDIR"))
}
