//! The configuration, already validated.
//!
//! All values are valid, because `supervisor-config` turns text into these types or reports an
//! error. Names follow supervisord's
//! [configuration reference](https://supervisord.org/configuration.html).

mod backoff;
mod change;
pub mod failure;
pub mod health;
pub mod hook;
mod launch;
pub mod limits;
pub mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use crate::event::{Channel, EventType};
use crate::signal::{Signal, SignalMap};

pub use backoff::Backoff;
pub use change::Change;
pub use failure::FailureSpec;
pub use health::HealthSpec;
pub use hook::HookSpec;
pub use launch::{Command, EnvFile, Launch, User};
pub use limits::Limit;
pub use start::StartSpec;

/// The configuration of one supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The groups in start order: ascending priority, then name. They stop in reverse order.
    pub groups: Vec<GroupSpec>,
    /// The meaning of signals that are sent to the supervisor.
    pub signals: SignalRule,
    /// The action when no program runs and none will start again.
    pub when_done: WhenDone,
    /// Time between a request to stop everything and the first signal. During this time, load
    /// balancers and other clients can stop sending requests.
    pub prestop_delay: Duration,
    /// Minimum length of the delay if it ends early because no request is running or waiting;
    /// `None`: it does not end early.
    pub prestop_idle: Option<Duration>,
    /// Time limit for a whole shutdown, including the delay; `None`: no overall limit.
    pub stop_budget: Option<Duration>,
    /// The hooks, which are notified of events.
    pub hooks: Vec<Rc<HookSpec>>,
}

/// Programs that start and stop together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSpec {
    /// Its unique name.
    pub name: String,
    /// A group with a lower priority starts earlier and stops later.
    pub priority: i64,
    /// The processes in start order.
    pub processes: Vec<Rc<ProcessSpec>>,
    /// The event settings if the processes are event listeners.
    pub pool: Option<PoolSpec>,
}

/// The events for a pool of
/// [event listeners](https://supervisord.org/events.html#event-listeners-and-event-notifications).
/// Each event goes to one listener of the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    /// The event types that the listeners receive.
    pub events: BTreeSet<EventType>,
    /// Maximum number of waiting events; when it is reached, the oldest is dropped. At least 1.
    pub buffer_size: usize,
    /// The handler of the listeners' results.
    pub handler: ResultHandler,
}

/// The handler of event listeners' results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultHandler {
    /// supervisord's default: any result except `OK` rejects the event.
    #[default]
    Verdict,
    /// The result is output of a program and goes to the supervisor's own stdout, as with the
    /// plug-in [supervisor-stdout](https://pypi.org/project/supervisor-stdout/).
    Output,
}

/// One process: the rules for the core, and the launch data for the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSpec {
    /// Its name in log lines, unique within its group.
    pub name: String,
    /// The name of its section, which other programs use to depend on it.
    pub program: String,
    /// A process with a lower priority is signaled later when its group stops.
    pub priority: i64,
    /// Whether it starts with the supervisor.
    pub autostart: bool,
    /// Uptime after which a start counts as successful.
    pub startsecs: Duration,
    /// Number of retries after failed starts, or with [`RetryRule::Consecutive`] after failures.
    pub startretries: u32,
    /// When to restart it after it was RUNNING.
    pub autorestart: Autorestart,
    /// Expected exit codes.
    pub exitcodes: Vec<u8>,
    /// The signal that stops the program, as mapped by `signal_map`.
    pub stopsignal: Signal,
    /// The mapping of signals that are forwarded to the program.
    pub signal_map: SignalMap,
    /// Time between `stopsignal` and SIGKILL.
    pub stopwaitsecs: Duration,
    /// The processes that get `stopsignal` first.
    pub stop_target: StopTarget,
    /// The processes that get SIGKILL after `stopwaitsecs`. With `killtree`, the rest of the tree
    /// always gets it, too.
    pub kill_target: StopTarget,
    /// Time between SIGTERM and SIGKILL for leftover processes of a run that exited by itself.
    pub leftover_grace: Duration,
    /// Maximum `stopwaitsecs` for a stop of an unhealthy process, because a hung process does not
    /// finish its requests anyway.
    pub health_stop: Duration,
    /// The failures that count against `startretries`.
    pub retry: RetryRule,
    /// The delay before each of these restarts.
    pub backoff: Backoff,
    /// Whether it is the main program and not an additional one. The main program gets the signals
    /// for the server. If it is also essential, the supervisor exits when it exits for good.
    pub main: bool,
    /// Whether the supervisor exits when it gives up on this program.
    pub essential: bool,
    /// Whether leftover processes of a run are stopped before anything else happens.
    pub killtree: bool,
    /// The cleanup before a restart: stale files and stale sockets; and the port that must be free.
    pub tidy: Option<TidySpec>,
    /// The conditions that a start waits for.
    pub start: StartSpec,
    /// The rules for readiness and health.
    pub health: HealthSpec,
    /// The handling of its failures.
    pub failure: FailureSpec,
    /// How to launch it. The core passes this on unread.
    pub launch: Launch,
    /// The options of its section, which make a change visible.
    pub settings: Settings,
}

/// The options of a section as written in the configuration.
pub type Settings = Rc<BTreeMap<String, String>>;

/// The cleanup between two runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TidySpec {
    /// Which stale files and sockets to remove.
    pub remove_leftovers: RemoveLeftovers,
    /// Sockets in its command line.
    pub sockets: Vec<PathBuf>,
    /// Prefixes of the names that its server uses in shared memory, by its preset.
    pub shared_memory: &'static [&'static str],
    /// The port that must be free before a start.
    pub port: Option<u16>,
}

/// Which unused files and sockets to remove; see [`files`](crate::files).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoveLeftovers {
    /// None.
    #[default]
    No,
    /// Those that evidence links to the program, between runs and at the end.
    OnEvidence,
    /// All that belong to the program's user, however old, also before the first start. Model files
    /// stay.
    All,
}

/// The destination of a signal for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopTarget {
    /// The main process only. Servers stop their own workers after their requests are finished.
    Main,
    /// The whole process group of the main process.
    Group,
}

/// When to restart a process that was RUNNING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Autorestart {
    /// Never.
    Never,
    /// If its exit code is not one of `exitcodes`, or a signal ended it.
    Unexpected,
    /// After any exit.
    Always,
}

/// Which failures count against `startretries`, and what resets the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryRule {
    /// supervisord's rule: a run that does not last `startsecs` counts as a failed start, and
    /// RUNNING resets the count. A process that was RUNNING restarts without limit.
    FailedStarts,
    /// Every unexpected exit counts, until a run has been up for `reset_after`. The supervisor
    /// gives up at once on a command that cannot be executed.
    Consecutive {
        /// Uptime that resets the count.
        reset_after: Duration,
    },
    /// The process runs once, whatever its exit status.
    Once,
}

/// The meaning of signals that are sent to the supervisor. SIGCHLD is never one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalRule {
    /// TERM, INT and QUIT stop everything. HUP, USR1, USR2, WINCH, CONT and the real-time signals
    /// are forwarded to the programs. All others have no effect.
    StopOrForward,
    /// Every signal is forwarded to the programs, as if the supervisor did not exist.
    ForwardAll,
    /// As in [supervisord](https://supervisord.org/running.html#signals): TERM, INT and QUIT stop
    /// everything. HUP stops everything and starts again. USR2 reopens the log files. All others
    /// have no effect.
    Supervisord,
}

/// The action when no program runs and none will start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDone {
    /// The supervisor waits for requests, as supervisord does.
    Stay,
    /// The supervisor exits: with 0 if the last exit was expected, otherwise with its exit status.
    Exit,
    /// This stage prepares the next one, which follows if the last exit was expected. Otherwise the
    /// supervisor exits with code 1. There is no program yet that signals could be forwarded to.
    Proceed {
        /// Time limit of this stage; when it is reached, the stage has failed.
        within: Duration,
    },
}

/// The standard streams of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// The supervisor's own streams. The process becomes the terminal's foreground job, if there is
    /// a terminal.
    Inherited,
    /// stdin is a pipe that stays open. The supervisor moves the output.
    Captured {
        /// The destination and format of stdout.
        stdout: Output,
        /// The destination and format of stderr; `None`: stderr and stdout are one stream.
        stderr: Option<Output>,
    },
}

impl Stdio {
    /// The output settings of a stream; `None` if the stream has none of its own.
    #[must_use]
    pub const fn output(&self, channel: Channel) -> Option<&Output> {
        match (self, channel) {
            (Self::Inherited, _) => None,
            (Self::Captured { stdout, .. }, Channel::Stdout) => Some(stdout),
            (Self::Captured { stderr, .. }, Channel::Stderr) => stderr.as_ref(),
        }
    }
}

/// The destination and format of one output stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The destination.
    pub sink: Sink,
    /// Whether each line also goes to the local syslog.
    pub syslog: bool,
    /// The syslog server to which each line also goes, over UDP.
    pub syslog_server: Option<start::HostPort>,
    /// Buffer size in bytes for messages between markers in the stream, which do not go to the log.
    /// 0: no markers are recognized.
    pub capture_maxbytes: u64,
    /// Whether event listeners get events for the output.
    pub events_enabled: bool,
    /// The format of its lines.
    pub lines: LineFormat,
}

/// The format of the lines of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineFormat {
    /// Bytes are written unchanged.
    #[default]
    Unchanged,
    /// Each line starts with the name of the process.
    Named,
    /// Each line becomes a JSON object.
    Json,
}

impl From<Sink> for Output {
    fn from(sink: Sink) -> Self {
        Self {
            sink,
            syslog: false,
            syslog_server: None,
            capture_maxbytes: 0,
            events_enabled: false,
            lines: LineFormat::Unchanged,
        }
    }
}

/// The destination of a process's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// None: the output is discarded.
    Discard,
    /// The stdout that the supervisor was started with.
    Stdout,
    /// The stderr that the supervisor was started with.
    Stderr,
    /// A file; the output is appended.
    File(LogFile),
    /// A new file with an automatic name.
    Auto {
        /// As in [`LogFile`].
        maxbytes: u64,
        /// As in [`LogFile`].
        backups: u32,
    },
}

/// A log file and its rotation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogFile {
    /// Its path, relative to the supervisor's working directory when it is opened.
    pub path: PathBuf,
    /// Size in bytes at which it is rotated; 0: never.
    pub maxbytes: u64,
    /// Number of rotated files to keep; 0: the file is truncated instead.
    pub backups: u32,
}

/// A listening socket that all processes of a [FastCGI
/// program](https://supervisord.org/configuration.html#fcgi-program-x-section-settings) inherit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Its address.
    pub address: SocketAddress,
    /// Maximum number of connections that wait to be accepted; `None`: the kernel's limit.
    pub backlog: Option<u16>,
}

/// The address of a [`Socket`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketAddress {
    /// A TCP port. The host name is resolved when the socket is created.
    Tcp {
        /// A host name or an address; `None`: all addresses.
        host: Option<String>,
        /// The port, at least 1.
        port: u16,
    },
    /// A socket at a path; an existing file there is replaced.
    Unix {
        /// The absolute path.
        path: PathBuf,
        /// The mode of the file.
        mode: u32,
        /// The user and group that own the file; without a group, the group does not change.
        owner: Option<(u32, Option<u32>)>,
    },
}
