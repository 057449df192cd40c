//! Reads pieces of log files.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::guarded;

/// Bytes of a log, and their position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The position of the first byte in the log.
    pub start: u64,
    /// The bytes read.
    pub bytes: Vec<u8>,
    /// The log's size.
    pub size: u64,
}

impl Piece {
    /// The position after the last byte.
    pub const fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// The last bytes of a log, at most `length`.
pub fn last(path: &Path, length: u64) -> io::Result<Piece> {
    let (file, size) = open(path)?;
    let start = size.saturating_sub(length);
    Ok(Piece { start, bytes: read(&file, &(start..size))?, size })
}

/// Bytes of a log from `start` on, at most `length`. Beyond its end there are none.
pub fn from(path: &Path, start: u64, length: u64) -> io::Result<Piece> {
    let (file, size) = open(path)?;
    let start = start.min(size);
    let end = start + length.min(size - start);
    Ok(Piece { start, bytes: read(&file, &(start..end))?, size })
}

/// Opens a log and returns its size. Only regular files are opened, because reading anything else
/// may block.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = guarded::open(path, flags, Mode::empty())?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    Ok((file, metadata.len()))
}

/// Reads these bytes of a file, as far as they still exist.
pub fn read(file: &File, wanted: &Range<u64>) -> io::Result<Vec<u8>> {
    let length = usize::try_from(wanted.end - wanted.start).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    let mut read = 0;
    while read < length {
        match file.read_at(&mut bytes[read..], wanted.start + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}
