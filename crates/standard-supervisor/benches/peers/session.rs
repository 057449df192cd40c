//! One start of one tool, from its exec to the end of the last process it leaves.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, pidfd_send_signal, waitpid,
};

use crate::clock::{Deadline, Moment};
use crate::places::Places;
use crate::processes;
use crate::tools::Tool;

/// Longer than any tool takes for anything. Whoever takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same for stopping a thousand programs.
const PATIENCE_WITH_MANY: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub(crate) struct Session {
    /// Where the tool works.
    pub(crate) directory: PathBuf,
    tool: Pid,
    /// Readable once the tool has ended.
    ended: OwnedFd,
    reports: File,
    unread: String,
    go: File,
    stdout: PipeReader,
    stderr: PipeReader,
}

/// One line of the probe: what happened, to whom, when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) pid: i32,
    pub(crate) at: Moment,
}

/// What the tool has to run: see `probe.c`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Stay,
    Crash {
        after: Duration,
    },
    Flood {
        bytes: u64,
        at_once: u32,
    },
    /// Lines that come now and then, and, if asked for, a second program that floods.
    Lone {
        lines: u32,
        beside_flood: bool,
    },
    /// Many that stay.
    Farm {
        copies: u32,
    },
}

/// More than any session takes.
const ENDLESS: u64 = 1 << 50;

impl Role {
    fn words(self) -> (&'static str, Vec<OsString>) {
        match self {
            Self::Stay | Self::Farm { .. } => ("stay", vec![]),
            Self::Crash { after } => ("crash", vec![after.as_millis().to_string().into()]),
            Self::Flood { bytes, at_once } => {
                ("flood", vec![bytes.to_string().into(), at_once.to_string().into()])
            }
            Self::Lone { lines, .. } => ("lone", vec![lines.to_string().into()]),
        }
    }

    /// The role of a second program.
    const fn beside(self) -> Option<Self> {
        match self {
            Self::Lone { beside_flood: true, .. } => {
                Some(Self::Flood { bytes: ENDLESS, at_once: 100 })
            }
            Self::Stay
            | Self::Crash { .. }
            | Self::Flood { .. }
            | Self::Lone { .. }
            | Self::Farm { .. } => None,
        }
    }

    const fn copies(self) -> u32 {
        match self {
            Self::Stay | Self::Crash { .. } | Self::Flood { .. } | Self::Lone { .. } => 1,
            Self::Farm { copies } => copies,
        }
    }
}

impl Session {
    /// The launcher's stamp, taken right before the tool's exec, is the first report.
    pub(crate) fn start(tool: &Tool, places: &Places, role: Role) -> io::Result<Self> {
        let directory = places.session_directory()?;
        let reports = make_fifo(&directory.join("report"))?;
        let go = make_fifo(&directory.join("go"))?;

        let program = |role: Role| {
            let (name, arguments) = role.words();
            let head = [places.probe.clone().into(), name.into(), directory.clone().into()];
            head.into_iter().chain(arguments).collect::<Vec<OsString>>()
        };
        let beside = role.beside().map(program);
        let copies = role.copies();
        let program = program(role);
        let invocation =
            tool.invocation(places, &directory, &program, beside.as_deref(), copies)?;
        let argv = if invocation.argv.is_empty() { program } else { invocation.argv };

        let (stdout, into_stdout) = io::pipe()?;
        let (stderr, into_stderr) = io::pipe()?;
        let launcher = Command::new(&places.probe)
            .arg("launch")
            .arg(&directory)
            .args(argv)
            .current_dir(&directory)
            // As in a container: no more than what is needed, and the same for all.
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TMPDIR", &directory)
            .envs(invocation.environment)
            .stdin(Stdio::null())
            .stdout(into_stdout)
            .stderr(into_stderr)
            .spawn()?;
        let tool = Pid::from_child(&launcher);
        let ended = pidfd_open(tool, PidfdFlags::empty())?;
        Ok(Self { directory, tool, ended, reports, unread: String::new(), go, stdout, stderr })
    }

    /// The next report, which must be of this kind.
    pub(crate) fn expect(&mut self, word: &str) -> io::Result<Report> {
        let line = loop {
            if let Some((line, rest)) = self.unread.split_once('\n') {
                let line = line.to_owned();
                self.unread = rest.to_owned();
                break line;
            }
            self.read_reports(word)?;
        };
        let mut fields = line.split(' ');
        let mut next = || fields.next().unwrap_or_default();
        let (kind, pid, at) = (next(), next().parse(), next().parse());
        match (pid, at) {
            (Ok(pid), Ok(at)) if kind == word => {
                Ok(Report { pid, at: Moment::from_nanoseconds(at) })
            }
            _ => Err(io::Error::other(format!("waited for '{word}', got '{line}'"))),
        }
    }

    fn read_reports(&mut self, word: &str) -> io::Result<()> {
        let [report, ended] =
            Deadline::within(PATIENCE).wait([self.reports.as_fd(), self.ended.as_fd()])?;
        if report {
            let mut bytes = [0; 4096];
            let count = self.reports.read(&mut bytes)?;
            self.unread.push_str(&String::from_utf8_lossy(&bytes[..count]));
            return Ok(());
        }
        let what = if ended { "ended" } else { "did nothing for 30 s" };
        Err(io::Error::other(format!("{what} before '{word}': {}", self.last_words())))
    }

    /// Lets this much time pass, in which the tool must not end.
    pub(crate) fn stay(&mut self, time: Duration) -> io::Result<()> {
        match Deadline::within(time).wait([self.ended.as_fd()])? {
            [false] => Ok(()),
            [true] => Err(io::Error::other(format!("ended while idle: {}", self.last_words()))),
        }
    }

    /// The tool's processes without the programs it runs.
    pub(crate) fn own_processes(&self, programs: &BTreeSet<i32>) -> io::Result<BTreeSet<i32>> {
        Ok(processes::family(self.tool)?.difference(programs).copied().collect())
    }

    /// Asks the tool to end; how long that takes.
    pub(crate) fn stop(&mut self) -> io::Result<Duration> {
        let asked = Moment::now();
        pidfd_send_signal(&self.ended, Signal::TERM)?;
        match Deadline::within(PATIENCE_WITH_MANY).wait([self.ended.as_fd()])? {
            [true] => Ok(Moment::now().since(asked)),
            [false] => Err(io::Error::other("did not end within two minutes of SIGTERM")),
        }
    }

    /// Lets a program that writes begin. What the tool has printed until then is not part of the
    /// flood.
    pub(crate) fn go(&mut self, programs: usize) -> io::Result<()> {
        pending(&mut self.stdout);
        self.go.write_all(&vec![b'!'; programs])
    }

    /// Reads that many bytes of the tool's stdout, as `cat` would.
    pub(crate) fn read_stdout(&mut self, bytes: u64) -> io::Result<()> {
        self.read(bytes, |piece| piece.len() as u64)
    }

    /// Reads that many lines of the tool's stdout.
    pub(crate) fn read_lines(&mut self, lines: u64) -> io::Result<()> {
        self.read(lines, |piece| piece.iter().filter(|byte| **byte == b'\n').count() as u64)
    }

    /// Reads that many lines of a program that writes them now and then; how long each took.
    pub(crate) fn read_lone_lines(&mut self, lines: u32) -> io::Result<Vec<Duration>> {
        let mut took = Vec::new();
        // A line that has not come completely.
        let mut open = Vec::new();
        self.read(lines.into(), |piece| {
            let now = Moment::now();
            let before = took.len();
            let whole = [&std::mem::take(&mut open), piece].concat();
            let mut rest = &whole[..];
            // A slice can always be read.
            while rest.skip_until(b'@').is_ok() && !rest.is_empty() {
                let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
                let written = std::str::from_utf8(&rest[..end]).ok().and_then(|at| at.parse().ok());
                took.extend(written.map(|at| now.since(Moment::from_nanoseconds(at))));
                rest = &rest[end..];
            }
            if !rest.is_empty() {
                open = [b"@", rest].concat();
            }
            (took.len() - before) as u64
        })?;
        Ok(took)
    }

    /// Reads until so many of what `count` counts have come.
    fn read(&mut self, all: u64, mut count: impl FnMut(&[u8]) -> u64) -> io::Result<()> {
        let mut buffer = vec![0; 128 * 1024];
        let mut left = all;
        while left > 0 {
            if Deadline::within(PATIENCE).wait([self.stdout.as_fd()])? == [false] {
                return Err(io::Error::other(format!("nothing for 30 s with {left} to come")));
            }
            match self.stdout.read(&mut buffer)? {
                0 => return Err(io::Error::other(format!("ended with {left} to come"))),
                bytes => left = left.saturating_sub(count(&buffer[..bytes])),
            }
        }
        Ok(())
    }

    /// The last line it printed, for a failure's message.
    fn last_words(&mut self) -> String {
        let said = [pending(&mut self.stdout), pending(&mut self.stderr)].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        said.lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("it said nothing")
            .to_owned()
    }

    /// Ends the tool, then all that it leaves. Those are the bench's children as well, since it is
    /// a subreaper: it signals no others, and none of their pids can be reused before it has waited
    /// for them.
    fn end(&self) -> io::Result<()> {
        pidfd_send_signal(&self.ended, Signal::TERM)?;
        if Deadline::within(PATIENCE).wait([self.ended.as_fd()])? == [false] {
            pidfd_send_signal(&self.ended, Signal::KILL)?;
        }
        waitpid(Some(self.tool), WaitOptions::empty())?;
        loop {
            let left = processes::children()?;
            if left.is_empty() {
                return Ok(());
            }
            for child in left {
                kill_process(child, Signal::KILL)?;
                waitpid(Some(child), WaitOptions::empty())?;
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("peers: cannot end all that was started: {error}");
        }
    }
}

/// Open for both directions: opening it never waits for the other side, and its end is never seen.
fn make_fifo(path: &Path) -> io::Result<File> {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?;
    OpenOptions::new().read(true).write(true).open(path)
}

/// What can be read without waiting, up to what a pipe holds.
fn pending(pipe: &mut PipeReader) -> Vec<u8> {
    let mut bytes = vec![0; 64 * 1024];
    let ready = Deadline::within(Duration::ZERO).wait([pipe.as_fd()]).is_ok_and(|[ready]| ready);
    let count = if ready { pipe.read(&mut bytes).unwrap_or(0) } else { 0 };
    bytes.truncate(count);
    bytes
}
