//! Why a daemon could not be asked, or didn't do it.
//!
//! Programs look for the beginnings of what Python's supervisorctl prints, so these are
//! the same. Where that goes on with a file and line of its own source, ours names the
//! server.

use std::fmt;
use std::io;

use supervisor_wire::supervisord::python::repr;
use supervisor_wire::xmlrpc::Fault;

use supervisor_sys::io::errno;

/// The status with which a server asks who we are.
const UNAUTHORIZED: u16 = 401;

/// Why a call has no result.
#[derive(Debug)]
pub(crate) enum CtlError {
    /// The daemon's refusal.
    Fault(Fault),
    /// The server's refusal: it is no supervisord, or wants to know who asks.
    Status {
        /// Such as 404.
        code: u16,
        /// Such as `Not Found`.
        reason: String,
        /// Server and path.
        place: String,
    },
    /// There is no connection.
    Io(io::Error),
    /// The connection was closed before an answer.
    Disconnected,
    /// No such server can be: what is wrong with its URL.
    BadUrl(String),
    /// What came is no answer; what is wrong with it.
    Garbled(String),
    /// Nobody listens to what we print.
    StdoutClosed(io::Error),
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl CtlError {
    /// Whether this is the fault with this code.
    pub(crate) fn is_fault(&self, code: i32) -> bool {
        self.fault().is_some_and(|fault| fault.code == code)
    }

    /// The fault, if it is one.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Status { .. }
            | Self::Io(_)
            | Self::Disconnected
            | Self::BadUrl(_)
            | Self::Garbled(_)
            | Self::StdoutClosed(_)
            | Self::Interrupted => None,
        }
    }

    /// Whether the server wants to know who asks.
    pub(crate) fn wants_authentication(&self) -> bool {
        matches!(self, Self::Status { code: UNAUTHORIZED, .. })
    }

    /// Whether nobody listens there.
    pub(crate) fn is_refused_connection(&self) -> bool {
        self.is_io(io::ErrorKind::ConnectionRefused)
    }

    /// Whether there is no socket there.
    pub(crate) fn is_missing_socket(&self) -> bool {
        self.is_io(io::ErrorKind::NotFound)
    }

    fn is_io(&self, wanted: io::ErrorKind) -> bool {
        matches!(self, Self::Io(error) if error.kind() == wanted && error.raw_os_error().is_some())
    }
}

impl From<Fault> for CtlError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The type and the text of the exception that Python has for it.
impl fmt::Display for CtlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => write!(f, "<class 'xmlrpc.client.Fault'>, {}", shown(fault)),
            Self::Status { code, reason, place } => write!(
                f,
                "<class 'xmlrpc.client.ProtocolError'>, <ProtocolError for {place}: {code} {reason}>"
            ),
            Self::Io(error) => write!(f, "<class '{}'>, {}", class(error), errno_text(error)),
            Self::Disconnected => f.write_str(
                "<class 'http.client.RemoteDisconnected'>, Remote end closed connection without \
                 response",
            ),
            Self::BadUrl(why) => write!(f, "<class 'ValueError'>, {why}"),
            Self::Garbled(why) => write!(f, "the response is not supervisord's: {why}"),
            Self::StdoutClosed(error) => write!(f, "cannot print: {error}"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// A fault as Python prints it.
pub(crate) fn shown(fault: &Fault) -> String {
    format!("<Fault {}: {}>", fault.code, repr(&fault.text))
}

/// A failed connection as Python's `tail -f` prints it.
pub(crate) fn cannot_connect(error: &io::Error) -> String {
    format!("Cannot connect, error: <class '{}'> ({})", class(error), errno_text(error))
}

/// The exception that Python raises for an error number.
fn class(error: &io::Error) -> &'static str {
    let Some(number) = error.raw_os_error() else {
        return if error.kind() == io::ErrorKind::NotFound { "socket.gaierror" } else { "OSError" };
    };
    match number {
        libc::ECONNREFUSED => "ConnectionRefusedError",
        libc::ECONNRESET => "ConnectionResetError",
        libc::EPIPE => "BrokenPipeError",
        libc::ENOENT => "FileNotFoundError",
        libc::EACCES | libc::EPERM => "PermissionError",
        libc::ENOTDIR => "NotADirectoryError",
        libc::ETIMEDOUT => "TimeoutError",
        _ => "OSError",
    }
}

fn errno_text(error: &io::Error) -> String {
    let words = errno::words(error);
    match error.raw_os_error() {
        Some(number) => format!("[Errno {number}] {words}"),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_begin_as_pythons_do() {
        let os = |number| CtlError::Io(io::Error::from_raw_os_error(number)).to_string();
        assert_eq!(
            os(libc::ECONNREFUSED),
            "<class 'ConnectionRefusedError'>, [Errno 111] Connection refused"
        );
        assert_eq!(
            os(libc::ENOENT),
            "<class 'FileNotFoundError'>, [Errno 2] No such file or directory"
        );
        let fault = Fault { code: 6, text: "SHUTDOWN_STATE".to_owned() };
        assert_eq!(
            CtlError::from(fault).to_string(),
            "<class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>"
        );
    }
}
