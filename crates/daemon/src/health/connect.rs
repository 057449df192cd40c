//! Connects to a server that is checked.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use supervisor_core::health::CheckFailure;
use tokio::net::TcpStream;

use supervisor_sys::net::resolver::{self, Unreachable};

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(super) address: SocketAddr,
    /// Whether it is one of this host's own addresses.
    pub(super) own: bool,
}

impl Peer {
    fn of(stream: &TcpStream) -> io::Result<Self> {
        let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
        let (local_ip, ip) = (local.ip().to_canonical(), peer.ip().to_canonical());
        // Towards an own address the kernel takes that address for our end as well.
        let own = ip.is_loopback() || local_ip == ip;
        Ok(Self { address: SocketAddr::new(ip, peer.port()), own })
    }
}

/// Connects to a name or an address. The caller limits the time.
pub(crate) async fn connect(host: &str, port: u16) -> Result<(TcpStream, Peer), CheckFailure> {
    let connected = resolver::connect(host, port).await;
    let stream = connected.map_err(|why| match why {
        Unreachable::UnknownName(_) | Unreachable::NoNameServer(_) => CheckFailure::Unresolved,
        Unreachable::Io(error) => refused(&error),
    })?;
    let peer = Peer::of(&stream).map_err(|error| refused(&error))?;
    Ok((stream, peer))
}

/// The failure of a connection. Several errors mean that no server listens.
pub(super) fn refused(error: &io::Error) -> CheckFailure {
    const NO_SERVER: [ErrorKind; 7] = [
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
        ErrorKind::NotConnected,
        ErrorKind::NotFound,
        ErrorKind::HostUnreachable,
        ErrorKind::NetworkUnreachable,
        ErrorKind::AddrNotAvailable,
    ];
    if error.kind() == ErrorKind::TimedOut {
        CheckFailure::TimedOut
    } else if NO_SERVER.contains(&error.kind()) {
        CheckFailure::Refused
    } else {
        CheckFailure::Broken
    }
}
