//! A log file that is rotated by size, as in supervisord.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{Mode, OFlags};
use supervisor_core::spec;
use supervisor_sys::io::guarded::{self, Place};

/// A log file. While it cannot be opened, writes to it are lost; every write tries again.
#[derive(Debug)]
pub struct LogFile {
    spec: Rc<spec::LogFile>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    size: u64,
    /// Whether it is a regular file. Devices and pipes are not rotated.
    regular: bool,
}

impl LogFile {
    /// A log file that is opened at the first write.
    pub const fn new(spec: Rc<spec::LogFile>) -> Self {
        Self { spec, open: None }
    }

    /// Opens or reopens the file at its path for appending, and creates it if necessary.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.open = None;
        self.open = Some(Open::append_to(&self.spec.path)?);
        Ok(())
    }

    /// Appends `bytes`, then rotates the file if it has reached its maximum size. One write is
    /// never split across two files. Returns the number of bytes written: fewer than all only for a
    /// pipe or a full disk.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open.is_none() {
            self.reopen()?;
        }
        let Some(open) = &mut self.open else { return Ok(bytes.len()) };
        if !open.regular {
            return open.file.write(bytes);
        }
        let mut taken = 0;
        while taken < bytes.len() {
            match open.file.write(&bytes[taken..]) {
                Ok(more) => taken += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The error is returned when the caller writes the rest.
                Err(_) if taken > 0 => break,
                Err(error) => return Err(error),
            }
        }
        open.size += taken as u64;
        if self.spec.maxbytes > 0 && open.size >= self.spec.maxbytes {
            // It goes on in the file as it is; nothing is lost by that.
            let _ = self.rotate();
        }
        Ok(taken)
    }

    /// A copy of the descriptor, if it can be full.
    pub(crate) fn descriptor(&self) -> Option<OwnedFd> {
        let open = self.open.as_ref().filter(|open| !open.regular)?;
        open.file.try_clone().ok().map(OwnedFd::from)
    }

    fn rotate(&mut self) -> io::Result<()> {
        // The file was moved and no new one could be created. Each write would then move the
        // backups, and in the end remove them.
        if !self.spec.path.try_exists().unwrap_or(true) {
            self.open = Some(Open::append_to(&self.spec.path)?);
            return Ok(());
        }
        if self.spec.backups > 0 {
            let log = Place::of(&self.spec.path)?;
            let backup = |number: u32| log.with_ending(&format!(".{number}"));
            // A mounted file cannot be moved, and then the backups must not be lost.
            let aside = log.with_ending(".rotating")?;
            log.rename(&aside)?;
            for number in (1..self.spec.backups).rev() {
                move_if_there(&backup(number)?, &backup(number + 1)?)?;
            }
            move_if_there(&aside, &backup(1)?)?;
        } else {
            guarded::open(&self.spec.path, OFlags::WRONLY | OFlags::TRUNC, Mode::empty())?;
        }
        let next = Open::append_to(&self.spec.path)?;
        self.open = Some(next);
        Ok(())
    }
}

impl Open {
    fn append_to(path: &Path) -> io::Result<Self> {
        // A pipe without a reader, or one that is full, must not stop the supervisor.
        let pipes = OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | pipes;
        let file = guarded::open(path, flags, Mode::from_raw_mode(0o666))?;
        let metadata = file.metadata()?;
        Ok(Self { file, size: metadata.len(), regular: metadata.is_file() })
    }
}

fn move_if_there(from: &Place, to: &Place) -> io::Result<()> {
    match from.rename(to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

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

    #[test]
    fn a_symbolic_link_at_the_log_file_is_not_followed() {
        let folder = folder("linked");
        let app = folder.join("app");
        fs::create_dir(&app).unwrap();
        // Only root can give directories away.
        if std::os::unix::fs::chown(&app, Some(65534), Some(65534)).is_err() {
            return;
        }
        fs::write(folder.join("precious"), "data").unwrap();
        for backups in [0, 2] {
            let mut log = log_in(&app, backups);
            log.append(b"one\n").unwrap();
            fs::remove_file(app.join("log")).unwrap();
            std::os::unix::fs::symlink("../precious", app.join("log")).unwrap();
            // It rotates, or is to be reopened: neither may touch what the link leads to.
            for _ in 0..20 {
                let _ = log.append(&[b'x'; 18]);
            }
            let _ = log.reopen();
            let _ = log.append(b"two\n");
            assert_eq!(fs::read_to_string(folder.join("precious")).unwrap(), "data");
            let _ = fs::remove_file(app.join("log"));
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_moved_log_file_is_written_until_it_is_reopened() {
        let folder = folder("moved");
        let mut log = log_in(&folder, 0);
        log.append(b"one\n").unwrap();
        fs::rename(folder.join("log"), folder.join("old")).unwrap();
        log.append(b"two\n").unwrap();
        log.reopen().unwrap();
        log.append(b"three\n").unwrap();
        assert_eq!(fs::read(folder.join("old")).unwrap(), b"one\ntwo\n");
        assert_eq!(fs::read(folder.join("log")).unwrap(), b"three\n");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_rotation_without_a_file_keeps_the_backups() {
        let folder = folder("stuck");
        let mut log = log_in(&folder, 2);
        let fills = "a hundred bytes and more\n".repeat(5);
        log.append(fills.as_bytes()).unwrap();
        let size = |name: &str| fs::metadata(folder.join(name)).map(|about| about.len()).ok();
        assert_eq!((size("log"), size("log.1")), (Some(0), Some(125)));
        // As after a rotation that could move the file and make no new one.
        fs::remove_file(folder.join("log")).unwrap();
        log.append(fills.as_bytes()).unwrap();
        assert_eq!((size("log"), size("log.1"), size("log.2")), (Some(0), Some(125), None));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_rotation_that_fails_to_move_the_file_keeps_the_backups() {
        let folder = folder("mounted");
        let mut log = log_in(&folder, 2);
        fs::write(folder.join("log.1"), "old").unwrap();
        // As if something were mounted there.
        fs::create_dir(folder.join("log.rotating")).unwrap();
        for _ in 0..7 {
            log.append(b"eighteen bytes....\n").unwrap();
        }
        assert_eq!(fs::read_to_string(folder.join("log.1")).unwrap(), "old");
        assert_eq!(fs::metadata(folder.join("log")).unwrap().len(), 7 * 19);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_log_file_is_written_again_as_soon_as_it_can_be_opened() {
        let folder = folder("later");
        let path = folder.join("there/log");
        let spec = spec::LogFile { path: path.clone(), maxbytes: 0, backups: 0 };
        let mut log = LogFile::new(Rc::new(spec));
        assert!(log.append(b"lost\n").is_err());
        fs::create_dir(folder.join("there")).unwrap();
        log.append(b"kept\n").unwrap();
        assert_eq!(fs::read(path).unwrap(), b"kept\n");
        fs::remove_dir_all(folder).unwrap();
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("log-file-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn log_in(folder: &Path, backups: u32) -> LogFile {
        LogFile::new(Rc::new(spec::LogFile { path: folder.join("log"), maxbytes: 100, backups }))
    }

    fn after_writing(backups: u32, lines: usize) -> Vec<(&'static str, u64)> {
        let folder = folder(&backups.to_string());
        let mut log = log_in(&folder, backups);
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
