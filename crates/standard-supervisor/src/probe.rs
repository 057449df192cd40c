//! `--probe`: asks the status port of a supervisor, for images without curl.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use supervisor_config::Listen;

use supervisor_sys::clock::Clock;
use supervisor_sys::io::errno;
use supervisor_sys::net::listening;

/// Within this all must have happened: probes are made often, and a container's engine has
/// a limit of its own.
const LIMIT: Duration = Duration::from_secs(1);

/// Bytes of an answer at most.
const LONGEST: u64 = 64 * 1024;

/// The question of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Live,
    Ready,
    Started,
}

impl Question {
    /// The question with this name.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        match name {
            "live" => Ok(Self::Live),
            "ready" => Ok(Self::Ready),
            "started" => Ok(Self::Started),
            _ => Err(format!("--probe: unknown probe {name:?}; expected live, ready or started")),
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Live => "/livez",
            Self::Ready => "/readyz",
            Self::Started => "/startupz",
        }
    }
}

/// An answer: whether it is yes, and its words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) yes: bool,
    pub(crate) words: String,
}

/// Asks the supervisor whose status port is at `listen`.
pub(crate) fn ask(question: Question, listen: &Listen) -> Result<Answer, String> {
    let clock = Clock::start();
    let mut why = String::new();
    for address in addresses(listen)? {
        match ask_at(question, address, &clock) {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                // Of two addresses the first is the one that people know.
                if why.is_empty() {
                    why = format!("no answer from the status port at {address}: {}", told(&error));
                }
            }
        }
    }
    Err(why)
}

/// Where the port is reached from this machine: every address means one of our own.
fn addresses(listen: &Listen) -> Result<Vec<SocketAddr>, String> {
    let Listen::Inet { host, port } = listen else {
        return Err("the status port is a file".to_owned());
    };
    let (v4, v6) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST));
    let own = match host.as_deref() {
        // It listens for both families, of which a network or a kernel may have one.
        None => vec![v4, v6],
        Some(host) => {
            match listening::resolve(host).map_err(|error| format!("{host}: {error}"))? {
                host if !host.is_unspecified() => vec![host],
                IpAddr::V4(_) => vec![v4],
                IpAddr::V6(_) => vec![v6, v4],
            }
        }
    };
    Ok(own.into_iter().map(|host| SocketAddr::new(host, *port)).collect())
}

fn ask_at(question: Question, address: SocketAddr, clock: &Clock) -> io::Result<Answer> {
    let left = || match LIMIT.saturating_sub(clock.mono().since_zero()) {
        Duration::ZERO => Err(io::Error::from(io::ErrorKind::TimedOut)),
        left => Ok(left),
    };
    let mut stream = TcpStream::connect_timeout(&address, left()?)?;
    stream.set_write_timeout(Some(left()?))?;
    let path = question.path();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while (answer.len() as u64) < LONGEST {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut piece)? {
            0 => break,
            length => answer.extend_from_slice(&piece[..length]),
        }
    }
    understood(&String::from_utf8_lossy(&answer))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not a supervisor"))
}

/// The status and the body of an answer.
fn understood(answer: &str) -> Option<Answer> {
    let status: u16 = answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some(Answer { yes: status == 200, words: body.trim_end().to_owned() })
}

fn told(error: &io::Error) -> String {
    let late = [io::ErrorKind::TimedOut, io::ErrorKind::WouldBlock];
    if late.contains(&error.kind()) {
        return format!("timed out after {} s", LIMIT.as_secs());
    }
    errno::words(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: Option<&str>) -> Vec<String> {
        let listen = Listen::Inet { host: host.map(str::to_owned), port: 9 };
        addresses(&listen).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_probe_asks_the_loopback_for_every_address() {
        assert_eq!(at(None), ["127.0.0.1:9", "[::1]:9"]);
        assert_eq!(at(Some("0.0.0.0")), ["127.0.0.1:9"]);
        assert_eq!(at(Some("::")), ["[::1]:9", "127.0.0.1:9"]);
        assert_eq!(at(Some("::1")), ["[::1]:9"]);
        assert_eq!(at(Some("127.0.0.2")), ["127.0.0.2:9"]);
    }

    #[test]
    fn a_probe_response_has_a_status_and_a_text() {
        let ready = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n";
        let words = |yes, words: &str| Some(Answer { yes, words: words.to_owned() });
        assert_eq!(understood(ready), words(true, "ready"));
        assert_eq!(
            understood("HTTP/1.1 503 X\r\n\r\nnot ready: x\n"),
            words(false, "not ready: x")
        );
        assert_eq!(understood("SSH-2.0"), None);
        assert_eq!(understood("HTTP/1.1 200 OK\r\n"), None);
    }
}
