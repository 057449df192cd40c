//! Pieces of log files.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes of a file, and where they begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
    /// The file's size.
    pub(crate) size: u64,
}

/// Why there is none.
#[derive(Debug)]
pub(crate) enum CannotRead {
    /// There is no such file.
    Missing,
    /// It is no file that can be read.
    Failed(io::Error),
}

impl Piece {
    /// Where the bytes end.
    pub(crate) const fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// The last bytes of a file, at most `length`.
pub(crate) fn last(path: &Path, length: u64) -> Result<Piece, CannotRead> {
    read(path, |size| (size.saturating_sub(length), length))
}

/// Bytes of a file from `start` on, at most `length`. Beyond its end there are none.
pub(crate) fn from(path: &Path, start: u64, length: u64) -> Result<Piece, CannotRead> {
    read(path, |size| (start.min(size), length))
}

fn read(path: &Path, range: impl FnOnce(u64) -> (u64, u64)) -> Result<Piece, CannotRead> {
    let failed = |error: io::Error| {
        let missing = error.kind() == io::ErrorKind::NotFound;
        if missing { CannotRead::Missing } else { CannotRead::Failed(error) }
    };
    // A device or a pipe could keep us waiting.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(CannotRead::Failed(io::Error::other("it is no regular file")));
    }
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let (start, length) = range(size);
    let length = usize::try_from(length.min(size - start)).unwrap_or(0);
    let mut bytes = vec![0; length];
    let mut filled = 0;
    // It may have become shorter meanwhile.
    while filled < length {
        match file.read_at(&mut bytes[filled..], start + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    bytes.truncate(filled);
    Ok(Piece { start, bytes, size })
}
