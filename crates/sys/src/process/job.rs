//! Job control: finds out whether a process could continue this one after a suspension, suspends it
//! with its child, and passes the terminal on.

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

/// Inits that wait for the exit of their child and do not notice that it is suspended. Below them,
/// the supervisor behaves as PID 1.
const INITS: [&str; 5] = ["tini", "docker-init", "dumb-init", "catatonit", "podman-init"];

/// The maximum number of ancestors in the same process group that are examined.
const ANCESTORS: usize = 64;

/// The next child that was suspended, with the signal.
pub fn next_stopped() -> Option<(Pid, Job)> {
    let (pid, by) = reap::stopped()?;
    Some((pid, job(by)))
}

/// The process that could continue the supervisor.
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

/// Whether this process group is not
/// [orphaned](https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap03.html), and its
/// parent is not an init that ignores suspended children.
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

/// Suspends this process group, and continues the child when this process group is continued.
pub fn suspend_with(child: Pid) {
    // We are in it: this returns when a shell has continued us.
    let _ = kill_current_process_group(OsSignal::STOP);
    resume(child);
}

/// Continues a child and its process group, and gives it the terminal if this process has it. A
/// process that was continued in the background does not take the terminal.
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
