//! A log file that is rotated by size, as supervisord does it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use supervisor_core::spec;

/// An open log file.
#[derive(Debug)]
pub(crate) struct LogFile {
    spec: spec::LogFile,
    file: File,
    size: u64,
}

impl LogFile {
    /// Opens it for appending; it is created if need be.
    pub(crate) fn open(spec: spec::LogFile) -> io::Result<Self> {
        let file = append_to(&spec.path)?;
        let metadata = file.metadata()?;
        // A device or a pipe has no size to rotate by.
        let maxbytes = if metadata.is_file() { spec.maxbytes } else { 0 };
        Ok(Self { spec: spec::LogFile { maxbytes, ..spec }, file, size: metadata.len() })
    }

    /// Appends `bytes`, then rotates if the file has reached its size. What is
    /// written at once is never split over two files.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        if self.spec.maxbytes > 0 && self.size >= self.spec.maxbytes {
            self.rotate()?;
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let backup = |number: u32| numbered(&self.spec.path, number);
        for number in (1..self.spec.backups).rev() {
            move_if_there(&backup(number), &backup(number + 1))?;
        }
        if self.spec.backups > 0 {
            move_if_there(&self.spec.path, &backup(1))?;
            self.file = append_to(&self.spec.path)?;
        } else {
            self.file.set_len(0)?;
        }
        self.size = self.file.metadata()?.len();
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_rotated_by_the_write_that_fills_it() {
        let names = after_writing(2, 20);
        // 19-byte lines, 100 bytes a file: six lines each.
        assert_eq!(names, [("log", 2 * 19), ("log.1", 6 * 19), ("log.2", 6 * 19)]);
    }

    #[test]
    fn without_backups_the_file_is_emptied() {
        assert_eq!(after_writing(0, 7), [("log", 19)]);
    }

    fn after_writing(backups: u32, lines: usize) -> Vec<(&'static str, u64)> {
        let folder =
            std::env::temp_dir().join(format!("log-file-{}-{backups}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let spec = spec::LogFile { path: folder.join("log"), maxbytes: 100, backups };
        let mut log = LogFile::open(spec).unwrap();
        for _ in 0..lines {
            log.append(b"eighteen bytes....\n").unwrap();
        }
        let names = ["log", "log.1", "log.2", "log.3"];
        let size = |name| Some((name, fs::metadata(folder.join(name)).ok()?.len()));
        let found = names.into_iter().filter_map(size).collect();
        fs::remove_dir_all(folder).unwrap();
        found
    }
}
