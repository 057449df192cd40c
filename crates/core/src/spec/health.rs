//! The rules for readiness and health.
//!
//! supervisord has none of these settings. Without them, a process is up after `startsecs` and
//! always counts as healthy.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::signal::Signal;

/// The health rules of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthSpec {
    /// The condition for a successful start.
    pub ready: Ready,
    /// Time limit for a start; `None`: no limit.
    pub start_timeout: Option<Duration>,
    /// The health check.
    pub check: Option<Box<CheckSpec>>,
    /// Detects a server that stops making progress.
    pub progress: Option<Box<ProgressSpec>>,
    /// Detects missing processes.
    pub tree: Option<Box<TreeSpec>>,
    /// The memory limit; `None`: no limit.
    pub memory: Option<MemorySpec>,
    /// The interval within which the process must send watchdog messages; `None`: it sends none.
    pub watchdog: Option<Duration>,
    /// The action when it is unhealthy.
    pub action: Action,
    /// The diagnostics to collect before the action.
    pub evidence: EvidenceSpec,
}

impl HealthSpec {
    /// Whether the process gets a socket for status messages, as with systemd's
    /// [`sd_notify`](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html).
    #[must_use]
    pub const fn wants_notify(&self) -> bool {
        matches!(self.ready, Ready::Notified) || self.watchdog.is_some()
    }
}

/// The condition for a successful start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ready {
    /// After `startsecs`, as in supervisord.
    #[default]
    Startsecs,
    /// When its check succeeds.
    Checked,
    /// When it sends `READY=1`.
    Notified,
    /// When its output contains this text.
    Logged(String),
}

/// A health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSpec {
    /// The request.
    pub probe: Probe,
    /// The setting that defines the target, for example `PROCESS_HEALTH_URL`, `FILE:LINE` or
    /// `preset vllm`. Log lines about failures name it, because a wrong default is otherwise hard
    /// to find.
    pub set_by: String,
    /// The processes that may answer.
    pub listener: ListenerRule,
    /// Time between two checks.
    pub interval: Duration,
    /// Upper limit of a random time that is added to each interval.
    pub jitter: Duration,
    /// Time limit of one check.
    pub timeout: Duration,
    /// Consecutive failures that make the process unhealthy. At least 1.
    pub failures: u32,
    /// Time for which only timeouts do not make the process unhealthy while its tree is busy.
    pub patience: Duration,
}

impl CheckSpec {
    /// The target, and the setting that defines it.
    #[must_use]
    pub fn shown(&self) -> String {
        let probe = &self.probe;
        let set_by = &self.set_by;
        if set_by.is_empty() { probe.to_string() } else { format!("{probe} ({set_by})") }
    }
}

/// The processes that may answer a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListenerRule {
    /// Processes of this supervisor, or processes that it cannot see.
    #[default]
    Own,
    /// Any process; the supervisor does not look for it.
    Any,
}

/// The request of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A GET request.
    Http {
        /// The request.
        get: HttpGet,
        /// The accepted status codes; `None`: 200 to 399.
        status: Option<Vec<u16>>,
        /// A text that the answer must contain.
        body: Option<String>,
    },
    /// A TCP connection.
    Tcp {
        /// A host name or an address.
        host: String,
        /// The port, at least 1.
        port: u16,
    },
    /// A command that must exit with 0. Never empty.
    Command(Vec<OsString>),
}

/// The target for log lines, without the query of a URL and the arguments of a command, because
/// they may contain passwords.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { get, .. } => get.url.fmt(f),
            Self::Tcp { host, port } => f.write_str(&place(host, *port)),
            Self::Command(words) => {
                let word = words.first().map(OsString::as_os_str).unwrap_or_default();
                write!(f, "the command '{}'", word.display())
            }
        }
    }
}

/// `host:port`, with brackets around an IPv6 address.
fn place(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A GET request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGet {
    /// The URL.
    pub url: HttpUrl,
    /// Additional headers. They may contain passwords, so the supervisor sends them only to this
    /// host's own addresses, or over TLS with a verified certificate.
    pub headers: Headers,
    /// How to verify the server's certificate.
    pub tls: TlsSpec,
}

impl HttpGet {
    /// A request without additional headers that trusts the system's certificates.
    #[must_use]
    pub fn new(url: HttpUrl) -> Self {
        Self { url, headers: Headers::default(), tls: TlsSpec::default() }
    }
}

/// An HTTP URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    /// Whether to use TLS.
    pub scheme: Scheme,
    /// The server's address.
    pub server: HttpServer,
    /// Path and query, starting with the slash.
    pub path: String,
}

/// The URL without its query, which may contain a password.
impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        match (&self.server, self.scheme) {
            (HttpServer::Tcp { host, port }, Scheme::Http) => {
                write!(f, "http://{}{path}", place(host, *port))
            }
            (HttpServer::Tcp { host, port }, Scheme::Https) => {
                write!(f, "https://{}{path}", place(host, *port))
            }
            (HttpServer::Unix(socket), Scheme::Http) => {
                write!(f, "unix://{}:{path}", socket.display())
            }
            (HttpServer::Unix(socket), Scheme::Https) => {
                write!(f, "unix://{}:{path} over TLS", socket.display())
            }
        }
    }
}

/// Whether to use TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

/// The address of an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpServer {
    /// A TCP port.
    Tcp {
        /// A host name or an address.
        host: String,
        /// The port, at least 1.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// Headers of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Headers with configured values.
    pub set: Vec<Header>,
    /// A file with more headers, one per line. It is read before each request, so that keys can
    /// change while the program is running.
    pub file: Option<PathBuf>,
}

/// A header of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name, such as `Authorization`.
    pub name: String,
    /// Its value. It never appears in logs or debug output.
    pub value: String,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

/// How to verify the certificate of a server on another host. At this host's own addresses the
/// supervisor does not verify it: it identifies the listening process otherwise, and the
/// certificate is for another name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSpec {
    /// A PEM file with trusted certificates, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The name in the server's certificate, if it differs from the URL's host.
    pub name: Option<String>,
}

/// How to detect progress of a server from its [Prometheus
/// metrics](https://prometheus.io/docs/instrumenting/exposition_formats/).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressSpec {
    /// The request for the metrics.
    pub page: HttpGet,
    /// Gauges of requests in flight. The sum over all labels counts.
    pub running: Vec<String>,
    /// Gauges of waiting requests, which may wait without progress.
    pub waiting: Vec<String>,
    /// Whether the gauges cover all requests, so that a server with none of them is idle.
    pub tells_idle: bool,
    /// Counters of completed work. The sum over all labels counts.
    pub done: Vec<String>,
    /// Time between two samples.
    pub interval: Duration,
    /// Time limit for one sample.
    pub timeout: Duration,
    /// Time without progress, with requests in flight, that makes the server unhealthy.
    pub stalled: Duration,
}

/// How to detect missing processes of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeSpec {
    /// A text in the command lines of the descendants to count.
    pub pattern: String,
    /// Whether each command line always counts once, because each of the processes has its own.
    pub distinct: bool,
    /// Time between two counts.
    pub interval: Duration,
    /// Time with fewer processes than before that makes the server unhealthy.
    pub patience: Duration,
}

/// A limit for the anonymous and shared memory of a process tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySpec {
    /// The limit in bytes; above it, the supervisor restarts the process.
    pub limit: u64,
    /// The warning threshold in bytes.
    pub warn: u64,
}

/// The action when a process is unhealthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Only log it.
    Observe,
    /// Stop the process and start it again. Counts as a failure.
    #[default]
    Restart,
    /// Stop the process and give up on it.
    Stop,
    /// Stop everything and exit with this code.
    Exit(u8),
}

/// The diagnostics of an unhealthy process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceSpec {
    /// The time limit.
    pub limit: Duration,
    /// A signal that makes the process print its state.
    pub signal: Option<Signal>,
}

impl Default for EvidenceSpec {
    fn default() -> Self {
        Self { limit: Duration::from_secs(10), signal: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_shown_without_possible_secrets() {
        let tcp = |host: &str| HttpServer::Tcp { host: host.to_owned(), port: 80 };
        let http = |scheme, server, path: &str| {
            let get = HttpGet::new(HttpUrl { scheme, server, path: path.to_owned() });
            Probe::Http { get, status: None, body: None }
        };
        for (probe, shown) in [
            (http(Scheme::Http, tcp("::1"), "/h?key=x"), "http://[::1]:80/h"),
            (http(Scheme::Https, tcp("box"), "/h"), "https://box:80/h"),
            (http(Scheme::Http, HttpServer::Unix("/run/s".into()), "/h"), "unix:///run/s:/h"),
            (Probe::Tcp { host: "localhost".to_owned(), port: 9 }, "localhost:9"),
            (Probe::Command(vec!["curl".into(), "-ux:y".into()]), "the command 'curl'"),
        ] {
            assert_eq!(probe.to_string(), shown);
        }
    }

    #[test]
    fn header_values_are_not_shown() {
        let header = Header { name: "Authorization".to_owned(), value: "Bearer x".to_owned() };
        assert_eq!(format!("{header:?}"), "Authorization: ***");
    }

    #[test]
    fn a_notification_socket_exists_only_for_notify_and_watchdog() {
        let wants = |ready, watchdog: Option<u64>| {
            let watchdog = watchdog.map(Duration::from_secs);
            HealthSpec { ready, watchdog, ..HealthSpec::default() }.wants_notify()
        };
        assert!(wants(Ready::Notified, None) && wants(Ready::Startsecs, Some(3)));
        assert!(!wants(Ready::Checked, None));
    }
}
