//! The interface through which request handlers use the engine and the system around it.

use std::cell::Ref;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;

use serde_json::Value as Json;
use supervisor_core::command::{Command, CommandResult};
use supervisor_core::event::Channel;
use supervisor_core::ids::{Pid, ProcId, RunId};
use supervisor_core::input::SpawnError;
use supervisor_core::level::Level;
use supervisor_core::time::Now;
use supervisor_core::{Observed, Supervisor};
use supervisor_sys::io::counters::IoCounters;
use supervisor_sys::io::recent::Recent;
use supervisor_sys::io::stdin::CannotWrite;
use supervisor_sys::process::process_table::Family;
use tokio::sync::broadcast;

/// A future result that stays on this thread.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A run and its crash report, in the format of the report file.
pub type CrashReport = (RunId, Json);

/// The supervisor that operators inspect and send commands to.
pub trait Machine: Debug {
    /// The current state of the core. Callers never keep it across an `await`.
    fn core(&self) -> Ref<'_, Supervisor>;

    /// The current time.
    fn now(&self) -> Now;

    /// Sends a command and waits for the reply. Dropping the future withdraws the part of the
    /// command that is still waiting.
    fn ask(&self, command: Command) -> Later<'_, CommandResult>;

    /// The reason why a process cannot be executed now, if one is known.
    fn obstacle(&self, proc: ProcId) -> Option<SpawnError>;

    /// The roots of the process trees of all programs, each with its program.
    fn roots<'a>(&'a self, family: &'a Family) -> Later<'a, io::Result<Vec<(Pid, ProcId)>>>;

    /// I/O counters of each process's pipes and files.
    fn io_counters(&self) -> BTreeMap<ProcId, IoCounters>;

    /// The log file of a stream, if the stream has one.
    fn log_path(&self, proc: ProcId, channel: Channel) -> Option<PathBuf>;

    /// The latest output of a stream, if it is kept in memory.
    fn recent_output(&self, proc: ProcId, channel: Channel) -> Option<Rc<Recent>>;

    /// The latest crash reports of a process, the oldest first, in the format of the report
    /// files.
    fn crash_reports(&self, proc: ProcId) -> Vec<CrashReport>;

    /// Removes the log files of a process and creates them again.
    fn clear_logs(&self, proc: ProcId) -> io::Result<()>;

    /// Removes the supervisor's own log file and creates it again.
    fn clear_main_log(&self, path: &Path) -> io::Result<()>;

    /// Writes to a process's stdin. `None`: the process has no stdin pipe.
    fn write_stdin(&self, proc: ProcId, bytes: &[u8]) -> Option<Result<(), CannotWrite>>;

    /// Follows all events from now on.
    fn observe(&self) -> broadcast::Receiver<Observed>;

    /// Writes a line into the supervisor's log.
    fn say(&self, level: Level, message: &str);

    /// Whether the supervisor logs lines of this level.
    fn says(&self, level: Level) -> bool;

    /// Number of lines of the supervisor's log that were lost.
    fn lines_lost(&self) -> u64;
}
