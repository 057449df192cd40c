//! Streams as containers have them at their worst.

use crate::docker::{Container, image};

/// PID 1's stdout is a pipe whose reader never reads.
const STALLED: &str = "mkfifo /tmp/pipe; sleep 1000 </tmp/pipe & \
                       exec standard-supervisor yes >/tmp/pipe";

/// PID 1's stdout is a pipe whose reader goes after the first byte.
const GONE: &str = "mkfifo /tmp/pipe; head -c 1 </tmp/pipe & \
                    exec standard-supervisor sh -c 'seq 100000; echo alive >&2; exec sleep 1000' >/tmp/pipe";

#[test]
fn a_stalled_stdout_does_not_delay_a_stop() {
    let Some(image) = image() else { return };
    let mut container = Container::run(&[image, "sh", "-c", STALLED]);
    container.stderr().wait_for("success: app");
    container.signal("TERM");
    assert_eq!(container.exit_code(), 0);
}

#[test]
fn a_stdout_without_a_reader_loses_only_output() {
    let Some(image) = image() else { return };
    let apart = ["-e", "SUPERVISOR_PROGRAM__APP_REDIRECT_STDERR=false"];
    let mut container = Container::run(&[&apart[..], &[image, "sh", "-c", GONE]].concat());
    container.stderr().wait_for("alive");
    container.stderr().rewind().wait_for("cannot write the stdout of app: Broken pipe");
    container.signal("TERM");
    assert_eq!(container.exit_code(), 0);
}

#[test]
fn a_closed_stdout_prevents_nothing() {
    let Some(image) = image() else { return };
    let script = "exec standard-supervisor sh -c 'echo lost; exec sleep 1000' >&-";
    let mut container = Container::run(&[image, "sh", "-c", script]);
    container.stderr().wait_for("success: app");
    container.stop();
    assert_eq!(container.exit_code(), 0);
}

#[test]
fn the_supervisor_starts_and_stops_without_a_log_driver() {
    let Some(image) = image() else { return };
    let words = ["--log-driver", "none", image, "standard-supervisor", "yes"];
    let container = Container::run(&words);
    container.stop();
    assert_eq!(container.exit_code(), 0);
}
