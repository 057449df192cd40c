//! Finds the process that listens at the address of a check.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use supervisor_core::health::{Comm, Listener, Stranger};
use supervisor_core::ids::Pid;
use supervisor_sys::deadline::run_with_deadline;
use supervisor_sys::process::process_table::{Family, descends};
use supervisor_wire::system::procfs;

use super::connect::Peer;

/// Time limit for the search: a process that hangs may block it.
const LOOK_TIME: Duration = Duration::from_millis(500);

/// Finds the listener. `main` is the program's main process. At remote addresses no listener is
/// visible.
pub(super) async fn find(peer: Peer, main: Option<Pid>) -> Listener {
    if !peer.own {
        return Listener::Unseen;
    }
    let found = run_with_deadline(LOOK_TIME, move |_| look(peer.address, main)).await;
    found.and_then(Result::ok).unwrap_or_default()
}

/// Searches the supervisor's processes first. If the descriptors of one of them cannot be read, it
/// may be the listener, so another listener does not count as foreign.
fn look(address: SocketAddr, main: Option<Pid>) -> io::Result<Listener> {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read(path).unwrap_or_default());
    let sockets = procfs::listeners([&lists[0], &lists[1]], address);
    let names: Vec<String> = sockets.iter().map(|inode| format!("socket:[{inode}]")).collect();
    if names.is_empty() {
        return Ok(Listener::Unseen);
    }
    let this = Pid(std::process::id().cast_signed());
    let family = Family::now()?.descendants(this)?;
    for pid in family.into_iter().map(|member| member.pid).chain([this]) {
        match holds(pid, &names) {
            Ok(true) if main.is_some_and(|main| descends(pid, main)) => return Ok(Listener::Tree),
            Ok(true) => return Ok(Listener::Ours),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for entry in fs::read_dir("/proc")?.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid);
        if let Some(pid) = pid.filter(|pid| matches!(holds(*pid, &names), Ok(true))) {
            // It may have been started since the first look.
            return Ok(if descends(pid, this) { Listener::Ours } else { stranger(pid) });
        }
    }
    Ok(Listener::Unseen)
}

fn stranger(pid: Pid) -> Listener {
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    Listener::Stranger(Stranger { pid, name: Comm::new(name.trim_ascii_end()) })
}

/// Whether a process has one of these sockets open.
fn holds(pid: Pid, names: &[String]) -> io::Result<bool> {
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let link = fs::read_link(entry?.path());
        if link.is_ok_and(|link| names.iter().any(|name| link.as_os_str() == name.as_str())) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_is_attributed_to_its_program_or_the_supervisor() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let this = Pid(std::process::id().cast_signed());
        assert_eq!(look(address, Some(this)).unwrap(), Listener::Tree);
        assert_eq!(look(address, None).unwrap(), Listener::Ours);
        drop(listener);
        assert_eq!(look(address, None).unwrap(), Listener::Unseen);
    }

    #[test]
    fn the_listener_at_a_remote_address_is_not_looked_for() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let peer = Peer { address: listener.local_addr().unwrap(), own: false };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(find(peer, None)), Listener::Unseen);
    }
}
