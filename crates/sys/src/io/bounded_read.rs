//! Reads configuration: a file may be a pipe, and neither may hold the supervisor up.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};

use crate::clock::Clock;

/// Files that are larger, or never end, are no configuration.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// Reads all of a file, or of a pipe whose writer finishes within `patience`.
///
/// # Errors
///
/// If it can't be read, is larger than `LARGEST_FILE`, or the writer takes longer.
pub fn bounded_read(path: &Path, patience: Duration) -> io::Result<Vec<u8>> {
    // Opening a pipe must not wait for somebody to write into it: nobody may.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
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

/// A file that doesn't wait by itself, and is waited for within bounds.
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
