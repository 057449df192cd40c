//! `standard-supervisor --probe`, for images without curl.

use std::net::TcpListener;

use crate::Served;
use crate::harness::{Running, clean, free_port};

/// What a probe prints, and its exit code.
fn probe(words: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let mut command = clean(crate::harness::BINARY, [&["--probe"], words].concat());
    let mut running = Running::start(command.envs(environment.iter().copied()));
    let code = running.exit_code();
    let said = [running.stdout.rest(), running.stderr.rest()].concat();
    (code, said.join("\n"))
}

#[test]
fn a_probe_finds_the_status_port_in_the_environment() {
    let served = Served::start("echo up; exec sleep 1000", &[]);
    let port = served.port.to_string();
    for place in [port.clone(), format!("0.0.0.0:{port}"), format!("localhost:{port}")] {
        let environment = [("PROCESS_STATUS_PORT", place.as_str())];
        assert_eq!(probe(&["live"], &environment), (0, "alive".to_owned()), "{place}");
        let option = [("SUPERVISOR_SUPERVISORD_STATUS_PORT", place.as_str())];
        assert_eq!(probe(&["live"], &option), (0, "alive".to_owned()), "{place}");
    }
    let mut served = served;
    served.running.stderr.wait_for("success: app entered RUNNING state");
    assert_eq!(probe(&["ready", "--port", &port], &[]), (0, "ready".to_owned()));
    assert_eq!(probe(&["started", "--port", &port], &[]), (0, "started".to_owned()));
}

#[test]
fn a_failed_probe_exits_with_1_and_prints_the_reason() {
    let served =
        Served::start("echo up; exec sleep 1000", &[("SUPERVISOR_PROGRAM__APP_STARTSECS", "1000")]);
    let (code, said) = probe(&["ready", "--port", &served.port.to_string()], &[]);
    assert_eq!((code, said.as_str()), (1, "not ready: app is STARTING"));
}

#[test]
fn a_probe_over_ipv6_uses_the_loopback_address() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return println!("skipped: there is no IPv6");
    };
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut command = crate::harness::supervise(["sleep", "1000"]);
    let mut running = Running::start(command.env("PROCESS_STATUS_PORT", format!("[::1]:{port}")));
    running.stderr.wait_for("spawned: 'app'");
    let place = format!("[::]:{port}");
    assert_eq!(probe(&["live", "--port", &place], &[]), (0, "alive".to_owned()));
}

#[test]
fn a_probe_without_a_port_or_a_response_names_the_remedy() {
    let (code, said) = probe(&["live"], &[]);
    assert_eq!(code, 1);
    assert!(said.contains("no status port is set; set PROCESS_STATUS_PORT=9100"), "{said}");
    let port = free_port();
    let (code, said) = probe(&["live", "--port", &port.to_string()], &[]);
    let refused = format!("no answer from the status port at 127.0.0.1:{port}: Connection refused");
    assert_eq!((code, said), (1, format!("ERROR: {refused}")));
    // Somebody accepts, and never answers.
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hung.local_addr().unwrap().port().to_string();
    let (code, said) = probe(&["live", "--port", &port], &[]);
    assert!(code == 1 && said.ends_with(": timed out after 1 s"), "{said}");
}

#[test]
fn a_probe_takes_no_command_and_has_three_kinds() {
    for words in [&["well"][..], &["live", "true"], &["live", "--port", "x"]] {
        let (code, said) = probe(words, &[]);
        assert!(code == 1 && said.starts_with("ERROR: "), "{words:?}: {said}");
    }
    let mut command = clean(crate::harness::BINARY, ["--port", "1", "true"]);
    assert_eq!(Running::start(&mut command).exit_code(), 1);
}
