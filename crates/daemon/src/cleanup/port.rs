//! Finds the process that listens on a port, and waits until the port is free.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use supervisor_core::ids::Pid;
use supervisor_wire::supervisord::python;
use supervisor_wire::system::procfs;

use supervisor_sys::deadline::run_with_deadline;
use supervisor_sys::process::pidfd;

/// The number of characters of a program name in messages.
const SHOWN: usize = 64;

/// The listener on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A process.
    Process {
        /// Its pid.
        pid: Pid,
        /// The name of its program. Its arguments may contain keys, and this goes to the log.
        program: String,
    },
    /// A listener whose process cannot be inspected.
    Unknown,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, program } => write!(f, "pid {pid} ({program})"),
            Self::Unknown => f.write_str("a process that is not visible in /proc"),
        }
    }
}

/// Waits until no process listens on `port`, at most `limit`. `told` is called with each holder
/// that is found. Returns the holder that is left.
pub(crate) async fn wait_free(
    port: u16,
    limit: Duration,
    mut told: impl FnMut(&Holder),
) -> Option<Holder> {
    let mut last = None;
    let wait = async {
        while let Some(Some(holder)) = run_with_deadline(limit, move |_| holder(port)).await {
            if last.as_ref() == Some(&holder) {
                // The process has exited but still exists: nothing signals when that changes.
                return;
            }
            told(&holder);
            last = Some(holder.clone());
            match holder {
                Holder::Process { pid, .. } => pidfd::ended(pid).await,
                Holder::Unknown => return,
            }
        }
        last = None;
    };
    // The holder that was found last.
    let _ = tokio::time::timeout(limit, wait).await;
    last
}

/// Finds the process that listens on a port of this machine.
pub(crate) fn holder(port: u16) -> Option<Holder> {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read(path).unwrap_or_default());
    let inode = lists.iter().find_map(|list| procfs::listener(list, port))?;
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids =
        processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).map(Pid);
    let found = pids.find(|pid| has_open(*pid, Path::new(&wanted)));
    Some(found.map_or(Holder::Unknown, |pid| Holder::Process { pid, program: program(pid) }))
}

fn has_open(pid: Pid, wanted: &Path) -> bool {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    links.any(|link| link == wanted)
}

fn program(pid: Pid) -> String {
    name_in(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default())
}

/// The last path component of the program in a command line. A process may have overwritten its
/// command line without zero bytes, so arguments may also follow a space.
fn name_in(cmdline: &[u8]) -> String {
    let end = cmdline.iter().position(|byte| *byte == 0 || byte.is_ascii_whitespace());
    let path = &cmdline[..end.unwrap_or(cmdline.len())];
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    python::shown(&String::from_utf8_lossy(name), SHOWN)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn who_listens_is_found() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = Pid(std::process::id().cast_signed());
        assert!(
            matches!(holder(port), Some(Holder::Process { pid, ref program })
                if pid == own && program.starts_with("supervisor_daemon")),
            "{:?}",
            holder(port)
        );
        drop(listener);
        assert_eq!(holder(port), None);
    }

    #[test]
    fn of_a_command_line_only_the_program_is_told() {
        for (cmdline, name) in [
            (&b"/usr/bin/python3\0-m\0server\0--api-key\0sk-1\0"[..], "python3"),
            (b"vllm\0serve\0", "vllm"),
            (b"server --url http://h/?key=sk-1", "server"),
            (b"nginx: worker process", "nginx:"),
            (b"/opt/\x1b[2Jx\0", "\\x1b[2Jx"),
            (b"", ""),
        ] {
            assert_eq!(name_in(cmdline), name);
        }
    }
}
