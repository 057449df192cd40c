//! The supervisor's own lines.
//!
//! They go into a pipe of our own and from there to stderr by the same relay as a
//! program's output, so a reader of stderr that stalls can't stop the supervisor:
//! once the pipe is full, lines are dropped and counted.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::PipeFlags;
use supervisor_core::input::SpawnErrorKind;
use supervisor_core::line::{Level, Line};
use supervisor_wire::record::record;

use super::log_file::LogFile;
use crate::sys::wall;

/// Where lines go, and which.
#[derive(Debug)]
pub(crate) struct Journal {
    style: Style,
    pipe: RefCell<Option<OwnedFd>>,
    file: RefCell<Option<LogFile>>,
    dropped: Cell<u64>,
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
    /// A journal and the pipe on which its lines come out.
    pub(crate) fn open(style: Style) -> io::Result<(Self, OwnedFd)> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let pipe = RefCell::new(Some(write));
        Ok((Self { style, pipe, file: RefCell::new(None), dropped: Cell::new(0) }, read))
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

    /// Ends the pipe: what is in it is all.
    pub(crate) fn close(&self) {
        *self.pipe.borrow_mut() = None;
    }

    fn write(&self, text: &str) {
        if let Some(file) = &mut *self.file.borrow_mut() {
            // A full disk costs the line, not the supervisor; stderr still has it.
            let _ = file.append(text.as_bytes());
        }
        let pipe = self.pipe.borrow();
        let Some(pipe) = pipe.as_ref() else { return };
        let lost = self.dropped.get();
        if lost > 0 {
            let message = format!("{lost} lines were dropped here: nobody reads stderr");
            let note = record(wall::local_time(), Level::Warn.tag(), &message);
            if rustix::io::write(pipe, note.as_bytes()).is_ok() {
                self.dropped.set(0);
            }
        }
        if rustix::io::write(pipe, text.as_bytes()).is_err() {
            self.dropped.set(self.dropped.get() + 1);
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
