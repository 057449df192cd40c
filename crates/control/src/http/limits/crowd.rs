//! Answers probes on the status port during an overload.
//!
//! If thousands of connections wait to be accepted, a probe such as `/livez` waits behind them, and
//! an orchestrator stops a healthy container that does not answer. During an overload, therefore, a
//! probe is answered as soon as its connection is accepted, without the usual setup, and other
//! connections are closed.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::http::serve::ServerState;

/// The content type of a probe's response.
const TEXT: &str = "text/plain; charset=utf-8";

/// The maximum size of a probe's head. Those of orchestrators and load balancers have about a
/// hundred bytes.
const PROBE: usize = 2048;

/// Answers a probe. Returns whether the connection is complete: a client with another request can
/// repeat it. A connection from which no byte has arrived is not complete.
pub(crate) fn is_done_with(server: &ServerState, socket: &OwnedFd) -> bool {
    let mut head = [0; PROBE];
    let read = match rustix::net::recv(socket, &mut head, RecvFlags::DONTWAIT) {
        Ok((read, _)) => read,
        Err(Errno::AGAIN) => return false,
        Err(_) => return true,
    };
    let answer = path(&head[..read]).and_then(|path| server.site.probe(server, path));
    if let Some((code, words)) = answer {
        let answer = format!(
            "HTTP/1.1 {code}\r\nContent-Type: {}\r\nCache-Control: no-store\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{words}",
            TEXT,
            words.len(),
        );
        // It fits into the buffer of a new connection, or the client has gone.
        let _ = rustix::net::send(socket, answer.as_bytes(), SendFlags::NOSIGNAL);
    }
    true
}

/// The path in a complete request head.
fn path(head: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(head).ok()?;
    if !head.contains("\r\n\r\n") {
        return None;
    }
    let target = head.strip_prefix("GET ")?.split(' ').next()?;
    target.split('?').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_a_complete_get_request() {
        assert_eq!(path(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), Some("/livez"));
        assert_eq!(path(b"GET /readyz?verbose HTTP/1.1\r\n\r\n"), Some("/readyz"));
        for other in ["", "GET /livez", "GET /livez HTTP/1.1\r\nX:", "POST / HTTP/1.1\r\n\r\n"] {
            assert_eq!(path(other.as_bytes()), None, "{other}");
        }
    }
}
