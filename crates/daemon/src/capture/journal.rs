//! The supervisor's own log.
//!
//! Lines go through a pipe and a relay to stderr or stdout, like a program's output. A stalled
//! reader therefore cannot block the supervisor: when the pipe is full, lines are dropped and
//! counted.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::PipeFlags;
use supervisor_config::LogFormat;
use supervisor_core::input::SpawnErrorKind;
use supervisor_core::level::Level;
use supervisor_core::line::{Facts, Line};
use supervisor_sys::clock;
use supervisor_sys::wall;
use supervisor_wire::date::record;

use super::json_record;
use super::log_file::LogFile;
use super::syslog::Syslog;

/// The supervisor's log: its outputs, its format and its level.
#[derive(Debug)]
pub struct Journal {
    style: Style,
    format: LogFormat,
    pipes: RefCell<Vec<Pipe>>,
    file: RefCell<Option<LogFile>>,
    syslog: RefCell<Option<Syslog>>,
    /// Lines that were lost because no reader took them or a file could not be written.
    lost: Cell<u64>,
}

/// The maximum number of bytes that wait for a reader before lines are dropped. It is large enough
/// for repeated program output. Every user may have pipes of this size.
const ROOM: usize = 1024 * 1024;

#[derive(Debug)]
struct Pipe {
    end: OwnedFd,
    /// The rest of a line whose beginning was written.
    rest: Vec<u8>,
    /// Lines that were dropped since the last line that fit.
    dropped: u64,
}

/// The form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// supervisord's records, from this level on.
    Records(Level),
    /// Messages as a shell prints them: only errors, without a time.
    Complaints,
}

impl Journal {
    /// A log without outputs.
    pub const fn new(style: Style, format: LogFormat) -> Self {
        Self {
            style,
            format,
            pipes: RefCell::new(Vec::new()),
            file: RefCell::new(None),
            syslog: RefCell::new(None),
            lost: Cell::new(0),
        }
    }

    /// Opens another pipe for the lines. Returns the reading end.
    pub fn open_pipe(&self) -> io::Result<OwnedFd> {
        let (read, end) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        if self.says(Level::Debug) {
            // Otherwise a pipe's usual size will do.
            let _ = rustix::pipe::fcntl_setpipe_size(&end, ROOM);
        }
        self.pipes.borrow_mut().push(Pipe { end, rest: Vec::new(), dropped: 0 });
        Ok(read)
    }

    /// Also writes the lines to this file.
    pub fn also_to(&self, file: LogFile) {
        *self.file.borrow_mut() = Some(file);
    }

    /// Also sends the lines to the system's log.
    pub fn also_to_syslog(&self, syslog: Syslog) {
        *self.syslog.borrow_mut() = Some(syslog);
    }

    /// Opens the file again, because it may have been moved.
    pub(crate) fn reopen(&self) {
        let reopened = self.file.borrow_mut().as_mut().map(LogFile::reopen);
        if let Some(Err(error)) = reopened {
            self.say(Level::Warn, &format!("cannot open the log file again: {error}"));
        }
    }

    /// Whether lines of this level are logged.
    pub fn says(&self, level: Level) -> bool {
        match self.style {
            Style::Records(least) => level >= least,
            Style::Complaints => level >= Level::Warn,
        }
    }

    /// Logs a line of the core.
    pub(crate) fn line(&self, line: &Line) {
        match (self.style, line) {
            (Style::Complaints, Line::SpawnFailed { message, kind, .. }) => {
                let message = format!("{message}{}", in_shell_words(*kind));
                self.tell(Level::Error, &message, || Some(line.facts()));
            }
            (Style::Complaints, line) if line.level() < Level::Error => {}
            (Style::Complaints | Style::Records(_), line) => {
                let level = line.level();
                if self.says(level) {
                    self.tell(level, &line.to_string(), || Some(line.facts()));
                }
            }
        }
    }

    /// Logs a message of the daemon.
    pub fn say(&self, level: Level, message: &str) {
        self.tell(level, message, || None);
    }

    /// Logs a message of the daemon with `facts` for JSON logs.
    pub(crate) fn say_as(&self, level: Level, message: &str, facts: Facts) {
        self.tell(level, message, || Some(facts));
    }

    /// Writes lines of programs unchanged.
    pub(crate) fn repeat(&self, lines: &[u8]) {
        self.write(lines);
    }

    /// The number of lines lost so far.
    pub const fn lost(&self) -> u64 {
        self.lost.get()
    }

    /// Closes the pipes. Relays still read the rest.
    pub(crate) fn close(&self) {
        for mut pipe in self.pipes.take() {
            // Nothing more, but the end of a line that was begun.
            pipe.put(b"");
        }
    }

    fn tell(&self, level: Level, message: &str, facts: impl FnOnce() -> Option<Facts>) {
        if self.says(level) {
            self.write(self.record(level, message, facts).as_bytes());
        }
    }

    fn record(&self, level: Level, message: &str, facts: impl FnOnce() -> Option<Facts>) -> String {
        match (self.format, self.style) {
            (LogFormat::Json, Style::Records(_) | Style::Complaints) => {
                json_record::record(clock::wall().since_epoch(), level, facts(), message)
            }
            (LogFormat::Text, Style::Records(_)) => {
                record(wall::local_time(), level.tag(), message)
            }
            (LogFormat::Text, Style::Complaints) => format!("standard-supervisor: {message}\n"),
        }
    }

    fn write(&self, text: &[u8]) {
        if let Some(file) = &mut *self.file.borrow_mut() {
            // A full disk costs the line, not the supervisor; stderr still has it.
            if !file.append(text).is_ok_and(|taken| taken == text.len()) {
                self.lose_one();
            }
        }
        if let Some(syslog) = &*self.syslog.borrow() {
            let _ = syslog.send(text.trim_ascii_end());
        }
        for pipe in self.pipes.borrow_mut().iter_mut() {
            let missing = |lines: u64| {
                let unit = if lines == 1 { "line" } else { "lines" };
                let message = format!("dropped {lines} log {unit}: this log was not being read");
                self.record(Level::Warn, &message, || None)
            };
            if !pipe.write(text, missing) {
                self.lose_one();
            }
        }
    }

    fn lose_one(&self) {
        self.lost.set(self.lost.get() + 1);
    }
}

impl Pipe {
    /// Writes a line; returns whether it fit. `missing` formats a line with the number of lines
    /// that were dropped before.
    fn write(&mut self, text: &[u8], missing: impl FnOnce(u64) -> String) -> bool {
        if self.dropped > 0 && self.put(missing(self.dropped).as_bytes()) {
            self.dropped = 0;
        }
        let room = self.put(text);
        self.dropped += u64::from(!room);
        room
    }

    /// Writes bytes; returns whether they fit. An incomplete line is completed first.
    fn put(&mut self, bytes: &[u8]) -> bool {
        while !self.rest.is_empty() {
            match rustix::io::write(&self.end, &self.rest) {
                Ok(written) => drop(self.rest.drain(..written)),
                Err(_) => return false,
            }
        }
        match rustix::io::write(&self.end, bytes) {
            Ok(written) => self.rest.extend_from_slice(&bytes[written..]),
            Err(_) => return false,
        }
        true
    }
}

const fn in_shell_words(kind: SpawnErrorKind) -> &'static str {
    match kind {
        SpawnErrorKind::NotFound => ": No such file or directory",
        SpawnErrorKind::NotExecutable => ": Permission denied",
        SpawnErrorKind::Transient => "",
    }
}
