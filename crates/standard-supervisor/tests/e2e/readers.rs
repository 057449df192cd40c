//! Readers that stall, go or are replaced: they cost output at most.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::harness::{Lines, kill, status, supervise, wait};

/// Settings by which output goes through our hands, and not from pipe to pipe.
const WAYS: [(&str, &str); 3] = [
    ("SUPERVISOR_SUPERVISORD_STRIP_ANSI", "false"),
    ("SUPERVISOR_SUPERVISORD_STRIP_ANSI", "true"),
    ("PROCESS_HEALTH_READY", "log:y"),
];

#[test]
fn a_stalled_reader_does_not_delay_a_stop() {
    for (name, value) in WAYS {
        // Nobody reads either stream, and the program writes more than a pipe holds.
        let (_unread, out) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let (_unread_too, err) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let fifo = Fifo::new("stalled");
        let script = format!("yes | head -c 100000; echo full > {}; exec yes", fifo.path());
        let mut child = supervise(["sh", "-c", &script])
            .env(name, value)
            .stdout(Stdio::from(out))
            .stderr(Stdio::from(err))
            .spawn()
            .unwrap();
        fifo.read();
        kill(child.id().cast_signed(), "TERM");
        assert_eq!(status(wait(&mut child)), 0, "{name}={value}");
    }
}

#[test]
fn a_stalled_reader_does_not_delay_a_restart() {
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
fn a_stalled_reader_gets_the_output_when_it_reads_again() {
    for (name, value) in WAYS {
        let (unread, out) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let mut child = supervise(["sh", "-c", "echo y; seq 1 50000; exec sleep 1000"])
            .env(name, value)
            .stdout(Stdio::from(out))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = Lines::of(child.stderr.take().unwrap());
        stderr.wait_for("success:");
        let mut lines = Lines::of(File::from(unread));
        lines.wait_for("y");
        for number in 1..=50000 {
            assert_eq!(lines.wait_for(""), number.to_string());
        }
        kill(child.id().cast_signed(), "TERM");
        assert_eq!(status(wait(&mut child)), 0);
    }
}

#[test]
fn a_closed_reader_loses_only_output() {
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
fn a_replaced_reader_is_awaited_like_the_first() {
    let (pipe, say, go) = (Fifo::new("replaced"), Fifo::new("say"), Fifo::new("go"));
    let open = |flags| rustix::fs::open(&pipe.0, flags | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let first = open(OFlags::RDONLY | OFlags::NONBLOCK);
    let out = open(OFlags::WRONLY);
    // More than a pipe takes, less than two: then the supervisor waits for the reader.
    let script = format!(
        "head -c 100000 /dev/zero; echo > {say}; read x < {go}; \
         head -c 100000 /dev/zero; echo > {say}; exec sleep 1000",
        say = say.path(),
        go = go.path()
    );
    let mut child =
        supervise(["sh", "-c", &script]).stdout(Stdio::from(out)).stderr(Stdio::null()).spawn();
    let child = child.as_mut().unwrap();
    say.read();
    rustix::io::ioctl_fionbio(&first, false).unwrap();
    let mut first = File::from(first);
    first.read_exact(&mut vec![0; 100_000]).unwrap();
    drop(first);
    let _second = open(OFlags::RDONLY | OFlags::NONBLOCK);
    std::fs::write(&go.0, "\n").unwrap();
    say.read();
    kill(child.id().cast_signed(), "TERM");
    assert_eq!(status(wait(child)), 0);
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
            Mode::RUSR | Mode::WUSR,
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
