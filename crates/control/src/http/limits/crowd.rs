//! What happens at the status port when more come than can be served.
//!
//! Thousands of connections that wait to be accepted are in front of whoever asks `/livez`
//! next, and an orchestrator that gets no answer ends a healthy container. So while there is a
//! crowd, a probe is answered as soon as its connection is accepted, without all that a
//! connection needs otherwise, and other connections are closed: nothing else can take the
//! room of probes.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::http::serve::ServerState;

/// The type of a probe's answer.
const TEXT: &str = "text/plain; charset=utf-8";

/// Bytes of a probe's head: those of orchestrators and load balancers have about a hundred.
const PROBE: usize = 2048;

/// Answers a probe, and says whether the connection is done with: whatever else the client
/// asks for, it can ask again. A client of which nothing came yet may be about to ask.
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

/// The path that a whole head asks for.
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
