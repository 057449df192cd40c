//! What has to hold before a process is started, and how often it may fail before it was
//! ever ready. None of this is supervisord's.

use std::fmt;
use std::time::Duration;

/// What a start waits for. The default waits for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartSpec {
    /// Other programs that must have got somewhere before the first start.
    pub depends_on: Vec<Dependency>,
    /// Servers elsewhere that must accept connections before every start.
    pub wait_for: Option<WaitSpec>,
    /// Failures that are retried before the process was ready for the first time; `None`:
    /// as many as later. Needs a readiness check: without one a process is ready after
    /// `startsecs`, whatever it does.
    pub retries_before_ready: Option<u32>,
}

/// A program that another one waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The name of its section; all its processes are meant.
    pub program: String,
    /// How far each of them must have got.
    pub until: Until,
}

/// How far a program must have got for those that depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// It is RUNNING.
    Started,
    /// It is RUNNING and may be given work.
    Ready,
    /// It has exited as expected and is not started again.
    Completed,
}

impl Until {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Started, Self::Ready, Self::Completed];

    /// Its name, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Completed => "completed",
        }
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.program, self.until.name())
    }
}

/// Servers that must accept connections before every start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitSpec {
    /// Where they listen. Never empty.
    pub targets: Vec<HostPort>,
    /// How long they may take until all of them accept a connection.
    pub timeout: Duration,
}

/// A port of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address.
    pub host: String,
    /// From 1.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}
