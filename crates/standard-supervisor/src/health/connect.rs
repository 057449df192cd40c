//! A connection to a server that is checked.

use std::io::{self, ErrorKind};

use supervisor_core::health::CheckFailure;
use tokio::net::TcpStream;

use crate::resolver::{self, Unreachable};

/// Connects to a name or an address. The caller limits the time.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, CheckFailure> {
    resolver::connect(host, port).await.map_err(|why| match why {
        Unreachable::UnknownName(_) | Unreachable::NoNameServer(_) => CheckFailure::Unresolved,
        Unreachable::Io(error) => refused(&error),
    })
}

/// Why there is no connection. That no server is there has many names.
pub(super) fn refused(error: &io::Error) -> CheckFailure {
    const NO_SERVER: [ErrorKind; 6] = [
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
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
