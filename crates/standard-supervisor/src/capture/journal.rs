//! The supervisor's own lines.
//!
//! They go into a pipe of our own and from there to stderr, or stdout, by the same relay
//! as a program's output, so a reader that stalls can't stop the supervisor: once the
//! pipe is full, lines are dropped and counted.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::PipeFlags;
use supervisor_core::input::SpawnErrorKind;
use supervisor_core::level::Level;
use supervisor_core::line::Line;
use supervisor_wire::record::record;

use super::log_file::LogFile;
use super::syslog::Syslog;
use crate::sys::wall;

/// Where lines go, and which.
#[derive(Debug)]
pub(crate) struct Journal {
    style: Style,
    pipes: RefCell<Vec<Pipe>>,
    file: RefCell<Option<LogFile>>,
    syslog: RefCell<Option<Syslog>>,
}

/// Bytes of lines that wait for a reader at most, before they are dropped: room for what
/// programs wrote, where that is repeated here. The kernel gives it to anybody.
const ROOM: usize = 1024 * 1024;

#[derive(Debug)]
struct Pipe {
    end: OwnedFd,
    /// The end of a line of which only the beginning found room.
    rest: Vec<u8>,
    /// Lines that found no room since the last one that did.
    dropped: u64,
}

/// What lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// supervisord's records, from this level on.
    Records(Level),
    /// As a shell complains about a command: only what went wrong, without a time.
    Complaints,
}

impl Journal {
    /// A journal that goes nowhere yet.
    pub(crate) const fn new(style: Style) -> Self {
        Self {
            style,
            pipes: RefCell::new(Vec::new()),
            file: RefCell::new(None),
            syslog: RefCell::new(None),
        }
    }

    /// Opens one more pipe for the lines; what is said comes out at its other end.
    pub(crate) fn open_pipe(&self) -> io::Result<OwnedFd> {
        let (read, end) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        if self.says(Level::Debug) {
            // Otherwise a pipe's usual size will do.
            let _ = rustix::pipe::fcntl_setpipe_size(&end, ROOM);
        }
        self.pipes.borrow_mut().push(Pipe { end, rest: Vec::new(), dropped: 0 });
        Ok(read)
    }

    /// Writes the lines to this file as well.
    pub(crate) fn also_to(&self, file: LogFile) {
        *self.file.borrow_mut() = Some(file);
    }

    /// Sends the lines to the system's log as well.
    pub(crate) fn also_to_syslog(&self, syslog: Syslog) {
        *self.syslog.borrow_mut() = Some(syslog);
    }

    /// Opens the file again: it may have been moved away.
    pub(crate) fn reopen(&self) {
        let reopened = self.file.borrow_mut().as_mut().map(LogFile::reopen);
        if let Some(Err(error)) = reopened {
            self.say(Level::Warn, &format!("cannot open the log file again: {error}"));
        }
    }

    /// Whether lines of this level come out.
    pub(crate) fn says(&self, level: Level) -> bool {
        match self.style {
            Style::Records(least) => level >= least,
            Style::Complaints => level >= Level::Warn,
        }
    }

    /// Says what the core has to say.
    pub(crate) fn line(&self, line: &Line) {
        match (self.style, line) {
            (Style::Complaints, Line::SpawnFailed { message, kind, .. }) => {
                self.say(Level::Error, &format!("{message}{}", in_shell_words(*kind)));
            }
            (Style::Complaints, line) if line.level() < Level::Error => {}
            (Style::Complaints | Style::Records(_), line) => {
                self.say(line.level(), &line.to_string());
            }
        }
    }

    /// Says something of the shell's own.
    pub(crate) fn say(&self, level: Level, message: &str) {
        match self.style {
            Style::Records(least) if level >= least => {
                self.write(&record(wall::local_time(), level.tag(), message));
            }
            Style::Complaints if level >= Level::Warn => {
                self.write(&format!("standard-supervisor: {message}\n"));
            }
            Style::Records(_) | Style::Complaints => {}
        }
    }

    /// Ends the pipes: what is in them is all.
    pub(crate) fn close(&self) {
        self.pipes.borrow_mut().clear();
    }

    fn write(&self, text: &str) {
        if let Some(file) = &mut *self.file.borrow_mut() {
            // A full disk costs the line, not the supervisor; stderr still has it.
            let _ = file.append(text.as_bytes());
        }
        if let Some(syslog) = &*self.syslog.borrow() {
            let _ = syslog.send(text.trim_end_matches('\n').as_bytes());
        }
        for pipe in self.pipes.borrow_mut().iter_mut() {
            pipe.write(text);
        }
    }
}

impl Pipe {
    fn write(&mut self, text: &str) {
        if self.dropped > 0 {
            let message = format!("{} lines are missing here: nobody read them", self.dropped);
            let note = record(wall::local_time(), Level::Warn.tag(), &message);
            if self.put(note.as_bytes()) {
                self.dropped = 0;
            }
        }
        if !self.put(text.as_bytes()) {
            self.dropped += 1;
        }
    }

    /// Whether there was room. A line that was begun is finished first.
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
