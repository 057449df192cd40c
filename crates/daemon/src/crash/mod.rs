//! Reports of runs that exit unexpectedly and of unhealthy processes: in the log, in files, in the
//! termination log of the container engine, and in memory for later requests.

pub(crate) mod evidence;
pub(crate) mod report;
mod store;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use rustix::fs::{FileType, Mode, OFlags};
use supervisor_config::{Crash, TerminationLog};
use supervisor_core::ids::RunId;
use supervisor_core::level::Level;
use supervisor_core::line::Value;
use supervisor_core::report::RunReport;
use supervisor_sys::clock;
use supervisor_sys::io::guarded;

use crate::capture::journal::Journal;
use report::{CrashReport, Findings};
use store::Store;

/// The number of reports that are remembered for each process.
const REMEMBERED: usize = 10;

/// The number of reports that are remembered for all processes together.
const REMEMBERED_OF_ALL: usize = 32;

/// All reports, and their destinations.
#[derive(Debug)]
pub(crate) struct Crashes {
    line: bool,
    store: Option<Store>,
    termination_log: Option<TerminationLog>,
    journal: Rc<Journal>,
    recent: RefCell<VecDeque<Rc<CrashReport>>>,
    /// The level at which the first file that can't be written is logged; logged once.
    complaint: Cell<Option<Level>>,
}

impl Crashes {
    pub(crate) fn new(crash: Crash, journal: Rc<Journal>) -> Rc<Self> {
        let Crash { line, files, termination_log } = crash;
        // A read-only root file system is no problem if the user did not configure report files.
        let asked_for = files.as_ref().is_some_and(|files| files.asked_for);
        let complaint = Cell::new(Some(if asked_for { Level::Warn } else { Level::Info }));
        let store = files.map(|files| Store::new(files.directory, files.keep, files.asked_for));
        let recent = RefCell::default();
        Rc::new(Self { line, store, termination_log, journal, recent, complaint })
    }

    /// The latest reports, the oldest first.
    pub(crate) fn recent(&self) -> Vec<Rc<CrashReport>> {
        self.recent.borrow().iter().map(Rc::clone).collect()
    }

    /// The latest remembered report that `fits` accepts.
    pub(crate) fn find(&self, fits: impl Fn(&CrashReport) -> bool) -> Option<Rc<CrashReport>> {
        self.recent.borrow().iter().rev().find(|report| fits(report)).map(Rc::clone)
    }

    /// Reports a run.
    pub(crate) fn tell(&self, run: RunReport, findings: Findings, evidence: Option<PathBuf>) {
        let report = Rc::new(CrashReport::new(run, findings, evidence));
        let run = &report.run;
        let path = self.store.as_ref().and_then(|_| {
            let text = format!("{:#}\n", report.json());
            let named = (&*run.process.full(), run.run.0);
            self.keep(named, run.ended, store::REPORT, text.as_bytes())
        });
        if self.line {
            let (mut line, mut facts) = (report.line(), report.facts());
            if let Some(path) = path {
                let path = path.display().to_string();
                line.push_str(&format!(" report={path}"));
                facts.fields.push(("report", Value::Text(path)));
            }
            self.journal.say_as(report.level(), &line, facts);
        }
        self.leave_message(&report.message());
        self.remember(report);
    }

    /// Records the supervisor's exit with this code. If the code is 0, clears the termination
    /// message that an earlier crash left.
    pub(crate) fn end(&self, code: u8) {
        if code == 0 && !self.recent.borrow().is_empty() {
            self.leave_message("");
        }
    }

    fn remember(&self, report: Rc<CrashReport>) {
        let mut recent = self.recent.borrow_mut();
        let same = |other: &Rc<CrashReport>| other.run.process.proc == report.run.process.proc;
        let oldest = if recent.iter().filter(|other| same(other)).count() == REMEMBERED {
            recent.iter().position(same)
        } else {
            (recent.len() == REMEMBERED_OF_ALL).then_some(0)
        };
        if let Some(oldest) = oldest {
            recent.remove(oldest);
        }
        recent.push_back(report);
    }

    fn leave_message(&self, message: &str) {
        if let Some(log) = &self.termination_log
            && let Err(error) = overwrite(log, message.as_bytes())
            && log.asked_for
        {
            let message = format!("cannot write {}: {error}", log.path.display());
            self.journal.say(Level::Warn, &message);
        }
    }

    /// Writes the diagnostics of an unhealthy process to a file; returns its path.
    pub(crate) fn keep_evidence(&self, name: &str, run: RunId, text: &str) -> Option<PathBuf> {
        self.keep((name, run.0), clock::wall(), store::EVIDENCE, text.as_bytes())
    }

    fn keep(
        &self,
        named: (&str, u64),
        at: supervisor_core::time::Wall,
        kind: &str,
        content: &[u8],
    ) -> Option<PathBuf> {
        let store = self.store.as_ref()?;
        match store.put(named, at, kind, content) {
            Ok(path) => Some(path),
            Err(error) => {
                if let Some(level) = self.complaint.take() {
                    let directory = store.directory().display();
                    let message = format!("cannot keep crash reports in {directory}: {error}");
                    self.journal.say(level, &message);
                }
                None
            }
        }
    }
}

/// Replaces the content of the termination log. The file itself must stay, because the container
/// engine has mounted it.
fn overwrite(log: &TerminationLog, content: &[u8]) -> io::Result<()> {
    // A pipe or a device would block.
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let create = if log.asked_for { OFlags::CREATE } else { OFlags::empty() };
    let mut file = guarded::open(&log.path, flags | create, Mode::from_raw_mode(0o644))?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode);
    if kind != FileType::RegularFile {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    rustix::fs::ftruncate(&file, 0)?;
    file.write_all(content)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_termination_log_is_created_only_if_it_was_configured() {
        let path = std::env::temp_dir().join(format!("termination-{}", std::process::id()));
        let log = |asked_for| TerminationLog { path: path.clone(), asked_for };
        assert!(overwrite(&log(false), b"1").is_err());
        overwrite(&log(true), b"a longer text").unwrap();
        overwrite(&log(false), b"short").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
        std::fs::remove_file(&path).unwrap();
        let null = TerminationLog { path: Path::new("/dev/null").to_owned(), asked_for: true };
        assert!(overwrite(&null, b"1").is_err());
    }
}
