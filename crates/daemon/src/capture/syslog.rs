//! The system's log.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use supervisor_wire::syslog::datagram;

use supervisor_sys::wall;

/// The identifier of all messages, as in supervisord.
const IDENT: &str = "supervisord";

/// A connection to the system's log. Messages that it cannot take at once are lost, because logging
/// must not block a program.
#[derive(Debug)]
pub struct Syslog {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Syslog {
    /// The log of this system. Its daemon may start later.
    pub fn of_system() -> io::Result<Self> {
        Self::at(Path::new("/dev/log"))
    }

    fn at(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, path: path.to_owned() })
    }

    /// Sends one line.
    pub(crate) fn send(&self, message: &[u8]) -> io::Result<()> {
        let datagram = datagram(wall::local_time(), IDENT, message);
        self.socket.send_to(&datagram, &self.path).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syslog_line_has_the_supervisors_name_and_a_missing_server_is_an_error() {
        let path = std::env::temp_dir().join(format!("syslog-{}", std::process::id()));
        let syslog = Syslog::at(&path).unwrap();
        assert!(syslog.send(b"nobody listens").is_err());
        let daemon = UnixDatagram::bind(&path).unwrap();
        syslog.send(b"web ready").unwrap();
        let mut bytes = [0; 100];
        let length = daemon.recv(&mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        assert!(text.starts_with("<14>") && text.ends_with(" supervisord: web ready"), "{text}");
        std::fs::remove_file(path).unwrap();
    }
}
