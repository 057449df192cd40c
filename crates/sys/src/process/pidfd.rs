//! Waits for the exit of a process that need not be a child, through a pidfd.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid as OsPid, PidfdFlags};
use supervisor_core::ids::{Member, Pid};
use supervisor_core::input::Exit;

use super::process_table;
use super::reap::decode;
use crate::io::watch::Watched;

/// Opens a pidfd of a living process. `None`: the process has exited, or the system has no pidfds
/// (Linux before 5.3, some sandboxes).
pub fn open(pid: Pid) -> Option<OwnedFd> {
    try_open(pid).ok()
}

/// Waits until a process that was found earlier has exited, even if another process reaps it.
/// Returns whether waiting was possible. `open` opens the pidfd.
pub async fn member_ended(member: Member, open: impl FnOnce(Pid) -> io::Result<OwnedFd>) -> bool {
    let handle = match open(member.pid) {
        Ok(handle) => handle,
        Err(error) => return Errno::from_io_error(&error) == Some(Errno::SRCH),
    };
    // The handle pins the process, so that looking after opening leaves no gap.
    match process_table::start_of(member.pid) {
        Ok(Some(start)) if start == member.start => {}
        Ok(_) => return true,
        // Without a free descriptor, for example, this says nothing about the process.
        Err(_) => return false,
    }
    let Ok(handle) = Watched::for_reading(handle) else { return false };
    handle.readable().await;
    true
}

/// Opens a pidfd of a process.
pub fn try_open(pid: Pid) -> io::Result<OwnedFd> {
    let pid = OsPid::from_raw(pid.0).ok_or(Errno::SRCH)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// Waits until a process has exited; returns at once if there is no pidfd for it.
pub async fn ended(pid: Pid) {
    if let Some(Ok(handle)) = open(pid).map(Watched::for_reading) {
        handle.readable().await;
    }
}

/// Whether the process has ended.
pub fn has_ended(handle: &OwnedFd) -> bool {
    let mut handles = [PollFd::new(handle, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut handles, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

/// The kernel's information about the process of a pidfd, as `struct pidfd_info` in
/// [linux/pidfd.h](https://github.com/torvalds/linux/blob/v6.15/include/uapi/linux/pidfd.h).
#[repr(C)]
#[derive(Default)]
struct Info {
    mask: u64,
    cgroup: u64,
    /// Pids, user ids and group ids.
    ids: [u32; 11],
    exit_code: i32,
}

/// `_IOWR(0xff, 11, struct pidfd_info)`.
const PIDFD_GET_INFO: u32 = 0xc040_ff0b;

/// The process was reaped, and its exit status is known.
const PIDFD_INFO_EXIT: u64 = 1 << 3;

/// The exit of a process that its parent has reaped. `None`: it was not reaped, or the kernel does
/// not report it (before Linux 6.15).
pub fn exit_of(handle: &OwnedFd) -> Option<Exit> {
    let mut info = Info { mask: PIDFD_INFO_EXIT, ..Info::default() };
    // SAFETY: the descriptor is open, and what the kernel writes has room in `info`, the size
    // of which is part of the request.
    let done = unsafe { libc::ioctl(handle.as_raw_fd(), PIDFD_GET_INFO as _, &raw mut info) };
    (done == 0 && info.mask & PIDFD_INFO_EXIT != 0).then(|| decode(info.exit_code))
}

#[cfg(test)]
mod tests {
    use supervisor_core::signal::Signal;

    use super::*;

    #[test]
    fn the_pidfd_request_contains_the_size_of_its_result() {
        assert_eq!(size_of::<Info>(), (PIDFD_GET_INFO >> 16 & 0x3fff) as usize);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test has a child of its own")]
    fn a_pidfd_reports_the_exit() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let handle = open(Pid(i32::try_from(child.id()).unwrap())).unwrap();
        assert!(!has_ended(&handle));
        assert_eq!(exit_of(&handle), None);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(has_ended(&handle));
        let killed = Exit::Signal { signal: Signal::KILL, core_dumped: false };
        // Older kernels tell nothing.
        assert!(exit_of(&handle).is_none_or(|exit| exit == killed));
    }
}
