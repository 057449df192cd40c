//! The supervisor's own lines.
//!
//! They go into a pipe of our own and from there to stderr by the same relay as a
//! program's output, so a reader of stderr that stalls can't stop the supervisor:
//! once the pipe is full, lines are dropped and counted.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::PipeFlags;
use supervisor_core::input::SpawnErrorKind;
use supervisor_core::level::Level;
use supervisor_core::line::Line;
use supervisor_wire::record::record;

use super::log_file::LogFile;
use crate::sys::wall;

/// Where lines go, and which.
#[derive(Debug)]
pub(crate) struct Journal {
    style: Style,
    pipes: RefCell<Vec<Pipe>>,
    file: RefCell<Option<LogFile>>,
}

#[derive(Debug)]
struct Pipe {
    end: OwnedFd,
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
        Self { style, pipes: RefCell::new(Vec::new()), file: RefCell::new(None) }
    }

    /// Opens one more pipe for the lines; what is said comes out at its other end.
    pub(crate) fn open_pipe(&self) -> io::Result<OwnedFd> {
        let (read, end) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        self.pipes.borrow_mut().push(Pipe { end, dropped: 0 });
        Ok(read)
    }

    /// Writes the lines to this file as well.
    pub(crate) fn also_to(&self, file: LogFile) {
        *self.file.borrow_mut() = Some(file);
    }

    /// Says what the core has to say.
    pub(crate) fn line(&self, line: &Line) {
        match (self.style, line) {
            (Style::Complaints, Line::SpawnFailed { message, kind }) => {
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
            if rustix::io::write(&self.end, note.as_bytes()).is_ok() {
                self.dropped = 0;
            }
        }
        if rustix::io::write(&self.end, text.as_bytes()).is_err() {
            self.dropped += 1;
        }
    }
}

const fn in_shell_words(kind: SpawnErrorKind) -> &'static str {
    match kind {
        SpawnErrorKind::NotFound => ": No such file or directory",
        SpawnErrorKind::NotExecutable => ": Permission denied",
        SpawnErrorKind::Transient => "",
    }
}
