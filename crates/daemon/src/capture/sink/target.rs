//! The kinds of places that output goes to, and how each is asked not to wait.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;
use supervisor_sys::io::write_without_blocking::{can_take, write_without_blocking};

use super::super::log_file::LogFile;

/// Bytes that a terminal which we share is asked to take in one go.
const TERMINAL_CHUNK: usize = 256;

#[derive(Debug)]
pub(super) enum Target {
    /// Pages are handed on from pipe to pipe, nothing is copied.
    Pipe(BorrowedFd<'static>),
    Socket(BorrowedFd<'static>),
    /// A terminal of which we have a description of our own.
    Terminal(OwnedFd),
    /// A terminal that we may not open again.
    SharedTerminal(BorrowedFd<'static>),
    /// A file or device that takes what it gets.
    Plain(BorrowedFd<'static>),
    Log(RefCell<LogFile>),
    Nowhere,
}

impl Target {
    /// The kind of one of our own standard streams.
    pub(super) fn inherited(fd: BorrowedFd<'static>) -> Self {
        let Ok(stat) = rustix::fs::fstat(fd) else { return Self::Nowhere };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Fifo => Self::Pipe(fd),
            FileType::Socket => Self::Socket(fd),
            FileType::CharacterDevice if rustix::termios::isatty(fd) => terminal(fd),
            FileType::CharacterDevice if is_null(stat.st_rdev) => Self::Nowhere,
            FileType::CharacterDevice
            | FileType::RegularFile
            | FileType::BlockDevice
            | FileType::Directory
            | FileType::Symlink
            | FileType::Unknown => Self::Plain(fd),
        }
    }

    /// Writes what there is room for, without waiting.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(fd) => {
                Ok(rustix::net::send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
            }
            Self::Terminal(fd) => Ok(rustix::io::write(fd, bytes)?),
            Self::SharedTerminal(fd) => {
                Ok(byte_by_byte(&bytes[..bytes.len().min(TERMINAL_CHUNK)], *fd)?)
            }
            Self::Pipe(fd) => Ok(write_without_blocking(bytes, *fd)?),
            Self::Plain(fd) => Ok(rustix::io::write(fd, bytes)?),
            Self::Log(file) => file.borrow_mut().append(bytes),
            Self::Nowhere => Ok(bytes.len()),
        }
    }
}

fn is_null(device: u64) -> bool {
    (rustix::fs::major(device), rustix::fs::minor(device)) == (1, 3)
}

/// A terminal can only be written to without waiting through a description that
/// says so, and the shell that shares ours would stumble over that.
fn terminal(fd: BorrowedFd<'static>) -> Target {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(own) => Target::Terminal(own),
        Err(_) => Target::SharedTerminal(fd),
    }
}

/// Writes to a terminal which may wait: it says that it can take some, and not how many.
fn byte_by_byte(bytes: &[u8], terminal: BorrowedFd<'_>) -> Result<usize, Errno> {
    for (written, byte) in bytes.iter().enumerate() {
        let taken = match can_take(terminal) {
            true => rustix::io::write(terminal, std::slice::from_ref(byte)).map(drop),
            false => Err(Errno::AGAIN),
        };
        if let Err(error) = taken {
            return if written > 0 { Ok(written) } else { Err(error) };
        }
    }
    Ok(bytes.len())
}
