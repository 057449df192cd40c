//! The one place that waits for children.

use rustix::io::Errno;
use supervisor_core::ids::Pid;
use supervisor_core::input::Exit;
use supervisor_core::signal::Signal;

/// Makes orphans among our descendants our children, also where we aren't PID 1.
/// Without it (Linux before 3.4, some sandboxes) they go to whoever is.
pub(crate) fn adopt_orphans() {
    let own = rustix::process::getpid();
    let _ = rustix::process::set_child_subreaper(Some(own));
}

/// The next child that has ended: one of ours, or an orphan that became ours.
/// Never waits; to be called until it returns `None`.
pub(crate) fn next() -> Option<(Pid, Exit)> {
    loop {
        let mut status = 0;
        // SAFETY: `status` is a valid place for the status; no usage is asked for.
        let pid = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG, std::ptr::null_mut()) };
        if pid > 0 {
            return Some((Pid(pid), decode(status)));
        }
        if pid == 0 || Errno::from_io_error(&std::io::Error::last_os_error()) != Some(Errno::INTR) {
            return None;
        }
    }
}

/// Buries a child that never became a program. It has ended or is about to.
pub(super) fn failed_start(pid: i32) {
    // SAFETY: no status and no usage is asked for.
    while unsafe { libc::wait4(pid, std::ptr::null_mut(), 0, std::ptr::null_mut()) } < 0
        && Errno::from_io_error(&std::io::Error::last_os_error()) == Some(Errno::INTR)
    {}
}

fn decode(status: i32) -> Exit {
    let number = i64::from(libc::WTERMSIG(status));
    match Signal::from_number(number).filter(|_| libc::WIFSIGNALED(status)) {
        Some(signal) => Exit::Signal { signal, core_dumped: libc::WCOREDUMP(status) },
        None => Exit::Code(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX)),
    }
}
