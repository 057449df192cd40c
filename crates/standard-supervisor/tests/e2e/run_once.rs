//! `PROCESS_AUTO_RECOVERY=false`: a transparent init.

use std::fs::File;
use std::io::Write;
use std::process::{Child, Stdio};

use crate::harness::{Lines, Running, free_port, http, is_alive, once, status, wait};

#[test]
fn run_once_mode_returns_the_programs_exit_status() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143)] {
        let mut running = Running::start(&mut once(["sh", "-c", script]));
        assert_eq!(running.exit_code(), code, "{script}");
        assert!(running.stderr.rest().is_empty(), "{:?}", running.stderr.rest());
    }
}

#[test]
fn a_missing_command_exits_with_127_and_a_non_executable_one_with_126() {
    let mut missing = Running::start(&mut once(["no-such-command"]));
    assert_eq!(missing.exit_code(), 127);
    let said = missing.stderr.rest();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("no-such-command") && said[0].contains("No such file or directory"));

    let mut refused = Running::start(&mut once(["/etc/passwd"]));
    assert_eq!(refused.exit_code(), 126);
}

#[test]
fn run_once_mode_passes_on_its_streams() {
    let mut child = once(["sh", "-c", "read line; echo got $line; readlink /proc/$$/fd/0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let ours = std::fs::read_link(format!("/proc/{}/fd/0", child.id())).unwrap();
    child.stdin.take().unwrap().write_all(b"a line\n").unwrap();
    let mut lines = Lines::of(child.stdout.take().unwrap());
    lines.wait_for("got a line");
    lines.wait_for(ours.to_str().unwrap());
    assert_eq!(status(wait(&mut child)), 0);
}

#[test]
fn every_signal_is_forwarded_to_the_program() {
    let script = "for s in TERM INT QUIT HUP USR1 ALRM TSTP; do trap \"echo got $s\" $s; done; \
                  trap 'exit 5' USR2; echo up; while :; do sleep 0.05; done";
    let mut running = Running::start(&mut once(["bash", "-c", script]));
    running.stdout.wait_for("up");
    for signal in ["TERM", "INT", "QUIT", "HUP", "USR1", "ALRM", "TSTP", "TERM"] {
        running.signal(signal);
        running.stdout.wait_for(&format!("got {signal}"));
    }
    running.signal("USR2");
    assert_eq!(running.exit_code(), 5);
}

#[test]
fn leftover_processes_are_stopped_in_run_once_mode() {
    let script = "setsid sh -c 'echo left $$; exec sleep 1000 >/dev/null 2>&1' & sleep 0.3; exit 4";
    let mut running = Running::start(&mut once(["sh", "-c", script]));
    let left = running.stdout.number_after("left ");
    assert_eq!(running.exit_code(), 4);
    assert!(!is_alive(left));
}

#[test]
fn run_once_mode_writes_no_file() {
    let path = std::env::temp_dir().join(format!("once-{}", std::process::id()));
    let mut running = Running::start(once(["true"]).env("SUPERVISOR_CONFIG_PATH", &path));
    assert_eq!(running.exit_code(), 0);
    assert!(!path.exists());
}

#[test]
fn one_warning_names_all_variables_that_have_no_effect() {
    let mut running = Running::start(
        once(["true"])
            .env("SUPERVISOR_PROGRAM__APP_STARTSECS", "3")
            .env("PROCESS_HEALTH_TCP", "1")
            .env("PROCESS_CRASH_DIR", "/tmp"),
    );
    assert_eq!(running.exit_code(), 0);
    let said = running.stderr.rest();
    assert_eq!(said.len(), 1, "{said:?}");
    for name in ["SUPERVISOR_PROGRAM__APP_STARTSECS", "PROCESS_HEALTH_TCP", "PROCESS_CRASH_DIR"] {
        assert!(said[0].contains(name), "{name}: {said:?}");
    }
}

#[test]
fn log_settings_of_the_server_are_ignored_in_run_once_mode() {
    let mut running =
        Running::start(once(["true"]).env("LOG_LEVEL", "trace").env("LOG_FORMAT", "pretty"));
    assert_eq!(running.exit_code(), 0);
    assert!(running.stderr.rest().is_empty(), "{:?}", running.stderr.rest());
}

#[test]
fn a_liveness_probe_is_answered_in_run_once_mode() {
    let port = free_port();
    let mut command =
        once(["sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done"]);
    let mut running =
        Running::start(command.env("PROCESS_STATUS_PORT", format!("127.0.0.1:{port}")));
    running.stdout.wait_for("up");
    let answer = http(port, "GET /livez").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 3);
    assert!(running.stderr.rest().is_empty(), "{:?}", running.stderr.rest());
}

/// Runs this with a terminal that it controls, as after a login or with `docker run -t`.
pub(crate) fn on_a_terminal(words: &[&str]) -> (Child, File, Lines) {
    let (ours, theirs) = crate::harness::terminal();
    // This is what makes the terminal the controlling one.
    let child = crate::harness::clean("setsid", [&["--ctty", "--wait"], words].concat())
        .env("PROCESS_AUTO_RECOVERY", "false")
        .stdin(theirs.try_clone().unwrap())
        .stdout(theirs.try_clone().unwrap())
        .stderr(theirs)
        .spawn()
        .unwrap();
    (child, File::from(ours.try_clone().unwrap()), Lines::of(File::from(ours)))
}

#[test]
fn a_terminal_belongs_to_the_program() {
    let script = "trap 'echo interrupted; exit 9' INT; echo ready; read line; echo got $line; \
                  while :; do sleep 0.05; done";
    let words = [crate::harness::BINARY, "sh", "-c", script];
    let (mut child, mut keyboard, mut screen) = on_a_terminal(&words);
    screen.wait_for("ready");
    // Reading stops a process that is not in the terminal's foreground.
    keyboard.write_all(b"a line\n").unwrap();
    screen.wait_for("got a line");
    keyboard.write_all(b"\x03").unwrap();
    screen.wait_for("interrupted");
    assert_eq!(status(wait(&mut child)), 9);
}

#[test]
fn a_background_supervisor_does_not_take_the_terminal() {
    // The shell controls its jobs, as one that somebody types into.
    let script = "set -m; \"$0\" sh -c 'echo started; exec sleep 1000' & \
                  for n in 1 2; do read line; echo got $line; done; \
                  kill %1; wait %1; echo ended $?";
    let words = ["bash", "-c", script, crate::harness::BINARY];
    let (mut child, mut keyboard, mut screen) = on_a_terminal(&words);
    screen.wait_for("started");
    keyboard.write_all(b"a line\n").unwrap();
    screen.wait_for("got a line");
    // Who was already reading goes on, whatever became of the terminal since.
    keyboard.write_all(b"another\n").unwrap();
    screen.wait_for("got another");
    screen.wait_for("ended 143");
    assert_eq!(status(wait(&mut child)), 0);
}
