//! When a process counts as up, and as unhealthy, and what follows.
//!
//! None of this is supervisord's; a process for which nothing is said is up after
//! `startsecs` and never ill.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::signal::Signal;

/// What is looked at, and what is done about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthSpec {
    /// When a start has succeeded.
    pub ready: Ready,
    /// How long it may take until then; `None`: no limit.
    pub start_timeout: Option<Duration>,
    /// A question that is asked again and again.
    pub check: Option<CheckSpec>,
    /// Whether it gets on with its work.
    pub progress: Option<ProgressSpec>,
    /// Whether its tree is whole.
    pub tree: Option<TreeSpec>,
    /// How much memory it may use; `None`: as much as there is.
    pub memory: Option<MemorySpec>,
    /// How often it promises to give a sign of life; `None`: it doesn't.
    pub watchdog: Option<Duration>,
    /// What the supervisor does when it is unhealthy.
    pub action: Action,
    /// What is found out before that.
    pub evidence: EvidenceSpec,
}

impl HealthSpec {
    /// Whether the process is given a socket to tell of itself, as systemd's
    /// [`sd_notify`](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html)
    /// does.
    #[must_use]
    pub const fn wants_notify(&self) -> bool {
        matches!(self.ready, Ready::Notified) || self.watchdog.is_some()
    }
}

/// When a start has succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ready {
    /// After `startsecs`, as in supervisord.
    #[default]
    Startsecs,
    /// When its check succeeds.
    Checked,
    /// When it says so.
    Notified,
    /// When this text stands in its output.
    Logged(String),
}

/// A question that is asked again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSpec {
    /// How it is asked.
    pub probe: Probe,
    /// Which setting says where: `PROCESS_HEALTH_URL`, `FILE:LINE`, `preset vllm`. A check
    /// that fails names it, because a wrong guess is otherwise hard to find.
    pub set_by: String,
    /// Which process may answer.
    pub listener: ListenerRule,
    /// Time from one to the next.
    pub interval: Duration,
    /// Added to the interval, up to this much, differently each time.
    pub jitter: Duration,
    /// Time within which it must be answered.
    pub timeout: Duration,
    /// Consecutive failures that make it unhealthy. At least 1.
    pub failures: u32,
    /// Time for which it may time out, and fail in no other way, while its tree is busy.
    pub patience: Duration,
}

impl CheckSpec {
    /// Where it is asked, and which setting says so.
    #[must_use]
    pub fn shown(&self) -> String {
        let probe = &self.probe;
        let set_by = &self.set_by;
        if set_by.is_empty() { probe.to_string() } else { format!("{probe} ({set_by})") }
    }
}

/// Which process may answer a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListenerRule {
    /// One of this supervisor's, or one that can't be seen.
    #[default]
    Own,
    /// Any: nothing is found out about it.
    Any,
}

/// How a question is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// By a GET request.
    Http {
        /// The request.
        get: HttpGet,
        /// The answer's status must be one of these; `None`: 200 to 399.
        status: Option<Vec<u16>>,
        /// The answer must hold this text.
        body: Option<String>,
    },
    /// By connecting.
    Tcp {
        /// A name or an address.
        host: String,
        /// From 1.
        port: u16,
    },
    /// By running this, which must exit with 0. Never empty.
    Command(Vec<OsString>),
}

/// What is asked, for a line of the log. A query, and a command's words after the first, are
/// left out: they may hold a password.
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
    /// Where.
    pub url: HttpUrl,
    /// What is sent besides the usual headers. They may be passwords: they go only to this
    /// host's own addresses, or over TLS with a verified certificate.
    pub headers: Headers,
    /// How a certificate is verified.
    pub tls: TlsSpec,
}

impl HttpGet {
    /// A request without headers of its own, and with the system's certificates.
    #[must_use]
    pub fn new(url: HttpUrl) -> Self {
        Self { url, headers: Headers::default(), tls: TlsSpec::default() }
    }
}

/// Where a page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    /// Whether the server speaks TLS.
    pub scheme: Scheme,
    /// How it is reached.
    pub server: HttpServer,
    /// Path and query, from the slash on.
    pub path: String,
}

/// The URL without its query, which may hold a password.
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

/// Whether a server speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// It does not.
    Http,
    /// It does.
    Https,
}

/// How an HTTP server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpServer {
    /// At a port.
    Tcp {
        /// A name or an address.
        host: String,
        /// From 1.
        port: u16,
    },
    /// At a socket in the file system.
    Unix(PathBuf),
}

/// Headers of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Those that are known.
    pub set: Vec<Header>,
    /// A file with more of them, one a line, read before each request: keys are replaced
    /// while a program runs.
    pub file: Option<PathBuf>,
}

/// A header of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name, such as `Authorization`.
    pub name: String,
    /// Its value. Never shown.
    pub value: String,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

/// How the certificate of a server elsewhere is verified. At this host's own addresses it is
/// not: who listens there is known without it, and its certificate names another host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSpec {
    /// A file of certificates (PEM) to trust in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// The name in the server's certificate, if it isn't the URL's host.
    pub name: Option<String>,
}

/// How it is seen whether a server gets on with its work: from its page of
/// [Prometheus metrics](https://prometheus.io/docs/instrumenting/exposition_formats/).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressSpec {
    /// The request for the page.
    pub page: HttpGet,
    /// Names of gauges of requests under way; their sum counts, with all labels.
    pub running: Vec<String>,
    /// Names of gauges of requests that wait, and may do so though nothing is done for them.
    pub waiting: Vec<String>,
    /// Whether it is idle when none of these shows a request: they leave none out.
    pub tells_idle: bool,
    /// Names of counters of what was done; their sum counts, with all labels.
    pub done: Vec<String>,
    /// Time from one look to the next.
    pub interval: Duration,
    /// Time within which a page must be there.
    pub timeout: Duration,
    /// Time without progress, while requests are under way, that makes it unhealthy.
    pub stalled: Duration,
}

/// Whether the processes that a server is made of are all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeSpec {
    /// Descendants whose command line holds this text are counted.
    pub pattern: String,
    /// Each command line counts once, also when it is ready: each of those that are meant
    /// has one of its own.
    pub distinct: bool,
    /// Time from one look to the next.
    pub interval: Duration,
    /// Time with fewer of them alive than before that makes it unhealthy.
    pub patience: Duration,
}

/// How much anonymous and shared memory the tree of a process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySpec {
    /// Above so many bytes the supervisor restarts it.
    pub limit: u64,
    /// From so many bytes on the supervisor warns.
    pub warn: u64,
}

/// What the supervisor does when a process is unhealthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// It is said, and nothing else.
    Observe,
    /// It is stopped and started again; that counts as a failure.
    #[default]
    Restart,
    /// It is stopped and given up.
    Stop,
    /// The supervisor stops everything and exits with this code.
    Exit(u8),
}

/// Diagnostics of an unhealthy process, collected before it is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceSpec {
    /// Time that may take.
    pub limit: Duration,
    /// A signal that makes it tell where it stands.
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
    fn what_is_asked_is_shown_without_what_may_be_secret() {
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
    fn the_value_of_a_header_is_not_shown() {
        let header = Header { name: "Authorization".to_owned(), value: "Bearer x".to_owned() };
        assert_eq!(format!("{header:?}"), "Authorization: ***");
    }

    #[test]
    fn a_socket_for_messages_is_for_those_that_announce_themselves() {
        let wants = |ready, watchdog: Option<u64>| {
            let watchdog = watchdog.map(Duration::from_secs);
            HealthSpec { ready, watchdog, ..HealthSpec::default() }.wants_notify()
        };
        assert!(wants(Ready::Notified, None) && wants(Ready::Startsecs, Some(3)));
        assert!(!wants(Ready::Checked, None));
    }
}
