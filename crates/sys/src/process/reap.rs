//! Waits for children. No other module does.

use std::mem::MaybeUninit;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use supervisor_core::ids::Pid;
use supervisor_core::input::Exit;
use supervisor_core::signal::Signal;

/// Makes orphans among the descendants children of the supervisor, even if it is not PID 1. If that
/// fails (Linux before 3.4, some sandboxes), they become children of PID 1 or of another subreaper.
pub fn adopt_orphans() {
    let own = rustix::process::getpid();
    let _ = rustix::process::set_child_subreaper(Some(own));
}

/// Whether orphans among the descendants become children of the supervisor.
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

/// A child that has exited.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Its pid.
    pub pid: Pid,
    /// Its exit status.
    pub exit: Exit,
    /// Its resource usage.
    pub usage: Usage,
}

/// The resources that a process used, including its descendants that were reaped below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time on processors, the kernel's work for it included.
    pub cpu: Duration,
    /// The peak memory in bytes of the largest of these processes.
    pub peak_memory: u64,
}

impl Usage {
    /// The sum of both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let peak_memory = self.peak_memory.max(other.peak_memory);
        Self { cpu: self.cpu.saturating_add(other.cpu), peak_memory }
    }
}

/// Reaps the next child that has exited: a child of the supervisor, or an orphan that it adopted.
/// It never blocks; call it until it returns `None`.
pub fn next() -> Option<Ended> {
    wait(-1)
}

/// The next child that has exited, with its exit status. It is not reaped, so that `/proc` still
/// shows its program. It never blocks.
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

/// The next child that was suspended, with the signal; each suspension is returned once. It never
/// blocks.
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

/// Reaps the child that [`peek`] returned.
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

/// Reaps a child that never executed a program. It has exited or is about to.
pub(super) fn failed_start(pid: i32) {
    // SAFETY: no status and no usage is asked for.
    while unsafe { libc::wait4(pid, std::ptr::null_mut(), 0, std::ptr::null_mut()) } < 0
        && Errno::from_io_error(&std::io::Error::last_os_error()) == Some(Errno::INTR)
    {}
}

/// The exit from a status of wait(2).
pub(super) fn decode(status: i32) -> Exit {
    let number = i64::from(libc::WTERMSIG(status));
    match Signal::from_number(number).filter(|_| libc::WIFSIGNALED(status)) {
        Some(signal) => Exit::Signal { signal, core_dumped: libc::WCOREDUMP(status) },
        None => Exit::Code(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX)),
    }
}
