//! Waiting for the end of a process that need not be a child of ours.

use std::os::fd::OwnedFd;

use rustix::process::{Pid as OsPid, PidfdFlags};
use supervisor_core::ids::Pid;

use super::watch::Watched;

/// A handle of a process that lives. `None`: it has gone, or there are no such handles
/// here (Linux before 5.3, some sandboxes).
pub(crate) fn open(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(OsPid::from_raw(pid.0)?, PidfdFlags::empty()).ok()
}

/// Waits until a process has ended; does not wait where there is no handle of it.
pub(crate) async fn ended(pid: Pid) {
    if let Some(Ok(handle)) = open(pid).map(Watched::for_reading) {
        handle.readable().await;
    }
}
