//! Stopping: asked nicely, given the whole time, then made to.

use crate::harness::{Running, is_alive, supervise};

/// Says `up`, and on SIGTERM drains for `seconds` before it exits with 0.
fn draining(seconds: &str) -> String {
    format!(
        "trap 'echo draining; sleep {seconds}; echo drained; exit 0' TERM; echo up $$; \
         while :; do sleep 0.05; done"
    )
}

/// Says `up` and ignores SIGTERM.
const STUBBORN: &str = "trap 'echo no' TERM; echo up $$; while :; do sleep 0.05; done";

#[test]
fn a_stopped_server_exits_with_0() {
    for signal in ["TERM", "INT", "QUIT"] {
        let mut running = Running::start(&mut supervise(["sh", "-c", &draining("0")]));
        running.stdout.wait_for("up");
        running.signal(signal);
        assert_eq!(running.exit_code(), 0, "{signal}");
        assert!(running.stdout.said("drained"));
        let said = running.stderr.rest().join("\n");
        let request = format!("received SIG{signal} indicating exit request");
        assert!(said.contains(&request) && said.contains("stopped: app (exit status 0)"), "{said}");
    }
}

#[test]
fn a_drain_may_take_more_than_five_seconds() {
    let mut running = Running::start(&mut supervise(["sh", "-c", &draining("6.5")]));
    running.stdout.wait_for("up");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(running.stdout.said("drained"));
}

/// Python's `resource_tracker` exits like this: it reads a pipe from the server to its end.
#[test]
fn a_helper_that_exits_right_after_its_server_causes_no_warning() {
    const SERVER: &str = r#"pipe R, W; if (!fork) { close W; <R>; exit } $SIG{TERM} = sub { exit 0 };
                            $| = 1; print "up\n"; sleep 1 while 1"#;
    let mut running = Running::start(&mut supervise(["perl", "-e", SERVER]));
    running.stdout.wait_for("up");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    let warnings = running.stderr.rest().iter().filter(|line| line.contains(" WARN "));
    let warnings: Vec<&String> = warnings.collect();
    assert!(
        matches!(warnings[..], [received, stopped] if received.contains("received SIGTERM")
            && stopped.contains("stopped: app (exit status 0)")),
        "{warnings:#?}"
    );
    assert!(running.stderr.said(" INFO stop: app: sending SIGTERM to the main process"));
}

#[test]
fn a_server_killed_after_stopwaitsecs_exits_with_0() {
    let mut running = Running::start(
        supervise(["sh", "-c", STUBBORN]).env("SUPERVISOR_PROGRAM__APP_STOPWAITSECS", "1"),
    );
    let pid = running.stdout.number_after("up ");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(running.stdout.said("no"));
    let said = running.stderr.rest().join("\n");
    assert!(said.contains(&format!("killing 'app' ({pid}) with SIGKILL")), "{said}");
    assert!(said.contains("stopped: app (terminated by SIGKILL)"), "{said}");
}

#[test]
fn a_second_stop_signal_a_second_later_kills_at_once() {
    let mut running = Running::start(&mut supervise(["sh", "-c", STUBBORN]));
    let pid = running.stdout.number_after("up ");
    running.signal("TERM");
    running.stdout.wait_for("no");
    // What is said every three seconds while waiting tells that one has passed.
    running.stderr.wait_for("waiting for app to die");
    running.stderr.wait_for("waiting for app to die");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert!(!is_alive(pid));
    assert!(running.stderr.said("received SIGTERM again, killing all processes now"));
}

#[test]
fn a_signal_at_the_very_start_stops_the_program() {
    // However early it arrives, nothing is left running and the exit is clean.
    // Before the first instruction the kernel's default applies: 143.
    for _ in 0..40 {
        let mut running = Running::start(&mut supervise(["sleep", "1000"]));
        running.signal("TERM");
        let code = running.exit_code();
        assert!(code == 0 || code == 143, "{code}: {:?}", running.stderr.rest());
    }
}

#[test]
fn a_signal_during_a_backoff_stops_the_supervisor() {
    let mut running = Running::start(supervise(["false"]).env("PROCESS_MAX_START_RETRIES", "100"));
    running.stderr.wait_for("exited: app");
    running.stderr.wait_for("exited: app");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
}

#[test]
fn programs_stop_in_reverse_order_of_their_start() {
    let program = |name: &str| {
        let script = format!(
            "trap \"echo {name} stops; sleep 0.3; echo {name} stopped; exit 0\" TERM; \
             echo {name} up; while :; do sleep 0.05; done"
        );
        format!("sh -c '{script}'")
    };
    let mut running = Running::start(
        supervise([
            "sh",
            "-c",
            "trap 'echo app stops; exit 0' TERM; echo app up; \
                   while :; do sleep 0.05; done",
        ])
        .env("SUPERVISOR_PROGRAM__A_COMMAND", program("a"))
        .env("SUPERVISOR_PROGRAM__A_PRIORITY", "1")
        .env("SUPERVISOR_PROGRAM__B_COMMAND", program("b"))
        .env("SUPERVISOR_PROGRAM__B_PRIORITY", "2"),
    );
    for name in ["a", "b", "app"] {
        running.stderr.wait_for(&format!("success: {name} entered RUNNING state"));
    }
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    let stops: Vec<_> = running.stdout.rest().iter().filter(|line| line.contains("stop")).collect();
    assert_eq!(stops, ["app stops", "b stops", "b stopped", "a stops", "a stopped"]);
}
