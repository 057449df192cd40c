//! Listening sockets.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use supervisor_wire::hosts;

/// As many waiting connections as the kernel allows: it cuts the number down.
pub(crate) const MOST_WAITING: i32 = 4096;

/// A socket that has an address and does not listen yet: every address if there is no host.
pub(crate) fn tcp(host: Option<&str>, port: u16) -> io::Result<OwnedFd> {
    let address = host.map_or(Ok(Ipv4Addr::UNSPECIFIED), resolve)?;
    let socket = new(AddressFamily::INET)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &SocketAddrV4::new(address, port))?;
    Ok(socket)
}

/// A socket that has a path, where nothing may be, and does not listen yet.
pub(crate) fn unix(path: &Path) -> io::Result<OwnedFd> {
    let socket = new(AddressFamily::UNIX)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// What stands at a path and is not a socket is somebody's.
pub(crate) fn not_a_socket() -> io::Error {
    let message = "there is something that is not a socket";
    io::Error::new(io::ErrorKind::AlreadyExists, message)
}

/// A socket of streams.
pub(crate) fn new(family: AddressFamily) -> io::Result<OwnedFd> {
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
