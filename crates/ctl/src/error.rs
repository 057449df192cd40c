//! Errors of calls to a supervisor.
//!
//! The messages start like those of Python's supervisorctl, because scripts search for them.
//! Python's messages continue with a file and line of its source; these name the server instead.

use std::fmt;
use std::io;

use supervisor_wire::supervisord::python::repr;
use supervisor_wire::xmlrpc::Fault;

use supervisor_sys::io::errno;

/// HTTP status of a server that requires authentication.
const UNAUTHORIZED: u16 = 401;

/// The reason why a call has no result.
#[derive(Debug)]
pub(crate) enum CtlError {
    /// The supervisor returned a fault.
    Fault(Fault),
    /// The server rejected the request: it is not supervisord, or it requires authentication.
    Status {
        /// HTTP status, such as 404.
        code: u16,
        /// Reason phrase, such as `Not Found`.
        reason: String,
        /// Server and path.
        place: String,
    },
    /// The connection failed.
    Io(io::Error),
    /// The connection was closed before the response.
    Disconnected,
    /// The URL is invalid; the text is the reason.
    BadUrl(String),
    /// The response is invalid; the text is the reason.
    Garbled(String),
    /// The reader of stdout has closed it.
    StdoutClosed(io::Error),
    /// The user pressed Ctrl-C.
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

    /// Whether the server requires authentication.
    pub(crate) fn wants_authentication(&self) -> bool {
        matches!(self, Self::Status { code: UNAUTHORIZED, .. })
    }

    /// Whether no process listens on the address.
    pub(crate) fn is_refused_connection(&self) -> bool {
        self.is_io(io::ErrorKind::ConnectionRefused)
    }

    /// Whether the socket file does not exist.
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

/// Type and text of the corresponding Python exception.
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
    fn errors_begin_with_pythons_class_names() {
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
