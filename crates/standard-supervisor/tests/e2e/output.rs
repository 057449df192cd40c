//! Output: unchanged, complete, in order, and never in the way.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use rustix::pipe::{PipeFlags, pipe_with};

use crate::harness::{Lines, Running, clean, kill, status, supervise, wait};

#[test]
fn bytes_come_out_unchanged_and_in_order() {
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
fn stderr_can_be_kept_apart() {
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
fn all_that_a_program_wrote_is_out_before_its_exit_line() {
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
fn d20_a_plain_start_says_only_what_happens() {
    let mut running = Running::start(&mut supervise(["sh", "-c", "echo up; exec sleep 1000"]));
    running.stdout.wait_for("up");
    running.stderr.wait_for("success:");
    running.signal("TERM");
    assert_eq!(running.exit_code(), 0);
    let said = running.stderr.rest();
    let kinds: Vec<&str> = said.iter().filter_map(|line| line.split(' ').nth(3)).collect();
    let expected = ["supervisord", "spawned:", "success:", "received", "waiting", "stopped:"];
    assert_eq!(kinds, expected, "{said:#?}");
    assert_eq!(running.stdout.rest(), ["up"]);
}

#[test]
fn d09_a_reader_that_stalls_does_not_hold_up_a_stop() {
    // Nobody reads either stream, and the program writes more than a pipe holds.
    let (_unread, out) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let (_unread_too, err) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let fifo = Fifo::new("stalled");
    let script = format!("yes | head -c 60000; echo full > {}; exec yes", fifo.path());
    let mut child = supervise(["sh", "-c", &script])
        .stdout(Stdio::from(out))
        .stderr(Stdio::from(err))
        .spawn()
        .unwrap();
    fifo.read();
    kill(child.id().cast_signed(), "TERM");
    assert_eq!(status(wait(&mut child)), 0);
}

#[test]
fn d09_a_reader_that_stalls_does_not_hold_up_a_restart() {
    let (_unread, out) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let mut child = supervise(["sh", "-c", "exec yes"])
        .stdout(Stdio::from(out))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = Lines::of(child.stderr.take().unwrap());
    let pid = stderr.number_after("spawned: 'app' with pid ");
    stderr.wait_for("success:");
    kill(pid, "KILL");
    stderr.wait_for("exited: app (terminated by SIGKILL; not expected)");
    stderr.wait_for("spawned:");
    kill(child.id().cast_signed(), "TERM");
    assert_eq!(status(wait(&mut child)), 0);
}

#[test]
fn what_a_stalled_reader_missed_is_there_when_it_reads_again() {
    let (unread, out) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let mut child = supervise(["sh", "-c", "seq 1 50000; exec sleep 1000"])
        .stdout(Stdio::from(out))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = Lines::of(child.stderr.take().unwrap());
    stderr.wait_for("success:");
    let mut lines = Lines::of(std::fs::File::from(unread));
    for number in 1..=50000 {
        assert_eq!(lines.wait_for(""), number.to_string());
    }
    kill(child.id().cast_signed(), "TERM");
    assert_eq!(status(wait(&mut child)), 0);
}

#[test]
fn a_reader_that_has_gone_costs_the_output_and_not_the_program() {
    let (unread, out) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    drop(unread);
    let fifo = Fifo::new("gone");
    let script = format!("seq 1 100000; echo alive > {}; exec sleep 1000", fifo.path());
    let mut child = supervise(["sh", "-c", &script])
        .stdout(Stdio::from(out))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = Lines::of(child.stderr.take().unwrap());
    fifo.read();
    stderr.wait_for("cannot write the stdout of app: Broken pipe");
    kill(child.id().cast_signed(), "TERM");
    assert_eq!(status(wait(&mut child)), 0);
}

#[test]
fn d10_stdout_may_be_a_socket() {
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

/// A named pipe by which a program says something beside its output.
struct Fifo(std::path::PathBuf);

impl Fifo {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fifo-{name}-{}", std::process::id()));
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        Self(path)
    }

    fn path(&self) -> std::path::Display<'_> {
        self.0.display()
    }

    /// Waits until somebody has written.
    fn read(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
