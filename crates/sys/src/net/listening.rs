//! Listening sockets.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use supervisor_wire::system::hosts;

/// The length of the queue of waiting connections: the kernel reduces it to its own limit.
pub const MOST_WAITING: i32 = 4096;

/// Creates a socket with an address that does not listen yet: on all IPv4 addresses if `host` is
/// `None`, on all addresses of both families if it is `::`.
pub fn tcp(host: Option<&str>, port: u16) -> io::Result<OwnedFd> {
    let address = host.map_or_else(|| Ok(Ipv4Addr::UNSPECIFIED.into()), resolve)?;
    match bound(address, port) {
        // A kernel without IPv6 has all of its addresses in the other family.
        Err(error) if address == Ipv6Addr::UNSPECIFIED && lacks_ipv6(&error) => {
            bound(Ipv4Addr::UNSPECIFIED.into(), port)
        }
        socket => socket,
    }
}

fn bound(address: IpAddr, port: u16) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = new(family)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        // Whatever net.ipv6.bindv6only says: [::] is every address of both families.
        sockopt::set_ipv6_v6only(&socket, false)?;
    }
    rustix::net::bind(&socket, &SocketAddr::new(address, port))?;
    Ok(socket)
}

fn lacks_ipv6(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(number, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL | Errno::PROTONOSUPPORT))
}

/// Creates a socket at a free path that does not listen yet.
pub fn unix(path: &Path) -> io::Result<OwnedFd> {
    let socket = new(AddressFamily::UNIX)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// Whether a process listens on the socket at a path.
pub fn is_listened_to(path: &Path) -> io::Result<bool> {
    let socket = new(AddressFamily::UNIX)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
        // The queue of connections is full, so a process listens.
        Ok(()) | Err(Errno::AGAIN) => Ok(true),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether there is a socket at a path, and no process listens on it.
pub fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket());
    is_socket && is_listened_to(path).is_ok_and(|listened| !listened)
}

/// The file of a socket. Changes apply to this file, whatever is at its path later.
#[derive(Debug)]
pub struct Pinned<'a> {
    path: &'a Path,
    file: OwnedFd,
}

impl<'a> Pinned<'a> {
    /// Opens the socket at a path; an error if there is no socket.
    pub fn at(path: &'a Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty())?;
        let is_socket = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode).is_socket();
        if is_socket { Ok(Self { path, file }) } else { Err(not_a_socket()) }
    }

    /// Sets the mode. By path, a user who owns the directory or the socket could redirect the
    /// change to another file. Call it before [`Self::set_owner`], because afterwards it needs
    /// another privilege.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        let mode = fs::Permissions::from_mode(mode);
        let pinned = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        match fs::set_permissions(pinned, mode.clone()) {
            // Without `/proc` there is no other way.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::set_permissions(self.path, mode)
            }
            result => result,
        }
    }

    /// Sets the owner of the socket's file, and its group if one is given.
    ///
    /// # Errors
    ///
    /// If the system rejects the change.
    pub fn set_owner(&self, uid: u32, gid: Option<u32>) -> io::Result<()> {
        let (uid, gid) = (Some(Uid::from_raw(uid)), gid.map(Gid::from_raw));
        Ok(rustix::fs::chownat(&self.file, c"", uid, gid, AtFlags::EMPTY_PATH)?)
    }
}

/// The error for a path with a file that is not a socket.
pub fn not_a_socket() -> io::Error {
    let message = "it exists and is not a socket";
    io::Error::new(io::ErrorKind::AlreadyExists, message)
}

/// Creates a stream socket.
pub fn new(family: AddressFamily) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// The address of a host name from `/etc/hosts`. Listeners only use addresses of this machine.
pub fn resolve(host: &str) -> io::Result<IpAddr> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let known = hosts::addresses(&fs::read("/etc/hosts").unwrap_or_default(), host);
    known.first().copied().ok_or_else(|| {
        let message = format!("{host} is neither an IP address nor a name in /etc/hosts");
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn two_colons_listen_on_all_addresses_of_both_families() {
        let listener = |host: Option<&str>| {
            let socket = tcp(host, 0).unwrap();
            rustix::net::listen(&socket, 1).unwrap();
            TcpListener::from(socket)
        };
        let reached = |listener: &TcpListener| {
            let port = listener.local_addr().unwrap().port();
            ["127.0.0.1", "::1"].map(|host| TcpStream::connect((host, port)).is_ok())
        };
        assert_eq!(reached(&listener(Some("::"))), [true, true]);
        assert_eq!(reached(&listener(Some("::1"))), [false, true]);
        assert_eq!(reached(&listener(None)), [true, false]);
    }

    #[test]
    fn the_mode_is_set_on_the_socket_and_not_on_its_replacement() {
        let folder = std::env::temp_dir().join(format!("listening-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (path, moved, victim) =
            (folder.join("s.sock"), folder.join("moved"), folder.join("victim"));
        fs::write(&victim, "precious").unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
        let _socket = unix(&path).unwrap();
        let pinned = Pinned::at(&path).unwrap();
        fs::rename(&path, &moved).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        pinned.set_mode(0o640).unwrap();
        let mode = |path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&moved), mode(&victim)), (0o640, 0o600));
        assert!(Pinned::at(&path).is_err(), "a link was taken for a socket");
        fs::remove_dir_all(folder).unwrap();
    }
}
