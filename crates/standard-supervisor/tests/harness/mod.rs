//! Runs the built binary as a user would, and waits for what it says.
//!
//! Nothing here sleeps: a test waits for a line, an exit or a condition on a file
//! that an event announces, and fails with all that was said if that does not come.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]
#![allow(unreachable_pub, reason = "it is a library to those binaries")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed call is a failed test"
)]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::yield_now;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails. Generous: it is a bound for
/// machines under load, not a measure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_standard-supervisor");

/// All programs that the binary is, by the names of links to it.
pub const PROGRAMS: [&str; 6] = [
    "standard-supervisor",
    "supervisord",
    "supervisorctl",
    "echo_supervisord_conf",
    "pidproxy",
    "generate-supervisor-config",
];

/// A folder with all programs: links to the binary under test.
pub fn programs() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    for name in PROGRAMS {
        let link = folder.join(name);
        if std::fs::read_link(&link).is_ok_and(|to| to == Path::new(BINARY)) {
            continue;
        }
        // By a rename: other tests make it at the same time.
        let (process, thread) = (std::process::id(), std::thread::current().id());
        let draft = folder.join(format!(".{name}.{process}.{thread:?}"));
        std::os::unix::fs::symlink(BINARY, &draft).unwrap();
        std::fs::rename(&draft, &link).unwrap();
    }
    folder
}

/// The path of a program that the binary is.
pub fn program(name: &str) -> &'static str {
    programs().join(name).into_os_string().into_string().unwrap().leak()
}

/// The Python environment that the tests' set-up made; `None`: it didn't.
pub fn python() -> Option<String> {
    std::env::var("SUPERVISOR_PYTHON").ok().filter(|path| !path.is_empty())
}

/// A command line of the binary with an environment of its own.
pub fn supervise<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Command {
    let mut command = clean(BINARY, words);
    // Other tests' things aren't ours to remove, and reports stay among the tests' files.
    command
        .env("PROCESS_REMOVE_LEFTOVERS", "false")
        .env("PROCESS_CRASH_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/crashes"));
    command
}

/// The same, for a command that runs once: those variables would have no effect.
pub fn once<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Command {
    let mut command = clean(BINARY, words);
    command.env("PROCESS_AUTO_RECOVERY", "false");
    command
}

/// Any program without the variables that a supervisor around the tests, or the
/// user, may have set.
pub fn clean<S: AsRef<OsStr>>(program: &str, words: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["SUPERVISOR_", "PROCESS_", "STANDARD_", "SAGEMAKER_", "PIP_", "LOG_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
}

/// A started program whose output is read line by line.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// What it prints.
    pub stdout: Lines,
    /// What it complains about; the supervisor's own lines are here.
    pub stderr: Lines,
}

impl Running {
    /// Starts `command` and reads both its streams.
    pub fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = loop {
            match command.spawn() {
                // Another test forked while this test's copy of a program was open for writing, and
                // closes it as soon as its own program starts.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => yield_now(),
                started => break started.unwrap(),
            }
        };
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        kill(self.pid(), name);
    }

    /// Waits for its end and returns its exit code, or 128 + the signal's number.
    pub fn exit_code(&mut self) -> i32 {
        // Its streams end when it does: reading them is waiting.
        self.stdout.rest();
        self.stderr.rest();
        status(wait(&mut self.child))
    }
}

impl Drop for Running {
    /// A failed test leaves nothing behind: what it started dies with it.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a child within the tests' patience.
pub fn wait(child: &mut Child) -> ExitStatus {
    let (done, ended) = channel::<()>();
    let pid = child.id();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(PATIENCE) {
                kill(pid.cast_signed(), "KILL");
            }
        });
        let status = child.wait().unwrap();
        drop(done);
        status
    })
}

/// The code that a shell would report.
pub fn status(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// Sends a signal by name to one process.
pub fn kill(pid: i32, name: &str) {
    let _ =
        Command::new("kill").args(["-s", name, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// A terminal: our side, where a person would sit, and the side for the program.
pub fn terminal() -> (OwnedFd, OwnedFd) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
    let theirs = rustix::fs::open(&*name, flags, rustix::fs::Mode::empty()).unwrap();
    (ours, theirs)
}

/// Waits until a process, anybody's child, has ended.
#[track_caller]
pub fn wait_gone(pid: i32) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let Ok(pidfd) = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()) else { return };
    let mut watched = [PollFd::new(&pidfd, PollFlags::IN)];
    let patience = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
    assert_eq!(poll(&mut watched, Some(&patience)), Ok(1), "process {pid} is still there");
}

/// Whether a process is there and not a zombie.
pub fn is_alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z')
    })
}

/// Lines as they arrive, and a place up to which they have been looked at.
#[derive(Debug)]
pub struct Lines {
    arriving: Receiver<String>,
    seen: Vec<String>,
    place: usize,
}

impl Lines {
    /// Reads `source` to its end in the background.
    pub fn of(source: impl Read + Send + 'static) -> Self {
        let (sender, arriving) = channel();
        std::thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while source.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                if sender.send(text).is_err() {
                    break;
                }
                line.clear();
            }
        });
        Self { arriving, seen: Vec::new(), place: 0 }
    }

    /// Waits for a line that contains `text`, from the present place on, and returns it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        self.wait_within(PATIENCE, text)
    }

    /// The same for a line that may take longer.
    #[track_caller]
    pub fn wait_within(&mut self, limit: Duration, text: &str) -> String {
        let end = Instant::now() + limit;
        loop {
            while let Some(line) = self.seen.get(self.place) {
                self.place += 1;
                if line.contains(text) {
                    return line.clone();
                }
            }
            match self.arriving.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(why) => panic!("no line with {text:?} ({why}); seen: {:#?}", self.seen),
            }
        }
    }

    /// Waits until this many lines, from the first on, contain `text` as whole words:
    /// a line about `app` is none about `application` or `my-app`.
    #[track_caller]
    pub fn wait_for_words(&mut self, text: &str, times: usize) {
        self.place = 0;
        for _ in 0..times {
            while !has_words(&self.wait_for(text), text) {}
        }
    }

    /// Goes back to the first line.
    pub fn rewind(&mut self) -> &mut Self {
        self.place = 0;
        self
    }

    /// Whether a line that has arrived contains `text`.
    pub fn said(&self, text: &str) -> bool {
        self.seen.iter().any(|line| line.contains(text))
    }

    /// How many lines that have arrived contain `text`.
    pub fn count(&self, text: &str) -> usize {
        self.seen.iter().filter(|line| line.contains(text)).count()
    }

    /// The lines that have arrived before the first with `text`.
    pub fn until(&self, text: &str) -> &[String] {
        let end = self.seen.iter().position(|line| line.contains(text));
        &self.seen[..end.unwrap_or(self.seen.len())]
    }

    /// Waits for a line `PREFIX NUMBER` and returns the number.
    #[track_caller]
    pub fn number_after(&mut self, prefix: &str) -> i32 {
        let line = self.wait_for(prefix);
        line.rsplit(prefix).next().unwrap().trim().split(' ').next().unwrap().parse().unwrap()
    }

    /// Waits for the end and returns all lines, those already seen first.
    #[track_caller]
    pub fn rest(&mut self) -> &[String] {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.arriving.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => return &self.seen,
                Err(RecvTimeoutError::Timeout) => panic!("no end in sight; seen: {:#?}", self.seen),
            }
        }
    }
}

/// Whether `line` has `text` somewhere with no letter of a name before or after it.
fn has_words(line: &str, text: &str) -> bool {
    let of_a_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    line.match_indices(text).any(|(at, _)| {
        let before = line[..at].chars().next_back().zip(text.chars().next());
        let after = text.chars().next_back().zip(line[at + text.len()..].chars().next());
        [before, after].into_iter().flatten().all(|(a, b)| !(of_a_name(a) && of_a_name(b)))
    })
}

/// A port that nobody uses at present.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Sends a request without a body to a server on this machine and returns all that
/// it answers.
pub fn http(port: u16, request: &str) -> std::io::Result<String> {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = "HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close";
    stream.write_all(format!("{request} {head}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Says that a test can't run here, or fails where it must: `variable` says so.
#[track_caller]
pub fn skip(why: &str, variable: &str) {
    assert!(std::env::var_os(variable).is_none(), "{why}, and {variable} is set");
    println!("skipped: {why}");
}
