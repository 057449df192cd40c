//! The address of a host: what a person would call it, what `/etc/hosts` does, and what
//! a name server does, which in a container is where other containers have their names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use std::{fs, io};

use supervisor_wire::dns::{self, Answer, LONGEST_ANSWER, Resolver};
use supervisor_wire::hosts;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Where name servers listen.
const PORT: u16 = 53;

/// A question or an answer may get lost.
const ATTEMPTS: usize = 2;

/// How long one is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The address of a host.
///
/// # Errors
///
/// That nobody knows it.
pub(super) async fn address(host: &str, port: u16) -> io::Result<SocketAddr> {
    let known = match host.parse::<IpAddr>() {
        Ok(address) => Some(address),
        Err(_) => known(host).map(IpAddr::V4),
    };
    let found = match known {
        Some(address) => Some(address),
        None => {
            let resolver = Resolver::read(&fs::read("/etc/resolv.conf").unwrap_or_default());
            let servers = resolver.servers.iter().map(|server| SocketAddr::new(*server, PORT));
            ask_all(&servers.collect::<Vec<_>>(), &resolver.candidates(host)).await.map(IpAddr::V4)
        }
    };
    found.map(|address| SocketAddr::new(address, port)).ok_or_else(|| {
        let message = format!("{host} is unknown to /etc/hosts and to the name servers");
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}

/// What needn't be asked for.
fn known(host: &str) -> Option<Ipv4Addr> {
    let file = fs::read("/etc/hosts").unwrap_or_default();
    hosts::ipv4(&file, host).or_else(|| (host == "localhost").then_some(Ipv4Addr::LOCALHOST))
}

/// The first address that the first of these servers that answers has for the first of
/// these names.
async fn ask_all(servers: &[SocketAddr], names: &[String]) -> Option<Ipv4Addr> {
    for name in names {
        let asked = (0..ATTEMPTS).flat_map(|_| servers);
        for server in asked {
            match ask(*server, name).await {
                Ok(Answer::Addresses(addresses)) => match addresses.first() {
                    Some(address) => return Some(*address),
                    None => break,
                },
                Ok(Answer::NoSuchName) => break,
                // Another one may know.
                Ok(Answer::Failure) | Err(_) => {}
            }
        }
    }
    None
}

async fn ask(server: SocketAddr, name: &str) -> io::Result<Answer> {
    let mut id = [0; 2];
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())?;
    let Some(question) = dns::question(u16::from_ne_bytes(id), name) else {
        return Ok(Answer::NoSuchName);
    };
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(server).await?;
    socket.send(&question).await?;
    let answered = async {
        // Not in the future itself, which is moved about on the stack.
        let mut message = vec![0; LONGEST_ANSWER];
        loop {
            let length = socket.recv(&mut message).await?;
            // What isn't meant for us doesn't keep us from hearing what is.
            if let Some(answer) = dns::answer(&question, &message[..length]) {
                return Ok(answer);
            }
        }
    };
    timeout(PATIENCE, answered).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name server that knows web.local.
    fn server() -> (SocketAddr, std::thread::JoinHandle<Vec<String>>) {
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let serve = move || {
            let mut asked = Vec::new();
            loop {
                let mut message = [0; LONGEST_ANSWER];
                let (length, from) = socket.recv_from(&mut message).unwrap();
                let mut reply = message[..length].to_vec();
                let name = String::from_utf8_lossy(&message[12..length - 5]).into_owned();
                let known = name == "\u{3}web\u{5}local";
                asked.push(name);
                reply[2] = 0x81;
                if known {
                    reply[7] = 1;
                    reply.extend(
                        b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x0a\x00\x04\x0a\x00\x00\x07",
                    );
                } else {
                    reply[3] = 3;
                }
                // Noise comes first.
                socket.send_to(b"noise", from).unwrap();
                socket.send_to(&reply, from).unwrap();
                if known {
                    return asked;
                }
            }
        };
        (address, std::thread::spawn(serve))
    }

    #[test]
    fn names_are_asked_for_until_one_is_known() {
        let (address, served) = server();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let names = ["web.nowhere".to_owned(), "web.local".to_owned()];
        let found = runtime.unwrap().block_on(ask_all(&[address], &names));
        assert_eq!(found, Some(Ipv4Addr::new(10, 0, 0, 7)));
        assert_eq!(served.join().unwrap(), ["\u{3}web\u{7}nowhere", "\u{3}web\u{5}local"]);
    }
}
