//! Output: unchanged, complete, in order, and never in the way.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use crate::harness::{Lines, Running, clean, kill, status, supervise, wait};

#[test]
fn output_is_unchanged_and_in_order() {
    let script = "printf 'no newline \\0 \\377 %%s\\n'; printf 'to stderr\\n' >&2; printf last";
    let mut child = supervise(["sh", "-c", script])
        .env("PROCESS_MAX_START_RETRIES", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut bytes = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"no newline \0 \xff %s\nto stderr\nlast");
    wait(&mut child);
}

#[test]
fn stderr_can_be_separate_from_stdout() {
    let mut running = Running::start(
        supervise(["sh", "-c", "echo to stdout; echo to stderr >&2"])
            .env("PROCESS_MAX_START_RETRIES", "0")
            .env("SUPERVISOR_PROGRAM__APP_REDIRECT_STDERR", "false"),
    );
    assert_eq!(running.exit_code(), 1);
    assert_eq!(running.stdout.rest(), ["to stdout"]);
    assert!(running.stderr.rest().contains(&"to stderr".to_owned()));
}

#[test]
fn all_output_of_a_program_comes_before_its_exit_line() {
    // Both streams go to one pipe, so their order can be seen.
    let script =
        format!("exec {} sh -c 'seq 1 20000; echo last words' 2>&1", crate::harness::BINARY);
    let mut command = clean("sh", ["-c", &script]);
    let mut running = Running::start(command.env("PROCESS_MAX_START_RETRIES", "0"));
    assert_eq!(running.exit_code(), 1);
    let lines = running.stdout.rest();
    let place = |text: &str| lines.iter().position(|line| line.contains(text)).unwrap();
    assert_eq!(place("exited: app"), place("last words") + 1, "{:?}", lines.last());
    assert_eq!(lines.iter().filter(|line| line.parse::<u32>().is_ok()).count(), 20000);
}

#[test]
fn a_start_logs_only_what_happens() {
    let mut running = Running::start(&mut supervise(["sh", "-c", "echo up; exec sleep 1000"]));
    running.stdout.wait_for("up");
    running.stderr.wait_for("success:");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    let said = running.stderr.rest();
    let kinds: Vec<&str> = said.iter().filter_map(|line| line.split(' ').nth(3)).collect();
    let start = ["supervisord", "this", "spawned:", "success:"];
    let stop = ["received", "stop:", "waiting", "stopped:", "stop:"];
    let expected = [start.as_slice(), &stop].concat();
    assert_eq!(kinds, expected, "{said:#?}");
    assert_eq!(running.stdout.rest(), ["up"]);
}

#[test]
fn stdout_may_be_a_socket() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut child = supervise(["sh", "-c", "seq 1 20000; exec sleep 1000"])
        .stdout(Stdio::from(OwnedFd::from(theirs)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Lines::of(ours).wait_for("20000");
    kill(child.id().cast_signed(), "TERM");
    assert_eq!(status(wait(&mut child)), 0);
}

#[test]
fn stdout_may_be_a_terminal() {
    let (ours, theirs) = crate::harness::terminal();
    let mut child = supervise(["sh", "-c", "seq 1 3000; exec sleep 1000"])
        .stdout(Stdio::from(theirs))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Lines::of(std::fs::File::from(ours)).wait_for("3000");
    kill(child.id().cast_signed(), "TERM");
    assert_eq!(status(wait(&mut child)), 0);
}

#[test]
fn stdout_and_stderr_may_be_closed() {
    let script = format!("exec {} sh -c 'echo lost; exit 3' >&- 2>&-", crate::harness::BINARY);
    let mut command = clean("sh", ["-c", &script]);
    let mut child = command.env("PROCESS_MAX_START_RETRIES", "0").spawn().unwrap();
    assert_eq!(status(wait(&mut child)), 1);
}

#[test]
fn stdout_may_be_a_full_disk() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let mut child = supervise(["sh", "-c", "seq 1 20000; exec sleep 1000"])
        .stdout(Stdio::from(full))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = Lines::of(child.stderr.take().unwrap());
    stderr.wait_for("cannot write the stdout of app: No space left on device");
    stderr.wait_for("success:");
    kill(child.id().cast_signed(), "TERM");
    assert_eq!(status(wait(&mut child)), 0);
}

#[test]
fn output_may_go_to_a_file() {
    let path = std::env::temp_dir().join(format!("output-{}", std::process::id()));
    std::fs::File::create(&path).unwrap().write_all(b"kept\n").unwrap();
    let mut running = Running::start(
        supervise(["sh", "-c", "echo out; echo err >&2"])
            .env("PROCESS_MAX_START_RETRIES", "0")
            .env("SUPERVISOR_PROGRAM__APP_STDOUT_LOGFILE", &path),
    );
    assert_eq!(running.exit_code(), 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept\nout\nerr\n");
    assert!(running.stdout.rest().is_empty());
    std::fs::remove_file(path).unwrap();
}
