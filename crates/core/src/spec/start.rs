//! Conditions for a start, the retries before a program is first ready, and the number of its
//! processes that must be ready. supervisord has none of these settings.

use std::fmt;
use std::time::Duration;

/// The conditions for a start. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartSpec {
    /// Programs that must be up before the first start.
    pub depends_on: Vec<Dependency>,
    /// Servers elsewhere that must accept connections before every start.
    pub wait_for: Option<WaitSpec>,
    /// Number of retries before the process is first ready; `None`: `startretries` applies. It
    /// needs a readiness check: without one, a process is ready after `startsecs`, whatever it
    /// does.
    pub retries_before_ready: Option<u32>,
    /// Number of processes of the program that must be ready so that the program counts as ready;
    /// at least 1. `None`: all of them.
    pub ready_processes: Option<u32>,
}

impl StartSpec {
    /// How many of `all` processes of the program must be ready.
    #[must_use]
    pub fn enough_of(&self, all: usize) -> usize {
        self.ready_processes.map_or(all, |number| all.min(number as usize))
    }
}

/// A program that another one waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The name of its section. All of its processes must reach the state; for `Ready`,
    /// [`StartSpec::ready_processes`] of them.
    pub program: String,
    /// The state that they must reach.
    pub until: Until,
}

/// The state that a dependency must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// It is RUNNING.
    Started,
    /// It is RUNNING and clients should send requests to it.
    Ready,
    /// It has exited as expected and will not restart.
    Completed,
}

impl Until {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Started, Self::Ready, Self::Completed];

    /// The name in a configuration.
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
    /// Their addresses. Never empty.
    pub targets: Vec<HostPort>,
    /// Time limit until all of them accept a connection.
    pub timeout: Duration,
}

/// A port of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A host name or an address.
    pub host: String,
    /// The port, at least 1.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}
