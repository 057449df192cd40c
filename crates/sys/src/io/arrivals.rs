//! Detects bytes that arrive in a pipe without polling the pipe.
//!
//! After one poll of a pipe (poll, select, epoll), the kernel wakes pollers at each later write,
//! which costs the writer of a line a sixth of its write time. With O_ASYNC the kernel sends SIGIO
//! instead, without this cost.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};

/// SIGIO as a descriptor. The signal does not say which pipe it is about.
#[derive(Debug)]
pub struct Arrivals {
    signals: OwnedFd,
    works: bool,
}

/// The signals that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The kernel announced bytes in a pipe, or its end.
    pub arrived: bool,
    /// A process sent SIGIO, for example with `kill`.
    pub sent: bool,
}

impl Arrivals {
    /// Takes over SIGIO. Only the calling thread may use the result.
    ///
    /// # Errors
    ///
    /// If no descriptor is left.
    pub fn open() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initializes `set` before the other calls read it. They change the
        // mask of this thread only: SIGIO, which would end the process, waits for its reader.
        let fd = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGIO);
            libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
            libc::signalfd(-1, set.as_ptr(), libc::SFD_NONBLOCK | libc::SFD_CLOEXEC)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just opened this descriptor, and nothing else owns it.
        let mut arrivals = Self { signals: unsafe { OwnedFd::from_raw_fd(fd) }, works: false };
        arrivals.works = arrivals.test().unwrap_or(false);
        Ok(arrivals)
    }

    /// Whether the kernel sends SIGIO for pipes. Some systems that imitate Linux do not.
    #[must_use]
    pub const fn works(&self) -> bool {
        self.works
    }

    /// Reads the pending signals. At most one of each kind can be pending.
    pub fn take(&self) -> Taken {
        let mut infos = [[0_u8; size_of::<libc::signalfd_siginfo>()]; 2];
        let read = rustix::io::read(&self.signals, infos.as_flattened_mut()).unwrap_or(0);
        let mut taken = Taken::default();
        for info in &infos[..read / infos[0].len()] {
            let code = std::mem::offset_of!(libc::signalfd_siginfo, ssi_code);
            match i32::from_ne_bytes([info[code], info[code + 1], info[code + 2], info[code + 3]]) {
                libc::SI_KERNEL => taken.arrived = true,
                _ => taken.sent = true,
            }
        }
        taken
    }

    /// Makes this thread the receiver of the signals for a pipe's reading end, once they are
    /// enabled.
    ///
    /// # Errors
    ///
    /// The errors of fcntl.
    pub fn own(&self, pipe: BorrowedFd<'_>) -> io::Result<()> {
        let owner =
            Owner { kind: OWNER_IS_THREAD, id: rustix::thread::gettid().as_raw_nonzero().get() };
        // SAFETY: the kernel reads one `struct f_owner_ex`, of which `Owner` is a copy.
        match unsafe { libc::fcntl(pipe.as_raw_fd(), SET_OWNER, &raw const owner) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Enables signals for a non-blocking reading end that this thread owns. Earlier bytes are not
    /// announced, so the caller checks the pipe once more.
    ///
    /// # Errors
    ///
    /// The errors of fcntl.
    pub fn announce(&self, pipe: BorrowedFd<'_>) -> io::Result<()> {
        Ok(fcntl_setfl(pipe, OFlags::NONBLOCK | ASYNC)?)
    }

    /// Disables the signals.
    ///
    /// # Errors
    ///
    /// The errors of fcntl.
    pub fn silence(&self, pipe: BorrowedFd<'_>) -> io::Result<()> {
        Ok(fcntl_setfl(pipe, OFlags::NONBLOCK)?)
    }

    fn test(&self) -> io::Result<bool> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        self.own(read.as_fd())?;
        self.announce(read.as_fd())?;
        rustix::io::write(&write, b"?")?;
        let mut asked = [PollFd::new(&self.signals, PollFlags::IN)];
        let readable = poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? > 0;
        // Its end would be announced as well.
        self.silence(read.as_fd())?;
        Ok(readable && self.take().arrived)
    }
}

impl AsFd for Arrivals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }
}

const ASYNC: OFlags = OFlags::from_bits_retain(libc::O_ASYNC.cast_unsigned());

/// `F_SETOWN_EX` and `F_OWNER_TID`, which libc defines for some architectures only.
const SET_OWNER: i32 = 15;
const OWNER_IS_THREAD: i32 = 0;

/// `struct f_owner_ex`. The owner is a thread and not the process, because other threads may not
/// block SIGIO.
#[repr(C)]
struct Owner {
    kind: i32,
    id: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_its_end_are_announced_while_enabled() {
        let arrivals = Arrivals::open().unwrap();
        assert!(arrivals.works());
        let (read, write) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        arrivals.own(read.as_fd()).unwrap();
        let put = || rustix::io::write(&write, b"word").unwrap();
        let arrived = || arrivals.take().arrived;

        put();
        assert!(!arrived());
        arrivals.announce(read.as_fd()).unwrap();
        assert!(!arrived(), "what was there before is not announced");
        // Each write is, also into a pipe that isn't empty.
        put();
        assert!(arrived() && !arrived());
        put();
        assert!(arrived());
        arrivals.silence(read.as_fd()).unwrap();
        put();
        assert!(!arrived());
        arrivals.announce(read.as_fd()).unwrap();
        drop(write);
        assert!(arrivals.take().arrived);
    }

    #[test]
    fn a_signal_from_a_process_is_not_an_arrival() {
        let arrivals = Arrivals::open().unwrap();
        let thread = rustix::thread::gettid().as_raw_nonzero().get();
        let process = rustix::process::getpid().as_raw_nonzero().get();
        // SAFETY: a signal to this thread, which has it blocked.
        let sent = unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGIO) };
        assert_eq!(sent, 0);
        assert_eq!(arrivals.take(), Taken { arrived: false, sent: true });
    }
}
