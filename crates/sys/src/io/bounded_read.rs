//! Reads configuration files. A file may be a pipe; neither can block the supervisor.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};

use supervisor_config::RegularFile;

use crate::clock::Clock;

/// The maximum size of a configuration file.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// Reads all of a file, or of a pipe whose writer finishes within `patience`.
///
/// # Errors
///
/// If it can't be read, is larger than `LARGEST_FILE`, or the writer takes longer.
pub fn bounded_read(path: &Path, patience: Duration) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let pipe = file.metadata()?.file_type().is_fifo();
    let mut content = Vec::new();
    Patient { file, clock: Clock::start(), patience }
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut content)?;
    if content.is_empty() && pipe {
        return Err(io::Error::new(io::ErrorKind::BrokenPipe, "no process writes to this pipe"));
    }
    if content.len() as u64 > LARGEST_FILE {
        let message = format!("it is larger than {} MB", LARGEST_FILE >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(content)
}

/// Reads all of a regular file of at most `largest` bytes.
///
/// # Errors
///
/// If the file can't be read, is larger than `largest`, or is not a regular file.
pub fn read_regular(path: &Path, largest: u64) -> io::Result<RegularFile> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut content = Vec::new();
    file.take(largest + 1).read_to_end(&mut content)?;
    if content.len() as u64 > largest {
        let message = format!("it is larger than {} KiB", largest >> 10);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(RegularFile { content, others_may_write: metadata.mode() & 0o002 != 0 })
}

fn open(path: &Path) -> io::Result<File> {
    // Opening a pipe must not wait for a writer, because none may ever come.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// A file or pipe in non-blocking mode, read within limits.
struct Patient {
    file: File,
    clock: Clock,
    patience: Duration,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            let left = self.patience.saturating_sub(self.clock.mono().since_zero());
            let left = Timespec::try_from(left).ok();
            let mut watched = [PollFd::new(&self.file, PollFlags::IN)];
            if rustix::event::poll(&mut watched, left.as_ref())? == 0 {
                let message = if self.patience.is_zero() {
                    "it is a pipe, and the supervisor does not wait for a writer while programs \
                     run"
                    .to_owned()
                } else {
                    let seconds = self.patience.as_secs();
                    format!(
                        "the process that writes to it did not finish within {seconds} \
                     seconds"
                    )
                };
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_regular_files_of_a_limited_size_are_read() {
        let path = std::env::temp_dir().join(format!("regular-{}", std::process::id()));
        fs::write(&path, "A=1\n").unwrap();
        let read = |largest| read_regular(&path, largest).map_err(|error| error.kind());
        assert_eq!(
            read(4),
            Ok(RegularFile { content: b"A=1\n".to_vec(), others_may_write: false })
        );
        assert_eq!(read(3).unwrap_err(), io::ErrorKind::FileTooLarge);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o646)).unwrap();
        assert!(read(4).unwrap().others_may_write);
        fs::remove_file(&path).unwrap();
        assert_eq!(read(4).unwrap_err(), io::ErrorKind::NotFound);
        for other in ["/dev/zero", "/dev"] {
            let error = read_regular(Path::new(other), 4).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{other}");
        }
    }
}
