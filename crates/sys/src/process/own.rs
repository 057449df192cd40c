//! Changes of a process to itself: its user, its limits, its directory.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::pipe::PipeFlags;
use supervisor_core::spec::User;

/// The reason why the process could not change its user.
#[derive(Debug)]
pub enum BecomeUserError {
    /// The groups could not be set.
    Groups(io::Error),
    /// The group could not be set.
    Group(io::Error),
    /// The user could not be set.
    User(io::Error),
}

/// Changes the user permanently: groups first, then the user, because the new user may not change
/// groups. The process must have only one thread.
pub fn become_user(user: &User) -> Result<(), BecomeUserError> {
    // SAFETY: the list of groups is valid for the length given; the other calls take
    // numbers.
    unsafe {
        if libc::setgroups(user.groups.len(), user.groups.as_ptr()) != 0 {
            return Err(BecomeUserError::Groups(io::Error::last_os_error()));
        }
        if libc::setgid(user.gid) != 0 {
            return Err(BecomeUserError::Group(io::Error::last_os_error()));
        }
        if libc::setuid(user.uid) != 0 {
            return Err(BecomeUserError::User(io::Error::last_os_error()));
        }
    }
    Ok(())
}

/// The original process, which waits for the one in the background.
#[derive(Debug)]
pub struct Foreground(OwnedFd);

impl Foreground {
    /// Lets the original process exit with 0.
    pub fn release(self) {
        // It does not matter if that process was killed.
        let _ = rustix::io::write(&self.0, &[1]);
    }
}

/// Continues in a new process. The original process exits with 0 when it is released, and with 1 if
/// the new process exits first. The process must have only one thread.
pub fn go_on_in_the_background() -> io::Result<Foreground> {
    let (heard, told) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // SAFETY: this process has no other thread, so no operation is incomplete in the copy.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Foreground(told)),
        _ => {
            // Otherwise there is no end of what is read here.
            drop(told);
            let released = rustix::io::retry_on_intr(|| rustix::io::read(&heard, &mut [0; 1]));
            // SAFETY: ends this process at once, without what is done at exit: that is for
            // the one that goes on.
            unsafe { libc::_exit(i32::from(released != Ok(1))) }
        }
    }
}

/// Leaves the session and the terminal. The standard streams lead to `/dev/null` afterwards.
pub fn leave_terminal() -> io::Result<()> {
    let nowhere = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&nowhere)?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    rustix::stdio::dup2_stderr(&nowhere)?;
    // Fails only for the leader of a group, which a new process isn't.
    let _ = rustix::process::setsid();
    Ok(())
}
