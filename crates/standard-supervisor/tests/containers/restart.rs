//! Recovery inside the container, and the exit by which the engine takes over.

use std::process::Command;

use crate::docker::{Container, image};
use crate::harness::Running;

#[test]
fn a_crash_is_recovered_inside_the_container() {
    let Some(image) = image() else { return };
    let script = "echo up $$; exec sleep 1000";
    let mut container = Container::run(&[image, "standard-supervisor", "sh", "-c", script]);
    let first = container.stdout().number_after("up ");
    container.stderr().wait_for("success: app");
    container.exec(&["kill", "-9", &first.to_string()]);
    let second = container.stdout().number_after("up ");
    assert_ne!(first, second);
    assert_eq!(container.inspect(".RestartCount"), "0");
    container.signal("TERM");
    assert_eq!(container.exit_code(), 0);
}

#[test]
fn giving_up_triggers_restart_on_failure() {
    let Some(image) = image() else { return };
    let words = ["--restart=on-failure:2", "-e", "PROCESS_MAX_START_RETRIES=0", image];
    let command = ["standard-supervisor", "sh", "-c", "echo run; exit 3"];
    let container = Container::run(&[&words[..], &command].concat());
    // The past ones are told as well: the first may be over already.
    let filter = format!("container={}", container.name());
    let mut ends = Running::start(Command::new("docker").args([
        "events",
        "--since",
        "30m",
        "--filter",
        &filter,
        "--filter",
        "event=die",
        "--format",
        "ended with {{.Actor.Attributes.exitCode}}",
    ]));
    for _ in 0..3 {
        assert_eq!(ends.stdout.wait_for("ended"), "ended with 1");
    }
    assert_eq!(container.inspect(".RestartCount"), "2");
}

#[test]
fn a_server_that_is_oom_killed_restarts() {
    let Some(image) = image() else { return };
    // One process that asks for more than there is, at once: many small ones may
    // thrash for minutes before anybody is killed.
    let script = "echo up; sleep 1.2; exec dd if=/dev/zero of=/dev/null bs=300M count=1";
    let words = ["--memory", "48m", "-e", "PROCESS_MAX_START_RETRIES=1", image];
    let command = ["standard-supervisor", "sh", "-c", script];
    let mut container = Container::run(&[&words[..], &command].concat());
    container.stderr().wait_for("exited: app (terminated by SIGKILL; not expected)");
    container.stdout().wait_for("up");
    container.stdout().wait_for("up");
    assert_eq!(container.exit_code(), 1);
    assert_eq!(container.inspect(".State.OOMKilled"), "true");
    container.stderr().wait_for("gave up: app");
}
