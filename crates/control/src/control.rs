//! A handle for what answers operators: it looks at the supervisor and gives it orders.

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

/// What does not change while a configuration is in effect.
pub struct About {
    /// The name by which the supervisor calls itself.
    pub identifier: String,
    /// The supervisor's own log file.
    pub log: Option<PathBuf>,
    /// Under which names XML-RPC methods are found.
    pub namespaces: Vec<String>,
    /// Reads the configuration as it is now, or tells all that is wrong with it.
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

/// What all handles share.
#[derive(Debug)]
struct Shared {
    machine: Box<dyn Machine>,
    about: About,
    /// Counters; `None`: no endpoint exposes them.
    tally: Option<Rc<RefCell<Tally>>>,
    /// When it began to work with the present configuration.
    began: Wall,
    /// Events that observers missed.
    missed: Cell<u64>,
    /// Samples of the resource usage of programs.
    usage: RefCell<UsageHistory>,
}

/// A handle on the supervisor.
#[derive(Clone, Debug)]
pub struct Control(Rc<Shared>);

/// Why a configuration could not be read again, in supervisord's words, or that it was
/// not the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CannotReread {
    /// Something is wrong with it.
    Wrong(String),
    /// The core refused.
    Refused(Rejection),
}

impl Control {
    /// A handle on `machine`. `tally`, where there is one, counts what happens to it.
    pub fn new(machine: Box<dyn Machine>, about: About, tally: Option<Rc<RefCell<Tally>>>) -> Self {
        let (began, missed) = (machine.now().wall, Cell::new(0));
        let usage = RefCell::default();
        Self(Rc::new(Shared { machine, about, tally, began, missed, usage }))
    }

    /// The core as it is. Not to be kept over an `await`.
    pub fn core(&self) -> Ref<'_, Supervisor> {
        self.0.machine.core()
    }

    /// The counters so far; empty if no endpoint exposes them.
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

    /// When it began to work with the present configuration.
    pub(crate) fn began(&self) -> Wall {
        self.0.began
    }

    /// How many events observers missed.
    pub(crate) fn missed(&self) -> u64 {
        self.0.missed.get()
    }

    /// An observer has missed some more.
    pub(crate) fn note_missed(&self, events: u64) {
        self.0.missed.set(self.0.missed.get() + events);
    }

    /// What does not change.
    pub fn about(&self) -> &About {
        &self.0.about
    }

    pub(crate) fn now(&self) -> Now {
        self.0.machine.now()
    }

    /// Gives an order and waits for the reply. Who stops waiting takes the order back as
    /// far as it only waits.
    pub(crate) async fn ask(&self, command: Command) -> CommandResult {
        self.0.machine.ask(command).await
    }

    /// Starts processes. What can't be executed is found out first: it is refused, and its
    /// state stays as it was.
    pub(crate) async fn start(&self, which: Which, wait: bool) -> CommandResult {
        let unstartable = self.unstartable(&which);
        self.ask(Command::Start { which, wait, unstartable }).await
    }

    /// Restarts processes. A process whose command can't be executed goes on as it is.
    pub(crate) async fn restart(&self, which: Which, wait: bool) -> CommandResult {
        let unstartable = self.unstartable(&which);
        self.ask(Command::RestartPrograms { which, wait, unstartable }).await
    }

    /// Restarts processes one after the other, each ready before the next.
    pub(crate) async fn restart_rolling(&self, which: Which) -> CommandResult {
        let unstartable = self.unstartable(&which);
        self.ask(Command::RestartRolling { which, unstartable }).await
    }

    /// Reads the configuration again: the reply tells what it would change.
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

    /// The log file of a stream, if it goes to one.
    pub(crate) fn log_path(&self, proc: ProcId, channel: Channel) -> Option<PathBuf> {
        self.0.machine.log_path(proc, channel)
    }

    /// The source of the log of a stream.
    pub(crate) fn log(&self, proc: ProcId, channel: Channel) -> Option<LogSource> {
        let file = self.log_path(proc, channel).map(LogSource::File);
        let recent = || self.0.machine.recent_output(proc, channel).map(LogSource::Recent);
        file.or_else(recent)
    }

    /// Begins the log files of a process anew.
    pub(crate) fn clear_logs(&self, proc: ProcId) -> io::Result<()> {
        self.0.machine.clear_logs(proc)
    }

    /// Begins the supervisor's own log file anew.
    pub(crate) fn clear_main_log(&self, path: &Path) -> io::Result<()> {
        self.0.machine.clear_main_log(path)
    }

    /// Writes to a process's stdin. `None`: it has none.
    pub(crate) fn write_stdin(
        &self,
        proc: ProcId,
        bytes: &[u8],
    ) -> Option<Result<(), CannotWrite>> {
        self.0.machine.write_stdin(proc, bytes)
    }

    /// The roots of the trees of all programs, each with its program. A process that doesn't
    /// answer in time belongs to none.
    pub(crate) async fn roots(&self, family: &Family) -> io::Result<Vec<(Pid, ProcId)>> {
        self.0.machine.roots(family).await
    }

    /// Writes a line into the supervisor's log.
    pub(crate) fn say(&self, level: Level, message: &str) {
        self.0.machine.say(level, message);
    }

    /// Whether lines of this level are written at all.
    pub(crate) fn says(&self, level: Level) -> bool {
        self.0.machine.says(level)
    }

    /// Lines of the supervisor's log that were lost.
    pub(crate) fn lines_lost(&self) -> u64 {
        self.0.machine.lines_lost()
    }

    /// Tells of all that happens from now on.
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
