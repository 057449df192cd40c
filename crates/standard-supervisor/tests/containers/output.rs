//! Streams as containers have them at their worst.

use crate::docker::{Container, image};

/// PID 1's stdout is a pipe whose reader never reads.
const STALLED: &str = "mkfifo /tmp/pipe; sleep 1000 </tmp/pipe & \
                       exec standard-supervisor yes >/tmp/pipe";

/// PID 1's stdout is a pipe whose reader goes after the first byte.
const GONE: &str = "mkfifo /tmp/pipe; head -c 1 </tmp/pipe & \
                    exec standard-supervisor sh -c 'seq 100000; echo alive >&2; exec sleep 1000' >/tmp/pipe";

#[test]
fn a_stalled_stdout_does_not_hold_up_a_stop() {
    let Some(image) = image() else { return };
    let mut container = Container::run(&[image, "sh", "-c", STALLED]);
    container.stderr().wait_for("success: app");
    container.signal("TERM");
    assert_eq!(container.exit_code(), 0);
}

#[test]
fn a_stdout_whose_reader_has_gone_costs_the_output_only() {
    let Some(image) = image() else { return };
    let apart = ["-e", "SUPERVISOR_PROGRAM__APP_REDIRECT_STDERR=false"];
    let mut container = Container::run(&[&apart[..], &[image, "sh", "-c", GONE]].concat());
    container.stderr().wait_for("alive");
    container.stderr().rewind().wait_for("cannot write the stdout of app: Broken pipe");
    container.signal("TERM");
    assert_eq!(container.exit_code(), 0);
}

#[test]
fn a_closed_stdout_is_no_obstacle() {
    let Some(image) = image() else { return };
    let script = "exec standard-supervisor sh -c 'echo lost; exec sleep 1000' >&-";
    let mut container = Container::run(&[image, "sh", "-c", script]);
    container.stderr().wait_for("success: app");
    container.stop();
    assert_eq!(container.exit_code(), 0);
}

#[test]
fn without_a_log_driver_it_starts_and_stops() {
    let Some(image) = image() else { return };
    let words = ["--log-driver", "none", image, "standard-supervisor", "yes"];
    let container = Container::run(&words);
    container.stop();
    assert_eq!(container.exit_code(), 0);
}
