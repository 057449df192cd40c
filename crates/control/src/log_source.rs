//! The source of a log: a file, or memory if no file contains it.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use supervisor_sys::io::log_piece::{self, Piece};
use supervisor_sys::io::recent::Recent;

/// A log that can be read.
#[derive(Clone, Debug)]
pub(crate) enum LogSource {
    /// A file, which may not exist.
    File(PathBuf),
    /// The latest output, in memory.
    Recent(Rc<Recent>),
}

impl LogSource {
    /// Its last bytes, at most `length`.
    pub(crate) fn last(&self, length: u64) -> io::Result<Piece> {
        match self {
            Self::File(path) => log_piece::last(path, length),
            Self::Recent(recent) => {
                let end = recent.kept().end;
                Ok(recent.piece(&(end.saturating_sub(length)..end)))
            }
        }
    }

    /// Bytes from `start` on, at most `length`.
    pub(crate) fn from(&self, start: u64, length: u64) -> io::Result<Piece> {
        match self {
            Self::File(path) => log_piece::from(path, start, length),
            Self::Recent(recent) => {
                let start = start.max(recent.kept().start);
                Ok(recent.piece(&(start..start.saturating_add(length))))
            }
        }
    }

    /// Its name in a message.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Recent(_) => "the output in memory".to_owned(),
        }
    }
}
