//! A log file as it grows, is emptied, or gives way to a new one.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// A log that is followed.
#[derive(Debug)]
pub(crate) struct Follow {
    path: PathBuf,
    open: Option<File>,
    offset: u64,
}

/// What has come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Grown {
    /// These bytes were added.
    Bytes(Vec<u8>),
    /// It was emptied, or another file took its place: what comes now is its beginning.
    Anew,
}

impl Follow {
    /// Follows what stands at `path` now, from `offset` on.
    pub(crate) fn new(path: PathBuf, offset: u64) -> Self {
        let open = File::open(&path).ok();
        // What isn't there yet begins at its beginning.
        let offset = if open.is_some() { offset } else { 0 };
        Self { path, open, offset }
    }

    /// Where the next bytes begin.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next thing that has happened; `None`: nothing. Of a file that another has
    /// replaced, the rest comes first.
    pub(crate) fn next(&mut self) -> Option<Grown> {
        let Some(open) = &self.open else {
            self.open = Some(File::open(&self.path).ok()?);
            return self.next();
        };
        let metadata = open.metadata().ok()?;
        if metadata.len() < self.offset {
            self.offset = 0;
            return Some(Grown::Anew);
        }
        let mut bytes = vec![0; PIECE];
        let count = open.read_at(&mut bytes, self.offset).unwrap_or(0);
        if count > 0 {
            self.offset += count as u64;
            bytes.truncate(count);
            return Some(Grown::Bytes(bytes));
        }
        // A log that was only removed may still be written to.
        let other = std::fs::metadata(&self.path).is_ok_and(|there| !is_same(&there, &metadata));
        if !other {
            return None;
        }
        self.open = Some(File::open(&self.path).ok()?);
        self.offset = 0;
        Some(Grown::Anew)
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn bytes(text: &str) -> Option<Grown> {
        Some(Grown::Bytes(text.as_bytes().to_vec()))
    }

    #[test]
    fn a_log_is_followed_through_all_that_happens_to_it() {
        let folder = std::env::temp_dir().join(format!("follow-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        let mut follow = Follow::new(path.clone(), 7);
        assert_eq!(follow.next(), None, "it isn't there yet");
        fs::write(&path, "one\n").unwrap();
        assert_eq!(follow.next(), bytes("one\n"));
        assert_eq!(follow.next(), None);
        let mut log = File::options().append(true).open(&path).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!((follow.next(), follow.offset()), (bytes("two\n"), 8));
        // Rotated, with a last line in the old file.
        log.write_all(b"last\n").unwrap();
        fs::rename(&path, folder.join("log.1")).unwrap();
        fs::write(&path, "new\n").unwrap();
        assert_eq!(follow.next(), bytes("last\n"));
        assert_eq!(follow.next(), Some(Grown::Anew));
        assert_eq!(follow.next(), bytes("new\n"));
        // Emptied.
        fs::write(&path, "x").unwrap();
        assert_eq!(follow.next(), Some(Grown::Anew));
        assert_eq!(follow.next(), bytes("x"));
        // Removed.
        fs::remove_file(&path).unwrap();
        assert_eq!(follow.next(), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
