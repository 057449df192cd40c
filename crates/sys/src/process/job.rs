//! Job control: who could continue this process if it was stopped, stopping with a child, and
//! handing the terminal on.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid as OsPid, Signal as OsSignal};
use rustix::process::{getpgid, getpgrp, getpid, getppid, getsid, kill_current_process_group};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use supervisor_core::ids::Pid;
use supervisor_core::input::Job;
use supervisor_core::signal::Signal;

use super::process_table::stat;
use super::{reap, signal};

/// Inits that wait for the end of their child and never see that it is stopped: in front of
/// them it is as with PID 1.
const INITS: [&str; 5] = ["tini", "docker-init", "dumb-init", "catatonit", "podman-init"];

/// Ancestors of the same process group that are looked at.
const ANCESTORS: usize = 64;

/// A child that was stopped, and by which signal.
pub fn next_stopped() -> Option<(Pid, Job)> {
    let (pid, by) = reap::stopped()?;
    Some((pid, job(by)))
}

/// Who could continue us.
fn job(by: Option<Signal>) -> Job {
    let own = getpid();
    if own == OsPid::INIT || getsid(None) == Ok(own) {
        return Job::Alone;
    }
    let Some(terminal) = terminal() else { return Job::Unattended };
    // A program that was started in the background and wants the terminal, which a shell has
    // given us since: it gets it.
    let wants_terminal = by.is_some_and(|by| by == Signal::TTIN || by == Signal::TTOU);
    if wants_terminal && tcgetpgrp(&terminal) == Ok(getpgrp()) {
        return Job::Alone;
    }
    if is_attended() { Job::Controlled } else { Job::Alone }
}

/// Whether our process group is not
/// [orphaned](https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap03.html), and
/// who started it is not known to look away.
fn is_attended() -> bool {
    let mut parent = getppid();
    for _ in 0..ANCESTORS {
        let Some(pid) = parent else { return false };
        if getpgid(Some(pid)) == Ok(getpgrp()) {
            let above = stat(Pid(pid.as_raw_nonzero().get())).ok().flatten();
            parent = above.and_then(|stat| OsPid::from_raw(stat.ppid));
            continue;
        }
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        return getsid(Some(pid)) == getsid(None) && !INITS.contains(&name.trim_end());
    }
    false
}

/// Stops our process group, and when that goes on, the child.
pub fn suspend_with(child: Pid) {
    // We are in it: this returns when a shell has continued us.
    let _ = kill_current_process_group(OsSignal::STOP);
    resume(child);
}

/// Continues a child and its process group; the terminal is its, if it is ours to give: who
/// was continued in the background takes it from nobody.
pub fn resume(child: Pid) {
    if let (Some(terminal), Some(group)) = (terminal(), OsPid::from_raw(child.0))
        && (getsid(None) == Ok(getpid()) || tcgetpgrp(&terminal) == Ok(getpgrp()))
    {
        // We have blocked SIGTTOU, so this works from the background as well.
        let _ = tcsetpgrp(&terminal, group);
    }
    let _ = signal::send_to_group(child, Signal::CONT);
}

fn terminal() -> Option<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open("/dev/tty", flags, Mode::empty()).ok()
}
