//! Waiting for the end of a process that need not be a child of ours.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::process::{Pid as OsPid, PidfdFlags};
use supervisor_core::ids::{Member, Pid};

use super::process_table;
use super::watch::Watched;

/// A handle of a process that lives. `None`: it has gone, or there are no such handles
/// here (Linux before 5.3, some sandboxes).
pub(crate) fn open(pid: Pid) -> Option<OwnedFd> {
    try_open(pid).ok()
}

/// Waits until a process that was found earlier has ended, whoever is its parent; whether
/// that could be waited for. `open` opens one handle.
pub(crate) async fn member_ended(
    member: Member,
    open: impl FnOnce(Pid) -> io::Result<OwnedFd>,
) -> bool {
    let handle = match open(member.pid) {
        Ok(handle) => handle,
        Err(error) => return Errno::from_io_error(&error) == Some(Errno::SRCH),
    };
    // The handle pins the process, so that looking after opening leaves no gap.
    if !matches!(process_table::start_of(member.pid), Ok(Some(start)) if start == member.start) {
        return true;
    }
    let Ok(handle) = Watched::for_reading(handle) else { return false };
    handle.readable().await;
    true
}

/// Opens a handle of a process.
pub(crate) fn try_open(pid: Pid) -> io::Result<OwnedFd> {
    let pid = OsPid::from_raw(pid.0).ok_or(Errno::SRCH)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// Waits until a process has ended; does not wait where there is no handle of it.
pub(crate) async fn ended(pid: Pid) {
    if let Some(Ok(handle)) = open(pid).map(Watched::for_reading) {
        handle.readable().await;
    }
}
