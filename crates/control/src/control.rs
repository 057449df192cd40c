//! A handle with which request handlers read the supervisor's state and send it commands.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_core::command::{Command, CommandResult, Difference, Rejection, Which};
use supervisor_core::event::Channel;
use supervisor_core::ids::{Pid, ProcId};
use supervisor_core::input::SpawnError;
use supervisor_core::level::Level;
use supervisor_core::spec::GroupSpec;
use supervisor_core::time::{Now, Wall};
use supervisor_core::{Observed, Reply, Supervisor};
use supervisor_sys::io::counters::IoCounters;
use supervisor_sys::io::stdin::CannotWrite;
use supervisor_sys::process::process_table::Family;
use tokio::sync::{Notify, broadcast};

use crate::log_source::LogSource;
use crate::machine::{CrashReport, Machine};
use crate::tally::{Counts, Tally};
use crate::usage_history::UsageHistory;

/// Values that do not change while a configuration is in effect.
pub struct About {
    /// The identifier of the supervisor.
    pub identifier: String,
    /// The supervisor's own log file.
    pub log: Option<PathBuf>,
    /// Prefixes of the XML-RPC method names.
    pub namespaces: Vec<String>,
    /// Reads the current configuration files, or returns all errors in them.
    pub reread: Box<dyn Fn() -> Result<Vec<GroupSpec>, String>>,
}

impl std::fmt::Debug for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { identifier, log, namespaces, reread: _ } = self;
        let mut about = f.debug_struct("About");
        about.field("identifier", identifier).field("log", log).field("namespaces", namespaces);
        about.finish_non_exhaustive()
    }
}

/// State that all handles share.
#[derive(Debug)]
struct Shared {
    machine: Box<dyn Machine>,
    about: About,
    /// Counters; `None`: no endpoint exposes them.
    tally: Option<Rc<RefCell<Tally>>>,
    /// Time at which the supervisor started with the current configuration.
    began: Wall,
    /// Number of events that observers missed.
    missed: Cell<u64>,
    /// Samples of the resource usage of programs.
    usage: RefCell<UsageHistory>,
}

/// A handle on the supervisor.
#[derive(Clone, Debug)]
pub struct Control(Rc<Shared>);

/// Reason for a failed reread: an error in supervisord's words, or a rejection because of the
/// supervisor's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CannotReread {
    /// The configuration contains errors.
    Wrong(String),
    /// The core rejected the command.
    Refused(Rejection),
}

impl Control {
    /// Creates a handle on `machine`. If `tally` is given, it counts the machine's events.
    pub fn new(machine: Box<dyn Machine>, about: About, tally: Option<Rc<RefCell<Tally>>>) -> Self {
        let (began, missed) = (machine.now().wall, Cell::new(0));
        let usage = RefCell::default();
        Self(Rc::new(Shared { machine, about, tally, began, missed, usage }))
    }

    /// The current state of the core. Do not keep the reference over an `await`.
    pub fn core(&self) -> Ref<'_, Supervisor> {
        self.0.machine.core()
    }

    /// The current counters; empty if no endpoint exposes them.
    pub(crate) fn tally(&self) -> Tally {
        self.0.tally.as_ref().map(|tally| tally.borrow().clone()).unwrap_or_default()
    }

    /// Counters of a process.
    pub(crate) fn counts(&self, proc: ProcId) -> Counts {
        self.0.tally.as_ref().map(|tally| tally.borrow().of(proc)).unwrap_or_default()
    }

    /// Notified when a health check starts; `None`: nothing is counted.
    pub(crate) fn checks(&self) -> Option<Rc<Notify>> {
        self.0.tally.as_ref().map(|tally| tally.borrow().checks())
    }

    /// Resource usage of programs in the last hour.
    pub(crate) fn usage(&self) -> &RefCell<UsageHistory> {
        &self.0.usage
    }

    /// The latest crash reports of a process.
    pub(crate) fn crash_reports(&self, proc: ProcId) -> Vec<CrashReport> {
        self.0.machine.crash_reports(proc)
    }

    /// I/O counters of each process's pipes and files.
    pub(crate) fn io_counters(&self) -> BTreeMap<ProcId, IoCounters> {
        self.0.machine.io_counters()
    }

    /// Time at which the supervisor started with the current configuration.
    pub(crate) fn began(&self) -> Wall {
        self.0.began
    }

    /// Number of events that observers missed.
    pub(crate) fn missed(&self) -> u64 {
        self.0.missed.get()
    }

    /// Adds to the number of events that observers missed.
    pub(crate) fn note_missed(&self, events: u64) {
        self.0.missed.set(self.0.missed.get() + events);
    }

    /// Values that do not change while a configuration is in effect.
    pub fn about(&self) -> &About {
        &self.0.about
    }

    pub(crate) fn now(&self) -> Now {
        self.0.machine.now()
    }

    /// Sends a command and waits for the reply. Dropping the future withdraws the part of the
    /// command that is still waiting.
    pub(crate) async fn ask(&self, command: Command) -> CommandResult {
        self.0.machine.ask(command).await
    }

    /// Starts processes. The command of each process is checked first: if it cannot be executed,
    /// the start is rejected and the state of the process does not change.
    pub(crate) async fn start(&self, which: Which, wait: bool) -> CommandResult {
        let unstartable = self.unstartable(&which);
        self.ask(Command::Start { which, wait, unstartable }).await
    }

    /// Restarts processes. A process whose command cannot be executed keeps running.
    pub(crate) async fn restart(&self, which: Which, wait: bool) -> CommandResult {
        let unstartable = self.unstartable(&which);
        self.ask(Command::RestartPrograms { which, wait, unstartable }).await
    }

    /// Restarts processes one after the other. Each must be ready before the next is restarted.
    pub(crate) async fn restart_rolling(&self, which: Which) -> CommandResult {
        let unstartable = self.unstartable(&which);
        self.ask(Command::RestartRolling { which, unstartable }).await
    }

    /// Reads the configuration again and returns the changes that an update would make.
    pub(crate) async fn reread(&self) -> Result<Difference, CannotReread> {
        if self.core().is_ending() {
            return Err(CannotReread::Refused(Rejection::ShuttingDown));
        }
        let groups = (self.0.about.reread)().map_err(CannotReread::Wrong)?;
        match self.ask(Command::Reread(groups)).await {
            Ok(Reply::Difference(difference)) => Ok(difference),
            Ok(Reply::Done | Reply::Outcomes(_) | Reply::Updated(_)) => {
                Err(CannotReread::Wrong("the core gave another kind of reply".to_owned()))
            }
            Err(refusal) => Err(CannotReread::Refused(refusal)),
        }
    }

    /// The log file of a stream, if the stream has one.
    pub(crate) fn log_path(&self, proc: ProcId, channel: Channel) -> Option<PathBuf> {
        self.0.machine.log_path(proc, channel)
    }

    /// The source of the log of a stream.
    pub(crate) fn log(&self, proc: ProcId, channel: Channel) -> Option<LogSource> {
        let file = self.log_path(proc, channel).map(LogSource::File);
        let recent = || self.0.machine.recent_output(proc, channel).map(LogSource::Recent);
        file.or_else(recent)
    }

    /// Removes the log files of a process and creates them again.
    pub(crate) fn clear_logs(&self, proc: ProcId) -> io::Result<()> {
        self.0.machine.clear_logs(proc)
    }

    /// Removes the supervisor's own log file and creates it again.
    pub(crate) fn clear_main_log(&self, path: &Path) -> io::Result<()> {
        self.0.machine.clear_main_log(path)
    }

    /// Writes to a process's stdin. `None`: the process has no stdin pipe.
    pub(crate) fn write_stdin(
        &self,
        proc: ProcId,
        bytes: &[u8],
    ) -> Option<Result<(), CannotWrite>> {
        self.0.machine.write_stdin(proc, bytes)
    }

    /// The roots of the process trees of all programs, each with its program. A process that does
    /// not respond in time is assigned to no program.
    pub(crate) async fn roots(&self, family: &Family) -> io::Result<Vec<(Pid, ProcId)>> {
        self.0.machine.roots(family).await
    }

    /// Writes a line into the supervisor's log.
    pub(crate) fn say(&self, level: Level, message: &str) {
        self.0.machine.say(level, message);
    }

    /// Whether the supervisor logs lines of this level.
    pub(crate) fn says(&self, level: Level) -> bool {
        self.0.machine.says(level)
    }

    /// Number of lines of the supervisor's log that were lost.
    pub(crate) fn lines_lost(&self) -> u64 {
        self.0.machine.lines_lost()
    }

    /// Subscribes to all events from now on.
    pub(crate) fn observe(&self) -> broadcast::Receiver<Observed> {
        self.0.machine.observe()
    }

    fn unstartable(&self, which: &Which) -> Vec<(ProcId, SpawnError)> {
        let core = self.core();
        let members = core.members(which).unwrap_or_default().into_iter();
        let procs = members.map(|info| info.named.proc);
        procs.filter_map(|proc| Some((proc, self.0.machine.obstacle(proc)?))).collect()
    }
}
