//! A log as it grows: `tail -f` of a file that may be truncated, moved away or recreated.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_sys::either::either;
use supervisor_sys::io::log_piece;
use supervisor_sys::io::recent::Recent;
use supervisor_wire::supervisord::tail;
use tokio::sync::Notify;

use super::Feed;
use super::changes::{Changes, Watch};
use super::serve::ServerState;
use crate::log_source::LogSource;

/// Maximum size of a piece that is sent, in bytes.
const PIECE: usize = 64 * 1024;

/// A log, read from a position on.
#[derive(Debug)]
pub(crate) enum Followed {
    /// A file.
    File(FollowedFile),
    /// Output kept in memory.
    Recent(FollowedRecent),
}

/// A log file, read from a position on.
#[derive(Debug)]
pub(crate) struct FollowedFile {
    path: PathBuf,
    file: File,
    /// Position up to which the log was read.
    offset: u64,
    text: tail::Follower,
    changed: Rc<Notify>,
    changes: Rc<Changes>,
    /// The watch on the file; `None` if the kernel rejected a watch on a later file.
    of_file: Option<Watch>,
    _of_folder: Watch,
}

/// A change of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Grown {
    /// Added text. It is empty while the last character is incomplete.
    Text(String),
    /// The file was truncated: the following text is read from its start.
    Truncated,
    /// Another file has replaced the log: the following text is read from the start of that file.
    Replaced,
}

/// Output in memory, read from a position on.
#[derive(Debug)]
pub(crate) struct FollowedRecent {
    recent: Rc<Recent>,
    /// Position up to which the output was read.
    offset: u64,
    text: tail::Follower,
}

impl Followed {
    /// Starts at a position in a log, or near its end.
    ///
    /// # Errors
    ///
    /// An error of kind `NotFound` if the log does not exist.
    pub(crate) fn begin(
        source: LogSource,
        server: &ServerState,
        from: Option<u64>,
    ) -> io::Result<Self> {
        match source {
            LogSource::File(path) => {
                FollowedFile::begin(path, &server.changes()?, from).map(Self::File)
            }
            LogSource::Recent(recent) => Ok(Self::Recent(FollowedRecent::begin(recent, from))),
        }
    }

    /// The modification time of the log in seconds since 1970, if the log is a file.
    pub(crate) fn modified(&self) -> Option<u64> {
        match self {
            Self::File(file) => file.modified(),
            Self::Recent(_) => None,
        }
    }

    /// Sends the present text and each later change, until the client disconnects. `told`
    /// formats a change, given the log position at its end; an empty string is not sent.
    pub(crate) async fn send_to(mut self, feed: Feed, told: impl Fn(Grown, u64) -> String) {
        loop {
            while let Some((grown, end)) = self.next() {
                let piece = told(grown, end);
                if !piece.is_empty() && !feed.send(piece).await {
                    return;
                }
            }
            if either(self.changed(), feed.gone()).await.is_none() {
                return;
            }
        }
    }

    /// The next change, and the log position at its end; `None`: no change yet.
    fn next(&mut self) -> Option<(Grown, u64)> {
        match self {
            Self::File(file) => file.next().map(|grown| (grown, file.offset)),
            Self::Recent(recent) => recent.next().map(|grown| (grown, recent.offset)),
        }
    }

    async fn changed(&self) {
        match self {
            Self::File(file) => file.changed.notified().await,
            Self::Recent(recent) => recent.recent.changed().await,
        }
    }
}

impl FollowedRecent {
    fn begin(recent: Rc<Recent>, from: Option<u64>) -> Self {
        let kept = recent.kept();
        let offset = from.unwrap_or_else(|| tail::followed_from(kept.end));
        // A position after the end comes from a previous supervisor.
        let offset = if offset > kept.end { kept.start } else { offset };
        // The kept bytes may start within a character, unless they start at the first byte.
        Self { recent, offset, text: tail::Follower::new(offset) }
    }

    fn next(&mut self) -> Option<Grown> {
        let piece = self.recent.piece(&(self.offset..self.offset.saturating_add(PIECE as u64)));
        self.offset = piece.end();
        (!piece.bytes.is_empty()).then(|| Grown::Text(self.text.feed(&piece.bytes)))
    }
}

impl FollowedFile {
    /// Starts at a position in a log, or near its end.
    ///
    /// # Errors
    ///
    /// An error of kind `NotFound` if the log does not exist.
    fn begin(path: PathBuf, changes: &Rc<Changes>, from: Option<u64>) -> io::Result<Self> {
        let changed = Rc::new(Notify::new());
        // The watch starts before the first read, so that no change in between is missed.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let of_folder = changes.of_folder(folder.unwrap_or_else(|| Path::new(".")), &changed)?;
        let of_file = changes.of_file(&path, &changed)?;
        let (file, size) = log_piece::open(&path)?;
        let offset = from.unwrap_or_else(|| tail::followed_from(size));
        Ok(Self {
            path,
            file,
            offset,
            text: tail::Follower::new(offset),
            changed,
            changes: Rc::clone(changes),
            of_file: Some(of_file),
            _of_folder: of_folder,
        })
    }

    /// The modification time of the file in seconds since 1970.
    fn modified(&self) -> Option<u64> {
        u64::try_from(self.file.metadata().ok()?.mtime()).ok()
    }

    /// The next change; `None`: no change yet.
    fn next(&mut self) -> Option<Grown> {
        let mut piece = vec![0; PIECE];
        let read = self.file.read_at(&mut piece, self.offset).unwrap_or(0);
        if read > 0 {
            self.offset += read as u64;
            return Some(Grown::Text(self.text.feed(&piece[..read])));
        }
        if self.file.metadata().is_ok_and(|metadata| metadata.len() < self.offset) {
            self.begin_again();
            return Some(Grown::Truncated);
        }
        self.has_moved().then_some(Grown::Replaced)
    }

    /// Whether another file has replaced this log, which was read to its end. If so, the new file
    /// is read from now on. If not, the log may still grow.
    fn has_moved(&mut self) -> bool {
        let here = self.file.metadata().map(|here| (here.dev(), here.ino()));
        let there = std::fs::metadata(&self.path).map(|there| (there.dev(), there.ino()));
        match (here, there) {
            (Ok(here), Ok(there)) if here == there => return false,
            (_, Err(_)) => return false,
            (Ok(_) | Err(_), Ok(_)) => {}
        }
        let of_file = self.changes.of_file(&self.path, &self.changed).ok();
        let Ok((file, _)) = log_piece::open(&self.path) else { return false };
        (self.file, self.of_file) = (file, of_file);
        self.begin_again();
        true
    }

    fn begin_again(&mut self) {
        self.offset = 0;
        self.text = tail::Follower::new(0);
    }
}
