//! Containers with little of what a machine has, and an init's duties in them.

use crate::docker::{Container, foreground, image};

#[test]
fn a_read_only_container_without_root_works() {
    let Some(image) = image() else { return };
    let options = ["--read-only", "--user", "1000:1000", "--cap-drop", "ALL", "--network", "none"];
    let script = "echo I am $(id -u); exit 3";
    let command =
        ["-e", "PROCESS_MAX_START_RETRIES=1", image, "standard-supervisor", "sh", "-c", script];
    let (code, text) = foreground(&[&options[..], &command].concat());
    assert_eq!(code, 1, "{text}");
    assert_eq!(text.lines().filter(|line| *line == "I am 1000").count(), 2, "{text}");
    assert!(text.contains("WARN cannot write the configuration"), "{text}");
}

#[test]
fn zombies_are_reaped_at_once() {
    let Some(image) = image() else { return };
    // Twenty orphans that end, a worker in a session of its own that ends, and a server.
    let script = "for i in $(seq 20); do (sh -c 'exec sleep 0.3' &); done; \
                  (setsid sh -c 'exec sleep 0.3' &); echo up; exec sleep 1000";
    let mut container = Container::run(&[image, "standard-supervisor", "sh", "-c", script]);
    container.stdout().wait_for("up");
    for _ in 0..21 {
        container.stderr().wait_for("reaped unknown pid");
    }
    let processes = container.exec(&["ps", "-o", "pid,stat,comm"]);
    assert!(!processes.contains(" Z"), "{processes}");
    container.signal("TERM");
    assert_eq!(container.exit_code(), 0);
}

#[test]
fn orphans_of_docker_exec_are_not_stopped_with_the_program() {
    let Some(image) = image() else { return };
    let script = "echo up $$; exec sleep 1000";
    let mut container = Container::run(&[image, "standard-supervisor", "sh", "-c", script]);
    let first = container.stdout().number_after("up ");
    // An orphan of a stranger: it becomes a child of PID 1.
    let stranger = container.exec(&["sh", "-c", "setsid sleep 999 >/dev/null 2>&1 & echo $!"]);
    container.stderr().wait_for("success: app");
    container.exec(&["kill", "-9", &first.to_string()]);
    container.stdout().wait_for("up");
    let processes = container.exec(&["ps", "-o", "pid,args"]);
    assert!(processes.contains("sleep 999"), "{stranger} is gone:\n{processes}");
    container.signal("TERM");
    assert_eq!(container.exit_code(), 0);
}
