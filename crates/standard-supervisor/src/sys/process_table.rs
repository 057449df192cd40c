//! Who lives, whose child it is, and whom it belongs to, as `/proc` tells.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use supervisor_core::ids::{Member, Pid};
use supervisor_wire::procfs::{self, Stat};

/// What is known of a process.
pub(crate) fn stat(pid: Pid) -> Option<Stat> {
    procfs::stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
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
pub(crate) fn start_of(pid: Pid) -> Option<u64> {
    stat(pid).map(|stat| stat.start)
}

/// The value that a variable had in a process's environment when it was executed.
pub(crate) fn variable(pid: Pid, name: &str) -> Option<Vec<u8>> {
    let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
    procfs::variable(&environ, name).map(<[u8]>::to_vec)
}

/// The words of a process's command line, each with a zero byte behind it.
pub(crate) fn command_line(pid: Pid) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{pid}/cmdline")).ok()
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
    pub(crate) fn now() -> Self {
        let listed = fs::exists("/proc/thread-self/children").unwrap_or(false);
        Self { whole: (!listed).then(everyone_by_parent) }
    }

    /// Those whose parent `pid` is.
    pub(crate) fn children(&self, pid: Pid) -> Vec<Pid> {
        if let Some(whole) = &self.whole {
            return whole.get(&pid.0).cloned().unwrap_or_default();
        }
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
        let lists =
            threads.flatten().filter_map(|thread| fs::read(thread.path().join("children")).ok());
        lists.flat_map(|list| procfs::pids(&list).map(Pid).collect::<Vec<_>>()).collect()
    }

    /// Those below `pid`, it not included, who are alive.
    pub(crate) fn descendants(&self, pid: Pid) -> Vec<Member> {
        let mut found: Vec<Member> = Vec::new();
        let mut open = self.children(pid);
        while let Some(pid) = open.pop() {
            let Some(stat) = stat(pid) else { continue };
            // Processes that move while we look could otherwise lead us in a circle.
            if found.iter().any(|member| member.pid == pid) {
                continue;
            }
            open.extend(self.children(pid));
            if !stat.is_dead() {
                found.push(Member { pid, start: stat.start });
            }
        }
        found
    }
}

fn everyone_by_parent() -> BTreeMap<i32, Vec<Pid>> {
    let mut family = BTreeMap::<i32, Vec<Pid>>::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid);
        if let Some((pid, stat)) = pid.and_then(|pid| Some((pid, stat(pid)?))) {
            family.entry(stat.ppid).or_default().push(pid);
        }
    }
    family
}
