//! Who lives, whose child it is, and whom it belongs to, as `/proc` tells.
//!
//! "Nobody" is an answer, and whoever gets it acts on it; so what could not be read, as
//! without free descriptors, is an error and not nobody.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

use rustix::io::Errno;
use supervisor_core::ids::{Member, Pid};
use supervisor_wire::procfs::{self, Stat};

/// What is known of a process; `None`: it has gone.
pub(crate) fn stat(pid: Pid) -> io::Result<Option<Stat>> {
    let line = unless_gone(fs::read(format!("/proc/{pid}/stat")))?;
    Ok(line.and_then(|line| procfs::stat(&line)))
}

/// What a process uses: processor time, with that of the children it waited for, and bytes
/// of memory.
pub(crate) fn usage(pid: Pid) -> Option<(Duration, u64)> {
    let procfs::Usage { ticks, pages } =
        procfs::usage(&fs::read(format!("/proc/{pid}/stat")).ok()?)?;
    // SAFETY: both only tell numbers that don't change.
    let [tick, page] =
        [libc::_SC_CLK_TCK, libc::_SC_PAGESIZE].map(|name| unsafe { libc::sysconf(name) });
    let (tick, page) =
        (u64::try_from(tick).ok().filter(|tick| *tick > 0)?, u64::try_from(page).ok()?);
    Some((Duration::from_millis(ticks.saturating_mul(1000) / tick), pages.saturating_mul(page)))
}

/// When a process started, if it still lives; tells it from a later one with its pid.
pub(crate) fn start_of(pid: Pid) -> io::Result<Option<u64>> {
    Ok(stat(pid)?.map(|stat| stat.start))
}

/// The environment that a process was executed with; nothing where it has gone or may not
/// be looked into. It is in the process's memory, and so may be out of reach for ever while
/// that is locked: see [`crate::readers`].
pub(crate) fn environ(pid: Pid) -> io::Result<Vec<u8>> {
    unless_gone(fs::read(format!("/proc/{pid}/environ"))).map(Option::unwrap_or_default)
}

/// The words of a process's command line, each with a zero byte behind it. In its memory, as
/// the environment is.
pub(crate) fn command_line(pid: Pid) -> io::Result<Vec<u8>> {
    unless_gone(fs::read(format!("/proc/{pid}/cmdline"))).map(Option::unwrap_or_default)
}

/// Parents and their children.
///
/// Where the kernel lists children per thread, only the asked part of the tree is
/// read, which takes microseconds; else all of `/proc` is read once.
#[derive(Debug)]
pub(crate) struct Family {
    whole: Option<BTreeMap<i32, Vec<Pid>>>,
}

impl Family {
    /// A view of the processes as they are now.
    pub(crate) fn now() -> io::Result<Self> {
        let listed = fs::exists("/proc/thread-self/children").unwrap_or(false);
        Ok(Self { whole: if listed { None } else { Some(everyone_by_parent()?) } })
    }

    /// Those whose parent `pid` is.
    pub(crate) fn children(&self, pid: Pid) -> io::Result<Vec<Pid>> {
        if let Some(whole) = &self.whole {
            return Ok(whole.get(&pid.0).cloned().unwrap_or_default());
        }
        let mut children = Vec::new();
        let threads = unless_gone(fs::read_dir(format!("/proc/{pid}/task")))?;
        for thread in threads.into_iter().flatten() {
            let Some(thread) = unless_gone(thread)? else { continue };
            let list = unless_gone(fs::read(thread.path().join("children")))?;
            children.extend(procfs::pids(&list.unwrap_or_default()).map(Pid));
        }
        Ok(children)
    }

    /// Those below `pid`, it not included, who are alive.
    pub(crate) fn descendants(&self, pid: Pid) -> io::Result<Vec<Member>> {
        let mut found: Vec<Member> = Vec::new();
        let mut open = self.children(pid)?;
        while let Some(pid) = open.pop() {
            let Some(stat) = stat(pid)? else { continue };
            // Processes that move while we look could otherwise lead us in a circle.
            if found.iter().any(|member| member.pid == pid) {
                continue;
            }
            open.extend(self.children(pid)?);
            if !stat.is_dead() {
                found.push(Member { pid, start: stat.start });
            }
        }
        Ok(found)
    }
}

fn everyone_by_parent() -> io::Result<BTreeMap<i32, Vec<Pid>>> {
    let mut family = BTreeMap::<i32, Vec<Pid>>::new();
    for entry in unless_gone(fs::read_dir("/proc"))?.into_iter().flatten() {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()).map(Pid) else { continue };
        if let Some(stat) = stat(pid)? {
            family.entry(stat.ppid).or_default().push(pid);
        }
    }
    Ok(family)
}

/// What was read, or nothing: for good. Who is not ours to look at never will be.
fn unless_gone<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::SRCH | Errno::ACCESS | Errno::PERM) => Ok(None),
            _ => Err(error),
        },
    }
}
