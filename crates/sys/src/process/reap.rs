//! The one place that waits for children.

use std::mem::MaybeUninit;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use supervisor_core::ids::Pid;
use supervisor_core::input::Exit;
use supervisor_core::signal::Signal;

/// Makes orphans among our descendants our children, also where we aren't PID 1.
/// Without it (Linux before 3.4, some sandboxes) they go to whoever is.
pub fn adopt_orphans() {
    let own = rustix::process::getpid();
    let _ = rustix::process::set_child_subreaper(Some(own));
}

/// Whether orphans among our descendants become our children.
#[must_use]
pub fn adopts_orphans() -> bool {
    std::process::id() == 1
        || rustix::process::child_subreaper().is_ok_and(|reaper| reaper.is_some())
}

/// Whether this process certainly has no child, neither living nor dead.
#[must_use]
pub fn has_no_children() -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::All, look), Err(Errno::CHILD))
}

/// A child that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The pid that it had.
    pub pid: Pid,
    /// How it ended.
    pub exit: Exit,
    /// What it took.
    pub usage: Usage,
}

/// What a process and those of its descendants took that it, or one of them, waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time on processors, the kernel's work for it included.
    pub cpu: Duration,
    /// Bytes of memory that the largest of them had at once.
    pub peak_memory: u64,
}

impl Usage {
    /// What both took.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let peak_memory = self.peak_memory.max(other.peak_memory);
        Self { cpu: self.cpu.saturating_add(other.cpu), peak_memory }
    }
}

/// The next child that has ended: one of ours, or an orphan that became ours.
/// Never waits; to be called until it returns `None`.
pub fn next() -> Option<Ended> {
    wait(-1)
}

/// One that has ended, and how, and that is not to be reaped yet: so it can be asked whose it
/// was. Never waits.
pub fn peek() -> Option<(Pid, Exit)> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: it is a valid place for what the kernel writes.
    while unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) } < 0 {
        if Errno::from_io_error(&std::io::Error::last_os_error()) != Some(Errno::INTR) {
            return None;
        }
    }
    // SAFETY: made of numbers only, for which zero will do; it is of a child, or all zero.
    let (pid, status, code) = unsafe {
        let info = info.assume_init();
        (info.si_pid(), info.si_status(), info.si_code)
    };
    let exit = match (Signal::from_number(status.into()), code) {
        (Some(signal), libc::CLD_KILLED | libc::CLD_DUMPED) => {
            Exit::Signal { signal, core_dumped: code == libc::CLD_DUMPED }
        }
        (Some(_) | None, _) => Exit::Code(u8::try_from(status).unwrap_or(u8::MAX)),
    };
    (pid > 0).then_some((Pid(pid), exit))
}

/// A child that has been stopped, and by which signal; each stop is told once. Never waits.
pub(super) fn stopped() -> Option<(Pid, Option<Signal>)> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WSTOPPED | libc::WNOHANG;
    // SAFETY: it is a valid place for what the kernel writes.
    while unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) } < 0 {
        if Errno::from_io_error(&std::io::Error::last_os_error()) != Some(Errno::INTR) {
            return None;
        }
    }
    // SAFETY: made of numbers only, for which zero will do; it is of a child, or all zero.
    let (pid, by) = unsafe {
        let info = info.assume_init();
        (info.si_pid(), info.si_status())
    };
    (pid > 0).then(|| (Pid(pid), Signal::from_number(by.into())))
}

/// Reaps the one that was found.
pub fn found(pid: Pid) -> Option<Ended> {
    wait(pid.0)
}

fn wait(who: i32) -> Option<Ended> {
    loop {
        let mut status = 0;
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: both are valid places for what the kernel writes.
        let pid = unsafe { libc::wait4(who, &raw mut status, libc::WNOHANG, usage.as_mut_ptr()) };
        if pid > 0 {
            // SAFETY: made of numbers only, for which zero will do.
            let usage = unsafe { usage.assume_init() };
            return Some(Ended { pid: Pid(pid), exit: decode(status), usage: taken(&usage) });
        }
        if pid == 0 || Errno::from_io_error(&std::io::Error::last_os_error()) != Some(Errno::INTR) {
            return None;
        }
    }
}

fn taken(usage: &libc::rusage) -> Usage {
    let time = |time: libc::timeval| {
        let micros = u64::try_from(time.tv_usec).unwrap_or(0);
        Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0)) + Duration::from_micros(micros)
    };
    Usage {
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        peak_memory: u64::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(1024),
    }
}

/// Buries a child that never became a program. It has ended or is about to.
pub(super) fn failed_start(pid: i32) {
    // SAFETY: no status and no usage is asked for.
    while unsafe { libc::wait4(pid, std::ptr::null_mut(), 0, std::ptr::null_mut()) } < 0
        && Errno::from_io_error(&std::io::Error::last_os_error()) == Some(Errno::INTR)
    {}
}

/// What wait(2) says, in our words.
pub(super) fn decode(status: i32) -> Exit {
    let number = i64::from(libc::WTERMSIG(status));
    match Signal::from_number(number).filter(|_| libc::WIFSIGNALED(status)) {
        Some(signal) => Exit::Signal { signal, core_dumped: libc::WCOREDUMP(status) },
        None => Exit::Code(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX)),
    }
}
