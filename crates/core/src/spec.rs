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

/// Everything one supervisor is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// In start order: ascending priority, then name. Stopped in reverse.
    pub groups: Vec<GroupSpec>,
    /// The meaning of signals that are sent to the supervisor.
    pub signals: SignalRule,
    /// The action when no program runs and none will start again.
    pub when_done: WhenDone,
    /// Time between a request to stop everything and the first signal. During this time, load
    /// balancers and other clients can stop sending requests.
    pub prestop_delay: Duration,
    /// The delay ends early, but not before this time, when no request runs or waits.
    pub prestop_idle: Option<Duration>,
    /// Time for all of a shutdown, the delay included; `None`: what its parts take.
    pub stop_budget: Option<Duration>,
    /// The hooks, which are notified of events.
    pub hooks: Vec<Rc<HookSpec>>,
}

/// Programs that start and stop together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSpec {
    /// Its name; unique.
    pub name: String,
    /// Lower starts earlier and stops later.
    pub priority: i64,
    /// In start order.
    pub processes: Vec<Rc<ProcessSpec>>,
    /// The events for its processes if they are event listeners; `None`: they are not.
    pub pool: Option<PoolSpec>,
}

/// The events for a pool of
/// [event listeners](https://supervisord.org/events.html#event-listeners-and-event-notifications).
/// Each event goes to one listener of the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    /// The types of events that they receive.
    pub events: BTreeSet<EventType>,
    /// How many events wait for a listener at most; then the oldest is dropped. At least 1.
    pub buffer_size: usize,
    /// The handler of their answers.
    pub handler: ResultHandler,
}

/// The handler that accepts or rejects the answers of event listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultHandler {
    /// `OK` or a rejection.
    #[default]
    Verdict,
    /// Each answer is output of a program, which goes to the supervisor's own stdout: what
    /// the plug-in [supervisor-stdout](https://pypi.org/project/supervisor-stdout/) does.
    Output,
}

/// One process to keep: rules for the core, and how to launch it for the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSpec {
    /// Its name, as it appears in log lines; unique within its group.
    pub name: String,
    /// The name of the section that it comes from, under which other programs depend on it.
    pub program: String,
    /// Lower is signalled later when its group stops.
    pub priority: i64,
    /// Started when the supervisor starts.
    pub autostart: bool,
    /// Uptime after which a start counts as successful.
    pub startsecs: Duration,
    /// Failed starts (with [`RetryRule::Consecutive`]: failures) that are retried.
    pub startretries: u32,
    /// Whether an exit of a running process is followed by a start.
    pub autorestart: Autorestart,
    /// Exit codes that are expected.
    pub exitcodes: Vec<u8>,
    /// The signal that stops the program, as mapped by `signal_map`.
    pub stopsignal: Signal,
    /// The mapping of signals that are forwarded to the program.
    pub signal_map: SignalMap,
    /// Time between `stopsignal` and SIGKILL.
    pub stopwaitsecs: Duration,
    /// Which processes `stopsignal` is sent to when a stop begins.
    pub stop_target: StopTarget,
    /// Which processes SIGKILL is sent to once `stopwaitsecs` is over. With `killtree` the
    /// rest of the tree follows, whatever this says.
    pub kill_target: StopTarget,
    /// Time between SIGTERM and SIGKILL for processes that a run left behind which ended
    /// by itself.
    pub leftover_grace: Duration,
    /// Takes the place of a longer `stopwaitsecs` when the supervisor stops an unhealthy
    /// process: one that hangs does not drain.
    pub health_stop: Duration,
    /// Which failures count against `startretries`.
    pub retry: RetryRule,
    /// How long each of these restarts waits.
    pub backoff: Backoff,
    /// The main program, not an additional one: signals for the server go to it. If it is
    /// essential, everything stops when it has exited and will not start again, for any reason.
    pub main: bool,
    /// The supervisor gives up when this process does.
    pub essential: bool,
    /// Leftover processes of a run are terminated before anything else happens.
    pub killtree: bool,
    /// Before it is started again, what its last run left in shared memory and in the file
    /// system is removed, and its port is waited for.
    pub tidy: Option<TidySpec>,
    /// The conditions that a start waits for.
    pub start: StartSpec,
    /// When it is up, when it is unhealthy, and what follows.
    pub health: HealthSpec,
    /// The handling of its failures.
    pub failure: FailureSpec,
    /// How to launch it. The core carries this and never looks inside.
    pub launch: Launch,
    /// The options that its section sets, so that a change can be described by the options.
    pub settings: Settings,
}

/// The options that a section sets, as they are written.
pub type Settings = Rc<BTreeMap<String, String>>;

/// The steps between the end of a run and the next start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TidySpec {
    /// Which of the files in shared memory, and sockets, of its user are removed.
    pub remove_leftovers: RemoveLeftovers,
    /// Sockets that its command line names.
    pub sockets: Vec<PathBuf>,
    /// The port that must be free.
    pub port: Option<u16>,
}

/// Which files that no process uses are removed: see [`files`](crate::files).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoveLeftovers {
    /// None.
    #[default]
    No,
    /// Those that evidence links to the program, between two runs and at the end.
    OnEvidence,
    /// All of its user, however old, also before the first start; models stay.
    All,
}

/// Which processes get a signal that is meant for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopTarget {
    /// The main process. It stops its own workers, as servers that drain requests do.
    Main,
    /// The process group that the main process leads, at once.
    Group,
}

/// Whether a process that ran and exited is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Autorestart {
    /// Never.
    Never,
    /// If its exit code is not one of `exitcodes`, or a signal ended it.
    Unexpected,
    /// After any exit.
    Always,
}

/// Which failures count against `startretries`, and when they are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryRule {
    /// supervisord's: only starts that did not last `startsecs` count, and reaching
    /// RUNNING forgets them. A process that dies after that restarts without limit.
    FailedStarts,
    /// Every exit that was not requested counts, until a run has stayed up for `reset_after`. A
    /// command that cannot be run fails at once.
    Consecutive {
        /// Uptime after which past failures are forgotten.
        reset_after: Duration,
    },
    /// One run, whatever becomes of it.
    Once,
}

/// The meaning of signals that are sent to the supervisor. SIGCHLD is never one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalRule {
    /// TERM, INT and QUIT stop everything; HUP, USR1, USR2, WINCH, CONT and the
    /// real-time signals go on to the programs; the others do nothing.
    StopOrForward,
    /// Every signal goes on to the programs, as if the supervisor weren't there.
    ForwardAll,
    /// [supervisord's](https://supervisord.org/running.html#signals): TERM, INT and QUIT
    /// stop everything, HUP does and then starts all over, USR2 reopens the log files;
    /// the others do nothing.
    Supervisord,
}

/// The action when no program runs and none will start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDone {
    /// The supervisor waits for orders, as supervisord does.
    Stay,
    /// It exits: 0 if the last exit was expected, else with that exit's own status.
    Exit,
    /// This stage only prepares the next stage, which follows if the last exit was expected.
    /// Otherwise, the supervisor exits with code 1. No program can receive signals for programs
    /// yet.
    Proceed {
        /// How long it may take; then it is stopped and has failed.
        within: Duration,
    },
}

/// The standard streams of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// The supervisor's own, as they are; the process becomes the terminal's
    /// foreground job if there is one.
    Inherited,
    /// stdin is a pipe that stays open; output goes through the supervisor.
    Captured {
        /// The destination and format of stdout.
        stdout: Output,
        /// The destination and format of stderr; `None`: stderr and stdout are one stream.
        stderr: Option<Output>,
    },
}

impl Stdio {
    /// The stream's output, if it has one of its own.
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
    /// Where it goes.
    pub sink: Sink,
    /// Each line also goes to the system's log.
    pub syslog: bool,
    /// Each line also goes to this syslog server, over UDP.
    pub syslog_server: Option<start::HostPort>,
    /// Size in bytes of the buffer for messages that are marked in the stream and kept
    /// out of the log; 0: none are looked for.
    pub capture_maxbytes: u64,
    /// Event listeners get an event for what is written.
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

/// Where a process's output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Nowhere.
    Discard,
    /// The stdout that the supervisor was started with.
    Stdout,
    /// The stderr that the supervisor was started with.
    Stderr,
    /// A file, appended to.
    File(LogFile),
    /// A new file with an automatic name.
    Auto {
        /// As of a [`LogFile`].
        maxbytes: u64,
        /// As of a [`LogFile`].
        backups: u32,
    },
}

/// A log file and when it is rotated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogFile {
    /// Where it is; relative to the supervisor's working directory when it is opened.
    pub path: PathBuf,
    /// Size in bytes from which it is rotated; 0: never.
    pub maxbytes: u64,
    /// How many rotated files are kept; 0: the file is emptied instead.
    pub backups: u32,
}

/// A listening socket of which every process of a
/// [FastCGI program](https://supervisord.org/configuration.html#fcgi-program-x-section-settings)
/// has a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Where it listens.
    pub address: SocketAddress,
    /// How many connections may wait to be accepted; `None`: as many as the kernel allows.
    pub backlog: Option<u16>,
}

/// Where a [`Socket`] listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketAddress {
    /// At a port. What the host's name stands for is looked up when the socket is made.
    Tcp {
        /// A name or an address; `None`: every address.
        host: Option<String>,
        /// From 1.
        port: u16,
    },
    /// A socket at a path; an existing file there is replaced.
    Unix {
        /// Absolute.
        path: PathBuf,
        /// The file's mode.
        mode: u32,
        /// Whose the file is: a user, and a group unless it stays as it is.
        owner: Option<(u32, Option<u32>)>,
    },
}
