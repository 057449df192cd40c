//! Where a server is reached. No resolver is asked: what is watched is on this machine or
//! has an address.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use supervisor_core::health::CheckFailure;
use supervisor_wire::hosts;
use tokio::net::TcpStream;

/// Connects to a name or an address, which was understood or is in `/etc/hosts`.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, CheckFailure> {
    let addresses = addresses(host, || fs::read("/etc/hosts").unwrap_or_default());
    let mut failure = CheckFailure::Broken;
    for address in addresses {
        match TcpStream::connect(SocketAddr::new(address, port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = refused(&error),
        }
    }
    Err(failure)
}

/// Why there is no connection. That nobody is there has many names.
pub(super) fn refused(error: &io::Error) -> CheckFailure {
    const NOBODY: [ErrorKind; 6] = [
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
        ErrorKind::NotFound,
        ErrorKind::HostUnreachable,
        ErrorKind::NetworkUnreachable,
        ErrorKind::AddrNotAvailable,
    ];
    if error.kind() == ErrorKind::TimedOut {
        CheckFailure::TimedOut
    } else if NOBODY.contains(&error.kind()) {
        CheckFailure::Refused
    } else {
        CheckFailure::Broken
    }
}

fn addresses(host: &str, file: impl Fn() -> Vec<u8>) -> Vec<IpAddr> {
    if let Ok(address) = host.parse() {
        return vec![address];
    }
    let known = hosts::ipv4(&file(), host).map(IpAddr::V4);
    if host == "localhost" {
        let usual = IpAddr::V4(Ipv4Addr::LOCALHOST);
        return vec![known.unwrap_or(usual), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    }
    known.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_in_the_file_are_known() {
        let file = || b"10.0.0.1 box\n".to_vec();
        let shown = |host| addresses(host, file).iter().map(IpAddr::to_string).collect::<Vec<_>>();
        assert_eq!(shown("127.0.0.9"), ["127.0.0.9"]);
        assert_eq!(shown("::1"), ["::1"]);
        assert_eq!(shown("box"), ["10.0.0.1"]);
        assert_eq!(shown("localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(shown("elsewhere"), Vec::<String>::new());
    }
}
