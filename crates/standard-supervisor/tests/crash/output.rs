//! The last words of a run.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{Lines, Running, status, wait};
use crate::place::Place;

#[test]
fn a_crash_report_has_the_last_fifty_lines() {
    let place = Place::new("many");
    let mut running =
        Running::start(&mut place.shell("seq 1 300000; echo '\u{1b}[31mwhy\u{1b}[0m'; exit 1"));
    assert_eq!(running.exit_code(), 1);
    let lines = stdout(&place.report());
    assert_eq!((lines.len(), &*lines[48], &*lines[49]), (50, "300000", "why"));
    // And nothing of it is lost or out of order on its way.
    let printed = running.stdout.rest();
    assert!(
        printed.len() == 300_001
            && printed[..300_000].iter().zip(1..).all(|(l, n)| *l == n.to_string())
    );
}

#[test]
fn a_stalled_reader_does_not_hide_the_last_lines() {
    let place = Place::new("stalled");
    let (reader, writer) = std::io::pipe().unwrap();
    // It fits into the two pipes on its way, and nobody reads it.
    let script = "head -c 100000 /dev/zero | tr '\\0' x; echo; echo why; exit 1";
    let mut command = place.shell(script);
    let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = Lines::of(child.stderr.take().unwrap());
    stderr.wait_for("crash: program=app");
    assert_eq!(stdout(&place.report()).last().map(String::as_str), Some("why"));
    // It is not waited for without end either.
    assert_eq!(status(wait(&mut child)), 1);
    drop(reader);
}

#[test]
fn the_termination_message_drops_the_beginning_of_the_output() {
    let place = Place::new("message");
    let mut running = Running::start(&mut place.shell("seq -f %0100.0f 1 10000; exit 1"));
    assert_eq!(running.exit_code(), 1);
    let message = place.message();
    assert!((4000..=4096).contains(&message.len()), "{}", message.len());
    assert!(message.starts_with("it exited with 1 (class=exit); "), "{message}");
    assert!(message.lines().nth(1).unwrap().contains("crash: program=app run=1"), "{message}");
    assert!(message.ends_with("010000\n"), "{message}");
}

#[test]
fn stdout_and_stderr_are_reported_separately() {
    let place = Place::new("both");
    let mut command = place.shell("echo out; echo err >&2; exit 1");
    command.env("SUPERVISOR_PROGRAM__APP_REDIRECT_STDERR", "false");
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 1);
    assert_eq!(place.report()["last_lines"], json!({ "stdout": ["out"], "stderr": ["err"] }));
}

#[test]
fn output_that_is_written_to_a_file_is_reported() {
    let place = Place::new("file");
    let mut command = place.shell("echo out; exit 1");
    command.env("SUPERVISOR_PROGRAM__APP_STDOUT_LOGFILE", place.path("log"));
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 1);
    assert_eq!(stdout(&place.report()), ["out"]);
}

fn stdout(report: &Value) -> Vec<String> {
    let lines = report["last_lines"]["stdout"].as_array().unwrap();
    lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_expected_exit_is_not_a_crash() {
    let place = Place::new("expected");
    let mut command = place.shell("echo done");
    command
        .env("SUPERVISOR_PROGRAM__APP_AUTORESTART", "unexpected")
        .env("SUPERVISOR_PROGRAM__APP_EXITCODES", "0")
        .env("SUPERVISOR_PROGRAM__APP_STARTSECS", "0");
    let mut running = Running::start(&mut command);
    assert_eq!(running.exit_code(), 0);
    let lines = running.stderr.rest();
    assert!(lines.iter().any(|line| line.contains("exited: app (exit status 0; expected)")));
    assert!(lines.iter().all(|line| !line.contains("crash")), "{lines:?}");
    assert!(!place.path("reports").exists() && !place.path("message").exists());
}

#[test]
fn a_clean_exit_clears_the_termination_message_of_an_earlier_crash() {
    let place = Place::new("over");
    let flag = place.path("flag");
    let script = format!("[ -e {0} ] || {{ : > {0}; exit 1; }}; exec sleep 1000", flag.display());
    let mut command = place.shell(&script);
    let mut running = Running::start(command.env("PROCESS_MAX_START_RETRIES", "1"));
    running.stderr.wait_for("crash: program=app run=1");
    running.stderr.wait_for("success: app");
    assert!(place.message().contains("crash: program=app run=1"));
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    assert_eq!(place.message(), "");
}
