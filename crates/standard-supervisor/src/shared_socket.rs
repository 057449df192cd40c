//! The listening socket that all processes of a
//! [FastCGI program](https://supervisord.org/configuration.html#fcgi-program-x-section-settings)
//! accept connections on. It is there while any of them runs.

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use supervisor_core::level::Level;
use supervisor_core::spec::{Socket, SocketAddress, Spec};
use supervisor_wire::hosts;

use crate::capture::journal::Journal;

/// As many waiting connections as the kernel allows: it cuts the number down.
const MOST_WAITING: i32 = 4096;

/// A socket and how many processes have it.
#[derive(Debug)]
pub(crate) struct SharedSocket {
    pub(crate) spec: Socket,
    open: Option<OwnedFd>,
    users: usize,
}

/// What taking or giving back a socket did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was made, or closed.
    Done,
    /// Others have it too.
    None,
}

/// Makes each socket that some process wants once, so that one that can't be made is
/// known early.
pub(crate) fn try_all(spec: &Spec, journal: &Journal) -> Result<(), String> {
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
        taken.map_err(|error| format!("Could not create FastCGI socket {socket}: {error}"))?;
        journal.say(Level::Info, &format!("Closing socket {socket}"));
    }
    Ok(())
}

impl SharedSocket {
    /// A socket that nobody has yet.
    pub(crate) const fn new(spec: Socket) -> Self {
        Self { spec, open: None, users: 0 }
    }

    /// One more process needs it.
    pub(crate) fn take(&mut self) -> io::Result<Change> {
        let change = if self.open.is_none() {
            self.open = Some(listen(&self.spec)?);
            Change::Done
        } else {
            Change::None
        };
        self.users += 1;
        Ok(change)
    }

    /// One process less needs it. Its file stays, as in supervisord.
    pub(crate) fn give_back(&mut self) -> Change {
        self.users = self.users.saturating_sub(1);
        if self.users == 0 && self.open.take().is_some() { Change::Done } else { Change::None }
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.open.as_ref().map(AsFd::as_fd)
    }
}

/// supervisord's name for it.
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
        SocketAddress::Tcp { host, port } => tcp(host.as_deref(), *port)?,
        SocketAddress::Unix { path, mode, owner } => unix(path, *mode, *owner)?,
    };
    rustix::net::listen(&socket, spec.backlog.map_or(MOST_WAITING, i32::from))?;
    Ok(socket)
}

fn tcp(host: Option<&str>, port: u16) -> io::Result<OwnedFd> {
    let address = host.map_or(Ok(Ipv4Addr::UNSPECIFIED), resolve)?;
    let socket = new(AddressFamily::INET)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &SocketAddrV4::new(address, port))?;
    Ok(socket)
}

fn unix(path: &Path, mode: u32, owner: Option<(u32, Option<u32>)>) -> io::Result<OwnedFd> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => {
            let message = "there is something that is not a socket";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        Err(_) => {}
    }
    let socket = new(AddressFamily::UNIX)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    if let Some((uid, gid)) = owner {
        std::os::unix::fs::chown(path, Some(uid), gid)?;
    }
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    Ok(socket)
}

fn new(family: AddressFamily) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// A name's address, from `/etc/hosts`: whoever listens is on this machine.
fn resolve(host: &str) -> io::Result<Ipv4Addr> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let known = hosts::ipv4(&fs::read("/etc/hosts").unwrap_or_default(), host);
    let known = known.or_else(|| (host == "localhost").then_some(Ipv4Addr::LOCALHOST));
    known.ok_or_else(|| {
        let message = format!("{host} is neither an IPv4 address nor a name in /etc/hosts");
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}
