//! The kinds of destinations, and non-blocking writes to each.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;
use supervisor_sys::io::write_without_blocking::{can_take, write_without_blocking};

use super::super::log_file::LogFile;

/// The number of bytes that are written to a shared terminal at once.
const TERMINAL_CHUNK: usize = 256;

#[derive(Debug)]
pub(super) enum Target {
    /// A pipe. Pages are moved from pipe to pipe without copying.
    Pipe(BorrowedFd<'static>),
    Socket(BorrowedFd<'static>),
    /// A terminal that the supervisor has opened itself.
    Terminal(OwnedFd),
    /// A terminal that the supervisor may not open again.
    SharedTerminal(BorrowedFd<'static>),
    /// A file or device that accepts everything.
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

    /// Writes as many bytes as fit without blocking.
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

/// Opens a terminal. Only an open file description in non-blocking mode allows such writes, and
/// that mode would confuse the shell if the supervisor set it on the shared one.
fn terminal(fd: BorrowedFd<'static>) -> Target {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(own) => Target::Terminal(own),
        Err(_) => Target::SharedTerminal(fd),
    }
}

/// Writes to a terminal that may block: the terminal reports that it accepts bytes, but not how
/// many.
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
