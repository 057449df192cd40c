//! Finds the process that listens on a port.

use std::fs;
use std::path::Path;

use supervisor_core::ids::Pid;
use supervisor_core::port::Holder;
use supervisor_wire::supervisord::python;
use supervisor_wire::system::procfs;

/// The number of characters of a program name in messages.
const SHOWN: usize = 64;

/// Finds the process that listens on a port of this machine.
pub(crate) fn holder(port: u16) -> Option<Holder> {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read(path).unwrap_or_default());
    let inode = lists.iter().find_map(|list| procfs::listener(list, port))?;
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids =
        processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).map(Pid);
    let found = pids.find(|pid| has_open(*pid, Path::new(&wanted)));
    Some(found.map_or(Holder::Unseen, |pid| Holder::Process { pid, program: program(pid) }))
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
    fn the_process_that_listens_on_a_port_is_found() {
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
    fn only_the_program_of_a_command_line_is_shown() {
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
