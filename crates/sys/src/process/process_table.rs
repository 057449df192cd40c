//! Processes, their parents and their groups, from `/proc`.
//!
//! "No process" is an answer on which callers act. If something cannot be read, for example without
//! free descriptors, the result is therefore an error.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use supervisor_core::ids::{Member, Pid};
use supervisor_core::input::{Exit, Traits};
use supervisor_core::signal::Signal;
use supervisor_wire::system::procfs::{self, Stat};

use super::reap::decode;

/// The facts about a process; `None` if it no longer exists.
pub fn stat(pid: Pid) -> io::Result<Option<Stat>> {
    let line = unless_gone(fs::read(format!("/proc/{pid}/stat")))?;
    Ok(line.and_then(|line| procfs::stat(&line)))
}

/// The facts about a process that has exited and has not been reaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The command name, at most 15 bytes.
    pub name: String,
    /// When the process started, in clock ticks since boot.
    pub start: u64,
    /// Its process group and its session.
    pub led_by: [Pid; 2],
    /// How the process ended.
    pub exit: Exit,
}

/// The same for one process. `None`: it was reaped, or it is alive.
pub fn dead(pid: Pid) -> Option<Dead> {
    let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = procfs::stat(&line).filter(|stat| stat.is_dead())?;
    Some(Dead {
        name: name(&line),
        start: stat.start,
        led_by: [stat.pgrp, stat.session].map(Pid),
        exit: decode(procfs::exit_status(&line)?),
    })
}

fn name(line: &[u8]) -> String {
    String::from_utf8_lossy(procfs::name(line).unwrap_or_default()).into_owned()
}

/// The maximum number of generations that are followed.
const DEPTH: usize = 64;

/// Whether `pid` is `ancestor`, or descends from it.
pub fn descends(pid: Pid, ancestor: Pid) -> bool {
    let mut at = pid;
    for _ in 0..DEPTH {
        if at == ancestor {
            return true;
        }
        let Ok(Some(stat)) = stat(at) else { return false };
        at = Pid(stat.ppid);
    }
    false
}

/// A process that descends from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relative {
    /// Its pid and start time.
    pub member: Member,
    /// Its command name.
    pub name: String,
    /// It is a child of that other.
    pub is_child: bool,
}

/// The living descendants of `pid`, the nearest first, up to this number. Processes that cannot be
/// read are left out, because the result is only shown to users.
pub fn relatives(pid: Pid, most: usize) -> Vec<Relative> {
    let Ok(family) = Family::now() else { return Vec::new() };
    let mut found: Vec<Relative> = Vec::new();
    let mut parents = VecDeque::from([pid]);
    while let Some(parent) = parents.pop_front() {
        for child in family.children(parent).unwrap_or_default() {
            let line = fs::read(format!("/proc/{child}/stat")).unwrap_or_default();
            let Some(stat) = procfs::stat(&line).filter(|stat| !stat.is_dead()) else { continue };
            let member = Member { pid: child, start: stat.start };
            // Processes that move while we look could otherwise lead us in a circle.
            if found.iter().any(|relative| relative.member == member) {
                continue;
            }
            found.push(Relative { member, name: name(&line), is_child: parent == pid });
            if found.len() == most {
                return found;
            }
            parents.push_back(child);
        }
    }
    found
}

/// Resource usage of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, including that of the children it waited for.
    pub cpu: Duration,
    /// Bytes of memory.
    pub memory: u64,
    /// A signal, such as SIGSTOP, has suspended it.
    pub suspended: bool,
}

/// Whether a signal, such as SIGSTOP, has suspended a process.
pub fn is_suspended(pid: Pid) -> bool {
    stat(pid).is_ok_and(|stat| stat.is_some_and(Stat::is_suspended))
}

/// Resource usage of a process; `None`: the process no longer exists.
pub fn usage(pid: Pid) -> Option<Usage> {
    let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let procfs::Usage { ticks, pages } = procfs::usage(&line)?;
    let suspended = procfs::stat(&line).is_some_and(Stat::is_suspended);
    // SAFETY: both calls only return constants.
    let [tick, page] =
        [libc::_SC_CLK_TCK, libc::_SC_PAGESIZE].map(|name| unsafe { libc::sysconf(name) });
    let (tick, page) =
        (u64::try_from(tick).ok().filter(|tick| *tick > 0)?, u64::try_from(page).ok()?);
    let cpu = Duration::from_millis(ticks.saturating_mul(1000) / tick);
    Some(Usage { cpu, memory: pages.saturating_mul(page), suspended })
}

/// Anonymous and shared memory of a process, in bytes. It is read from `status`, because reading
/// `smaps` would block the process. `None`: the system does not report it.
pub fn own_memory(pid: Pid) -> Option<u64> {
    match fs::read(format!("/proc/{pid}/status")) {
        Ok(status) => procfs::own_memory(&status),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::SRCH) => Some(0),
            _ => None,
        },
    }
}

/// The start time of a process, if it is alive; it distinguishes the process from a later one with
/// its pid.
pub fn start_of(pid: Pid) -> io::Result<Option<u64>> {
    Ok(stat(pid)?.map(|stat| stat.start))
}

/// The number of looks at a process during its exec, with a pause between them, and the number of
/// times in all that it must appear without an environment until that is believed.
const LOOKS: u32 = 50;
const LOOKS_AT_NONE: u32 = 3;
const PAUSE: Duration = Duration::from_millis(1);

/// The environment with which a process was executed; empty if the process has exited or cannot be
/// inspected. Reading it may block, because it is in the memory of the process: see
/// [`crate::process::readers`].
///
/// # Errors
///
/// `TimedOut`: the process stays in the middle of an exec.
#[expect(clippy::disallowed_methods, reason = "nothing tells of the end of an execve")]
pub fn environ(pid: Pid) -> io::Result<Vec<u8>> {
    let mut none = 0;
    for _ in 0..LOOKS {
        let environ = match fs::read(format!("/proc/{pid}/environ")) {
            // Also while one memory takes the place of the other.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => Vec::new(),
            read => match unless_gone(read)? {
                Some(environ) => environ,
                None => return Ok(Vec::new()),
            },
        };
        let line = unless_gone(fs::read(format!("/proc/{pid}/stat")))?.unwrap_or_default();
        let ended = procfs::stat(&line).is_none_or(Stat::is_dead);
        // During an exec, the process gets its new memory before its environment: at first the
        // environment has no address, then no length.
        none += u32::from(procfs::environment_length(&line) == Some(0));
        if !environ.is_empty() || ended || none >= LOOKS_AT_NONE {
            return Ok(environ);
        }
        thread::sleep(PAUSE);
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// The arguments of a process, each with a trailing zero byte. Reading them may block, as for
/// [`environ`].
pub fn command_line(pid: Pid) -> io::Result<Vec<u8>> {
    unless_gone(fs::read(format!("/proc/{pid}/cmdline"))).map(Option::unwrap_or_default)
}

/// The traits that a stop needs of a process whose `/proc/PID/stat` is `stat`.
pub fn traits(pid: Pid, stat: Stat, stopsignal: Signal) -> Traits {
    let status = fs::read(format!("/proc/{pid}/status")).unwrap_or_default();
    Traits {
        shell: is_shell(pid, stat),
        ignores_stopsignal: procfs::ignores(&status, stopsignal.number()),
    }
}

/// Whether the process is a shell. If the executable of another user's process is invisible, its
/// command line shows it; reading it may block if the process waits in the kernel.
fn is_shell(pid: Pid, stat: Stat) -> bool {
    let words = || {
        let readable = stat.state != b'D';
        if readable { command_line(pid).unwrap_or_default() } else { Vec::new() }
    };
    match fs::read_link(format!("/proc/{pid}/exe")) {
        Ok(executable) => {
            let executable = executable.into_os_string().into_vec();
            procfs::is_shell(
                &executable,
                &if executable.ends_with(b"busybox") { words() } else { Vec::new() },
            )
        }
        Err(_) => procfs::is_shell(b"busybox", &words()),
    }
}

/// Parents and their children.
///
/// If the kernel lists the children of each thread, only the requested part of the tree is read,
/// which takes microseconds; otherwise all of `/proc` is read once.
#[derive(Debug)]
pub struct Family {
    whole: Option<BTreeMap<i32, Vec<Pid>>>,
}

impl Family {
    /// The processes that exist now.
    pub fn now() -> io::Result<Self> {
        let listed = fs::exists("/proc/thread-self/children").unwrap_or(false);
        Ok(Self { whole: if listed { None } else { Some(everyone_by_parent()?) } })
    }

    /// The children of `pid`.
    pub fn children(&self, pid: Pid) -> io::Result<Vec<Pid>> {
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

    /// The living descendants of `pid`, without `pid` itself.
    pub fn descendants(&self, pid: Pid) -> io::Result<Vec<Member>> {
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

/// The result of a read, or nothing if the process has exited or may not be inspected, which does
/// not change later.
fn unless_gone<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::SRCH | Errno::ACCESS | Errno::PERM) => Ok(None),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "its child is not the supervisor's")]
    fn a_process_that_executes_programs_always_has_an_environment() {
        let again = r#"test "$1" = 0 || exec /bin/sh -c "$0" "$0" $(($1 - 1))"#;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", again, again, "2000"]).env_clear().env("MARK", "here");
        let mut child = command.spawn().unwrap();
        let pid = Pid(child.id().cast_signed());
        let mut looks = 0;
        loop {
            let environ = environ(pid).unwrap();
            if environ.is_empty() {
                // It has exited and is not reaped yet.
                assert!(stat(pid).unwrap().is_none_or(Stat::is_dead), "after {looks} looks");
                break;
            }
            looks += 1;
        }
        child.wait().unwrap();
        assert!(looks > 100, "{looks}");
    }
}
