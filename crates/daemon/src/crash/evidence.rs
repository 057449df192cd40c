//! Collects diagnostics of an unhealthy process before a stop destroys them: where each thread of
//! its tree waits, in the kernel and in Python.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use supervisor_core::ids::{Member, Pid};
use supervisor_core::spec::Launch;
use supervisor_core::spec::health::EvidenceSpec;
use supervisor_sys::deadline::{Wanted, run_with_deadline};
use supervisor_sys::process::process_table::stat;
use supervisor_sys::process::{pidfd, signal};

use crate::helpers::Helpers;
use crate::launch::Environment;

/// The number of processes of a tree that are examined.
const PROCESSES: usize = 64;

/// The number of threads that are examined for each process.
const THREADS: usize = 64;

/// The number of bytes that are read of one file in `/proc`.
const FILE: usize = 4096;

/// The number of bytes that are kept of all files in `/proc`.
const TEXT: usize = 512 * 1024;

/// The number of Python processes whose stacks are dumped.
const PYTHONS: usize = 4;

/// The number of bytes that are kept of each stack dump.
const STACKS: usize = 64 * 1024;

/// The time that a process has to dump its own stacks after the signal.
const DUMP: Duration = Duration::from_millis(500);

/// The processes to examine, and the means to do it.
#[derive(Debug)]
pub(crate) struct Inquiry {
    /// The main process.
    pub(crate) main: Member,
    /// The other processes of its tree.
    pub(crate) others: Vec<Pid>,
    pub(crate) spec: EvidenceSpec,
    /// The path of `py-spy`, which prints the stacks of Python processes; `None`: it is not
    /// installed.
    pub(crate) py_spy: Option<PathBuf>,
    pub(crate) environment: Environment,
    pub(crate) helpers: Rc<Helpers>,
    /// The diagnostics that have been collected so far.
    pub(crate) found: Arc<Mutex<Evidence>>,
}

/// The collected diagnostics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The text for the file.
    pub(crate) text: String,
    /// The lines for the log: one for each of the first processes.
    pub(crate) summary: Vec<String>,
}

impl Inquiry {
    /// Collects as much as possible within the time limit, and sends the dump signal.
    pub(crate) async fn make(self) {
        let limit = self.spec.limit;
        // The signal comes last, and must come.
        let dump = self.spec.signal.map_or(Duration::ZERO, |_| DUMP.min(limit / 2));
        let found = Arc::clone(&self.found);
        let all = async {
            let pids: Vec<Pid> =
                [self.main.pid].into_iter().chain(self.others.iter().copied()).collect();
            let pythons = self.look(pids, &found, limit).await;
            // The output of an unfinished dump is kept too.
            self.ask_pythons(&pythons, &found, limit / 2).await;
        };
        let in_time = tokio::time::timeout(limit - dump, all).await.is_ok();
        if !in_time {
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = writeln!(found.text, "\n[truncated: the time limit was reached]");
        }
        if let Some(signal) = self.spec.signal {
            // The process may have exited in the meantime.
            let _ = signal::send_to_member(self.main, signal);
            let _ = tokio::time::timeout(dump, pidfd::ended(self.main.pid)).await;
        }
    }

    /// Reads the files of all processes; returns the processes that run Python.
    async fn look(
        &self,
        pids: Vec<Pid>,
        found: &Arc<Mutex<Evidence>>,
        limit: Duration,
    ) -> Vec<Pid> {
        let found = Arc::clone(found);
        let read = move |wanted: &Wanted| {
            let mut pythons = Vec::new();
            let pids = stuck_first(pids, |pid| stat(pid).ok().flatten().map(|stat| stat.state));
            for pid in pids.iter().take(PROCESSES).take_while(|_| wanted.still()) {
                let (text, summary) = describe(*pid);
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                if found.text.len() + text.len() > TEXT {
                    found.text.push_str("\n[truncated: the size limit was reached]\n");
                    break;
                }
                found.text.push_str(&text);
                found.summary.push(summary);
                drop(found);
                if is_python(*pid) {
                    pythons.push(*pid);
                }
            }
            pythons
        };
        run_with_deadline(limit, read).await.unwrap_or_default()
    }

    async fn ask_pythons(&self, pythons: &[Pid], found: &Arc<Mutex<Evidence>>, limit: Duration) {
        let Some(py_spy) = self.py_spy.as_ref().filter(|_| !pythons.is_empty()) else { return };
        let mut asked = Vec::new();
        for pid in pythons.iter().take(PYTHONS) {
            let words = ["dump", "--pid", &pid.to_string()].map(OsString::from);
            let argv = [py_spy.clone().into_os_string()].into_iter().chain(words).collect();
            let helper = self.helpers.start(
                "py-spy",
                &Launch::as_supervisor(argv),
                self.environment.clone(),
            );
            asked.push((*pid, helper));
        }
        for (pid, helper) in asked {
            let told = match helper {
                Ok(helper) => {
                    let outcome = helper.finish(limit, STACKS).await;
                    String::from_utf8_lossy(&outcome.output).into_owned()
                }
                Err(error) => error.to_string(),
            };
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = write!(found.text, "\n== py-spy dump --pid {pid}\n{told}\n");
        }
    }
}

/// Sorts the processes: those first that are stopped or wait in the kernel where no signal reaches
/// them. If there are many processes, only the first are reported.
fn stuck_first(mut pids: Vec<Pid>, state: impl Fn(Pid) -> Option<u8>) -> Vec<Pid> {
    pids.sort_by_cached_key(|pid| !matches!(state(*pid), Some(b'T' | b't' | b'D')));
    pids
}

/// Describes a process with the files in `/proc`, in full and in one line.
fn describe(pid: Pid) -> (String, String) {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let command = file(&folder, "cmdline").replace('\0', " ");
    let status = file(&folder, "status");
    let mut text = format!("\n== {pid} {}\n", command.trim_end());
    let wanted = ["Name", "State", "PPid", "Threads", "VmRSS", "VmHWM", "RssShmem", "VmSwap"];
    for line in status.lines() {
        if wanted.iter().any(|name| line.split(':').next() == Some(name)) {
            let _ = writeln!(text, "{line}");
        }
    }
    let threads = fs::read_dir(folder.join("task")).into_iter().flatten().flatten();
    for thread in threads.take(THREADS) {
        let folder = thread.path();
        let name = file(&folder, "comm");
        let state = field(&file(&folder, "status"), "State");
        let tid = thread.file_name();
        let _ = writeln!(
            text,
            "thread {} ({}) {state} in {}",
            tid.display(),
            name.trim_end(),
            wait(&folder)
        );
        // Only root may read this file.
        for call in file(&folder, "stack").lines() {
            let _ = writeln!(text, "    {call}");
        }
    }
    let fields = ["Name", "State", "Threads", "VmRSS"].map(|name| field(&status, name));
    let [name, state, threads, memory] = fields;
    let wait = wait(&folder);
    let plural = if threads == "1" { "" } else { "s" };
    let summary = format!("{pid} ({name}) {state}, {threads} thread{plural}, {memory}, in {wait}");
    (text, summary)
}

fn wait(folder: &Path) -> String {
    match file(folder, "wchan").trim() {
        "" | "0" => "user space, or unknown".to_owned(),
        place => place.to_owned(),
    }
}

fn field(status: &str, name: &str) -> String {
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.map_or_else(|| "?".to_owned(), |value| value.trim().replace('\t', " "))
}

/// The first bytes of a file; empty if the file cannot be read.
fn file(folder: &Path, name: &str) -> String {
    use std::io::Read;
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(folder.join(name)) {
        let _ = file.take(FILE as u64).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_python(pid: Pid) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspended_and_blocked_processes_come_first() {
        let states = [b'S', b'R', b'D', b'S', b'T', b'Z', b't'];
        let pids = (0..states.len()).map(|pid| Pid(i32::try_from(pid).unwrap())).collect();
        let state = |pid: Pid| usize::try_from(pid.0).ok().and_then(|pid| states.get(pid).copied());
        let sorted: Vec<i32> = stuck_first(pids, state).iter().map(|pid| pid.0).collect();
        assert_eq!(sorted, [2, 4, 6, 0, 1, 3, 5]);
    }
}
