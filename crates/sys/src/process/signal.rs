//! Receives signals as data, and sends signals.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid as OsPid, PidfdFlags, test_kill_process_group};
use supervisor_core::ids::{Member, Pid};
use supervisor_core::signal::Signal;

use super::process_table;

/// All signals sent to this process, to be read from one descriptor.
///
/// They are blocked and have no handlers: no signal interrupts a call, and the kernel keeps a
/// signal until the supervisor reads it. Children get their mask back in [`super::start::spawn`].
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
}

/// Signals that are not data. The first report that this process itself has failed; blocking them
/// would turn a crash into a loop. SIGPIPE reports that a reader has closed its end, and the call
/// that caused it also reports this.
const LEFT_ALONE: [i32; 8] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGSYS,
    libc::SIGPIPE,
];

impl Signals {
    /// Takes over every signal but `LEFT_ALONE`. To be called first of all: a signal
    /// that came earlier would have its default effect.
    pub fn take_over() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `set` is initialised by sigfillset before anything reads it, and
        // the other calls only read or change that set, the mask of this (only)
        // thread, and the dispositions of SIGPIPE and SIGCHLD.
        let fd = unsafe {
            libc::sigfillset(set.as_mut_ptr());
            for signal in LEFT_ALONE {
                libc::sigdelset(set.as_mut_ptr(), signal);
            }
            libc::sigprocmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut());
            // Blocked as well, but read by [`crate::io::arrivals`].
            libc::sigdelset(set.as_mut_ptr(), libc::SIGIO);
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            // Inherited as ignored, it would make the kernel reap our children.
            libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            libc::signalfd(-1, set.as_ptr(), libc::SFD_NONBLOCK | libc::SFD_CLOEXEC)
        };
        Self::from_raw(fd)
    }

    /// Takes over what Ctrl-C sends, and nothing else.
    pub fn take_over_interrupt() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: as above; only the mask of this thread is changed.
        let fd = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
            libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
            libc::signalfd(-1, set.as_ptr(), libc::SFD_NONBLOCK | libc::SFD_CLOEXEC)
        };
        Self::from_raw(fd)
    }

    fn from_raw(fd: i32) -> io::Result<Self> {
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just returned this descriptor, and no other object owns it.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// The next signal that has arrived, if any. Never waits.
    pub fn next(&self) -> Option<Signal> {
        loop {
            let mut info = [0_u8; size_of::<libc::signalfd_siginfo>()];
            match rustix::io::read(&self.fd, &mut info) {
                // The signal's number is the first field.
                Ok(_) => {
                    let number = u32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
                    if let Some(signal) = Signal::from_number(number.into()) {
                        return Some(signal);
                    }
                }
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Sends a signal to a child that was not reaped. It is not an error if the child has just exited.
pub fn send(pid: Pid, signal: Signal) -> io::Result<()> {
    kill(pid.0, signal)
}

/// Sends a signal to the process group that such a child leads.
pub fn send_to_group(pid: Pid, signal: Signal) -> io::Result<()> {
    kill(-pid.0, signal)
}

/// Whether a process group has a member, even if it only waits to be reaped.
pub fn group_is_there(leader: Pid) -> bool {
    let leader = OsPid::from_raw(leader.0);
    leader.is_some_and(|leader| test_kill_process_group(leader) != Err(Errno::SRCH))
}

/// Sends a signal to a process found earlier, if it is still the same one.
pub fn send_to_member(member: Member, signal: Signal) -> io::Result<()> {
    let Some(pid) = OsPid::from_raw(member.pid.0) else { return Ok(()) };
    match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        // The descriptor pins the process, so checking after opening leaves no gap.
        Ok(pidfd) => {
            if !is_still(member)? {
                return Ok(());
            }
            // SAFETY: a plain system call; null stands for "no siginfo".
            let sent = unless_gone(unsafe {
                libc::syscall(
                    libc::SYS_pidfd_send_signal,
                    pidfd.as_raw_fd(),
                    i32::from(signal.number()),
                    std::ptr::null::<libc::siginfo_t>(),
                    0,
                )
            });
            // Some sandboxes and emulators know the handle and not the call. It is pinned
            // still, so that this needs no second look.
            sent.or_else(|_| kill(member.pid.0, signal))
        }
        Err(Errno::SRCH) => Ok(()),
        // Without descriptors, the identity of the process cannot be checked.
        Err(error @ (Errno::MFILE | Errno::NFILE)) => Err(error.into()),
        // Forbidden or unknown here (Linux before 5.3, some sandboxes): the gap
        // between check and signal is a few microseconds.
        Err(_) if is_still(member)? => kill(member.pid.0, signal),
        Err(_) => Ok(()),
    }
}

fn is_still(member: Member) -> io::Result<bool> {
    Ok(process_table::start_of(member.pid)? == Some(member.start))
}

fn kill(target: i32, signal: Signal) -> io::Result<()> {
    // SAFETY: a plain system call.
    unless_gone(unsafe { libc::kill(target, i32::from(signal.number())) }.into())
}

fn unless_gone(result: i64) -> io::Result<()> {
    let error = io::Error::last_os_error();
    if result == 0 || error.raw_os_error() == Some(libc::ESRCH) { Ok(()) } else { Err(error) }
}
