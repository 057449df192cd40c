//! The listening socket that all processes of a [FastCGI
//! program](https://supervisord.org/configuration.html#fcgi-program-x-section-settings) share. It
//! is open while any of them runs.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use supervisor_core::level::Level;
use supervisor_core::spec::{Socket, SocketAddress, Spec};
use supervisor_sys::net::listening::{self, MOST_WAITING, Pinned};

use crate::capture::journal::Journal;

/// A socket, and the number of processes that use it.
#[derive(Debug)]
pub(crate) struct SharedSocket {
    pub(crate) spec: Socket,
    open: Option<OwnedFd>,
    users: usize,
}

/// The effect of taking or returning a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was opened or closed.
    Done,
    /// It was opened in place of a socket on which another process listens.
    TookOver,
    /// Nothing changed, because other processes use it.
    None,
}

/// Opens each configured socket once, so that errors are known early.
pub fn try_all(spec: &Spec, journal: &Journal) -> Result<(), String> {
    let mut tried: Vec<&Socket> = Vec::new();
    let processes = spec.groups.iter().flat_map(|group| &group.processes);
    for wanted in processes.filter_map(|process| process.launch.socket.as_ref()) {
        if tried.contains(&wanted) {
            continue;
        }
        tried.push(wanted);
        let mut socket = SharedSocket::new(wanted.clone());
        journal.say(Level::Info, &format!("Creating socket {socket}"));
        let taken = socket.take();
        let taken =
            taken.map_err(|error| format!("Could not create FastCGI socket {socket}: {error}"))?;
        if taken == Change::TookOver {
            journal.say(Level::Warn, &socket.taken_over());
        }
        journal.say(Level::Info, &format!("Closing socket {socket}"));
    }
    Ok(())
}

impl SharedSocket {
    /// A socket without users.
    pub(crate) const fn new(spec: Socket) -> Self {
        Self { spec, open: None, users: 0 }
    }

    /// Adds a user, and opens the socket for the first one.
    pub(crate) fn take(&mut self) -> io::Result<Change> {
        let change = if self.open.is_none() {
            let took_over = self.is_in_use();
            self.open = Some(listen(&self.spec)?);
            if took_over { Change::TookOver } else { Change::Done }
        } else {
            Change::None
        };
        self.users += 1;
        Ok(change)
    }

    /// Removes a user, and closes the socket after the last one. Its file stays, as in supervisord.
    pub(crate) fn give_back(&mut self) -> Change {
        self.users = self.users.saturating_sub(1);
        if self.users == 0 && self.open.take().is_some() { Change::Done } else { Change::None }
    }

    /// Whether another process listens on the socket at its path. As in supervisord it is replaced
    /// in any case: after a crash, processes of the previous run may still have it.
    fn is_in_use(&self) -> bool {
        match &self.spec.address {
            SocketAddress::Unix { path, .. } => listening::is_listened_to(path).unwrap_or(false),
            SocketAddress::Tcp { .. } => false,
        }
    }

    /// The log line after it was taken over.
    pub(crate) fn taken_over(&self) -> String {
        format!("{self} was in use by another process, which new connections no longer reach")
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.open.as_ref().map(AsFd::as_fd)
    }
}

/// supervisord's name for the socket.
impl fmt::Display for SharedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.spec.address {
            SocketAddress::Unix { path, .. } => write!(f, "unix://{}", path.display()),
            SocketAddress::Tcp { host, port } => {
                write!(f, "tcp://{}:{port}", host.as_deref().unwrap_or("*"))
            }
        }
    }
}

fn listen(spec: &Socket) -> io::Result<OwnedFd> {
    let socket = match &spec.address {
        SocketAddress::Tcp { host, port } => listening::tcp(host.as_deref(), *port)?,
        SocketAddress::Unix { path, mode, owner } => unix(path, *mode, *owner)?,
    };
    rustix::net::listen(&socket, spec.backlog.map_or(MOST_WAITING, i32::from))?;
    Ok(socket)
}

fn unix(path: &Path, mode: u32, owner: Option<(u32, Option<u32>)>) -> io::Result<OwnedFd> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => return Err(listening::not_a_socket()),
        Err(_) => {}
    }
    let socket = listening::unix(path)?;
    let file = Pinned::at(path)?;
    file.set_mode(mode)?;
    if let Some((uid, gid)) = owner {
        file.set_owner(uid, gid)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_socket_with_another_listener_is_not_taken_over_silently() {
        let folder = std::env::temp_dir().join(format!("shared-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("s.sock");
        let address = SocketAddress::Unix { path: path.clone(), mode: 0o700, owner: None };
        let take = || SharedSocket::new(Socket { address: address.clone(), backlog: None }).take();
        assert_eq!(take().unwrap(), Change::Done);
        assert_eq!(take().unwrap(), Change::Done, "it is stale");
        fs::remove_file(&path).unwrap();
        let _theirs = UnixListener::bind(&path).unwrap();
        assert_eq!(take().unwrap(), Change::TookOver);
        fs::remove_dir_all(folder).unwrap();
    }
}
