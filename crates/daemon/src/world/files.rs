//! The files of runs: records the open files of a process tree, and removes leftover files.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use supervisor_core::Answer;
use supervisor_core::files::{Kept, nearly_full};
use supervisor_core::ids::{Member, ProcId, RunId};
use supervisor_core::level::Level;
use supervisor_core::spec::RemoveLeftovers;
use supervisor_core::{Input, Occasion};
use supervisor_sys::deadline::run_with_deadline;
use supervisor_sys::io::shared_memory::shared_memory;
use supervisor_sys::process::process_table::start_of;
use tokio::sync::Semaphore;

use super::{Slot, World};
use crate::capture::journal::Journal;
use crate::cleanup::evidence::Evidence;
use crate::cleanup::removal::{Outcome, Search};
use crate::cleanup::{Before, Places, file_time};
use crate::health::Kind;

/// The number of paths in one log line.
const NAMED: usize = 10;

/// The number of paths that are remembered as already logged.
const TOLD: usize = 4096;

/// The limit for recording the open files of a tree. A count of the tree waits for it.
const LOOK_TIME: Duration = Duration::from_millis(500);

/// The time by which a cleanup ends before the core stops waiting for its answer.
const MARGIN: Duration = Duration::from_millis(500);

const MEGABYTE: u64 = 1024 * 1024;

/// The files of one program, for all its runs together.
#[derive(Debug)]
pub(super) struct Files {
    /// The time of the first start, on the clock of the file system.
    started: Option<Duration>,
    /// The files that existed at the first start.
    before: Option<Before>,
    evidence: Evidence,
    /// Held while the open files of the tree are recorded.
    look: Arc<Semaphore>,
    /// The kept files that were already logged.
    told: Rc<RefCell<BTreeSet<PathBuf>>>,
    /// The number of kept files by reason, in the order of [`Kept::ALL`].
    kept: Rc<[Cell<u64>; Kept::ALL.len()]>,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            started: None,
            before: None,
            evidence: Evidence::default(),
            look: Arc::new(Semaphore::new(1)),
            told: Rc::default(),
            kept: Rc::default(),
        }
    }
}

impl Files {
    /// Records the start of a run. It must be fast, because the program waits for it.
    pub(super) fn begins(&mut self) {
        self.started.get_or_insert_with(file_time);
    }

    /// The number of kept files by reason, in the order of [`Kept::ALL`].
    pub(super) fn kept(&self) -> [u64; Kept::ALL.len()] {
        std::array::from_fn(|reason| self.kept[reason].get())
    }

    /// Whether the open files of its tree are being recorded now.
    pub(super) fn is_looked_at(&self) -> bool {
        self.look.available_permits() == 0
    }

    /// Waits until the recording of open files has ended, up to its time limit.
    pub(super) fn looked_at(&self) -> impl Future<Output = ()> + 'static {
        let look = Arc::clone(&self.look);
        async move {
            let _ = tokio::time::timeout(LOOK_TIME, look.acquire()).await;
        }
    }
}

impl Slot {
    pub(super) fn removes(&self) -> RemoveLeftovers {
        self.spec.tidy.as_ref().map(|tidy| tidy.remove_leftovers).unwrap_or_default()
    }

    /// Records the existing files after the first run has started.
    pub(super) fn note_before(&mut self) {
        if self.files.before.is_none()
            && self.removes() != RemoveLeftovers::No
            && let Some(started) = self.files.started
        {
            self.files.before = Some(Before::look(&Places::of_user(self.uid()), started));
        }
    }

    fn search(&self) -> Option<Search> {
        let policy = self.removes();
        (policy != RemoveLeftovers::No).then(|| Search {
            places: Places::of_user(self.uid()),
            uid: self.uid(),
            policy,
            before: self.files.before.clone(),
            evidence: self.files.evidence.clone(),
            sockets: self.spec.tidy.as_ref().map(|tidy| tidy.sockets.clone()).unwrap_or_default(),
            shared_memory: self.spec.tidy.as_ref().map_or(&[], |tidy| tidy.shared_memory),
            main: self.main.filter(|(_, alive)| !alive).map(|(pid, _)| pid),
        })
    }

    /// The user id of the program.
    fn uid(&self) -> u32 {
        let own = || rustix::process::geteuid().as_raw();
        self.spec.launch.user.as_ref().map_or_else(own, |user| user.uid)
    }
}

impl World {
    /// Records the open files of a tree. If it hangs, it is not repeated, because its thread may
    /// never end.
    pub(super) fn look_at_files(&mut self, proc: ProcId) {
        let mut members = self.begin_census(proc).map(|census| census.found).unwrap_or_default();
        let Some(slot) = self.slots.get(&proc) else { return };
        if let Some((pid, true)) = slot.main
            && let Ok(Some(start)) = self.reserve.with_room(|| start_of(pid))
        {
            members.push(Member { pid, start });
        }
        if members.is_empty() {
            return;
        }
        let Ok(look) = Arc::clone(&slot.files.look).try_acquire_owned() else { return };
        let (evidence, memory) = (slot.files.evidence.clone(), self.shared_memory.clone());
        let (name, journal) = (slot.spec.name.clone(), Rc::clone(&self.parts.journal));
        self.questions.start(proc, Kind::Files, async move {
            let looked = run_with_deadline(LOOK_TIME, move |_| {
                let count = evidence.look_at(&members);
                drop(look);
                count
            });
            if let Some(count) = looked.await {
                let note = format!(
                    "'{name}' uses {} in shared memory, sockets included",
                    counted(count, "file")
                );
                journal.say(Level::Debug, &note);
            }
            memory.look();
        });
    }

    /// Removes the leftover files of a run.
    pub(super) fn tidy(&mut self, proc: ProcId, run: RunId, occasion: Occasion) {
        let done = Input::answer(proc, run, Answer::Tidied);
        let Some(slot) = self.slots.get(&proc) else { return self.answers.push_back(done) };
        let (name, search) = (slot.spec.name.clone(), slot.search());
        let (told, kept) = (Rc::clone(&slot.files.told), Rc::clone(&slot.files.kept));
        let (inbox, memory) = (Rc::clone(&self.inbox), self.shared_memory.clone());
        let journal = Rc::clone(&self.parts.journal);
        self.questions.start(proc, Kind::Tidy, async move {
            let limit = occasion.limit().saturating_sub(MARGIN);
            if let Some(search) = search {
                match run_with_deadline(limit, move |wanted| search.carry_out(wanted)).await {
                    Some(outcome) => tell(&journal, &name, &outcome, &told, &kept),
                    None => {
                        let note = format!(
                            "gave up looking for stale files of '{name}' after {limit:?}: \
                             /proc or a file system does not respond"
                        );
                        journal.say(Level::Warn, &note);
                    }
                }
                memory.look();
            }
            inbox.push(done);
        });
    }
}

/// Logs which files were removed, and each file that is kept once.
fn tell(
    journal: &Journal,
    name: &str,
    outcome: &Outcome,
    told: &RefCell<BTreeSet<PathBuf>>,
    kept: &[Cell<u64>; Kept::ALL.len()],
) {
    if !outcome.removed.is_empty() {
        let (files, bytes) = (counted(outcome.removed.len(), "stale file"), outcome.bytes);
        let paths = listed(&outcome.removed);
        let note = format!("removed {files} of '{name}' ({bytes} bytes): {paths}");
        journal.say(Level::Info, &note);
    }
    let mut told = told.borrow_mut();
    for (reason, count) in Kept::ALL.into_iter().zip(kept) {
        let of_reason = outcome.kept.iter().filter(|(_, why)| *why == reason);
        let new: Vec<PathBuf> = of_reason
            .filter(|(path, _)| told.len() < TOLD && told.insert(path.clone()))
            .map(|(path, _)| path.clone())
            .collect();
        if new.is_empty() {
            continue;
        }
        count.set(count.get() + new.len() as u64);
        let (files, paths) = (counted(new.len(), "stale file"), listed(&new));
        let note =
            format!("kept {files} that '{name}' may have created ({}): {paths}", reason.reason());
        journal.say(Level::Info, &note);
    }
}

fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn listed(paths: &[PathBuf]) -> String {
    let names: Vec<String> =
        paths.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    let more = if paths.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}

/// Watches the usage of `/dev/shm`: logs when it is nearly full, and again only after it was not.
#[derive(Clone, Debug)]
pub(super) struct SharedMemory {
    journal: Rc<Journal>,
    told: Rc<Cell<bool>>,
}

impl SharedMemory {
    pub(super) fn new(journal: Rc<Journal>) -> Self {
        Self { journal, told: Rc::default() }
    }

    fn look(&self) {
        let full = how_full();
        if let (Some(how_full), false) = (&full, self.told.get()) {
            let note = format!(
                "/dev/shm is nearly full ({how_full}): a process that writes to it when it is full \
                 gets SIGBUS; raise it with --shm-size, shm_size or an emptyDir with medium Memory"
            );
            self.journal.say(Level::Warn, &note);
        }
        self.told.set(full.is_some());
    }

    /// Logs the likely cause if a process was terminated by SIGBUS while `/dev/shm` was full.
    pub(super) fn explain_bus_error(&self, name: &str) -> bool {
        let how_full = how_full();
        if let Some(how_full) = &how_full {
            let note = format!(
                "'{name}' got SIGBUS, and /dev/shm is full ({how_full}): raise it with --shm-size, \
                 shm_size or an emptyDir with medium Memory"
            );
            self.journal.say(Level::Warn, &note);
        }
        how_full.is_some()
    }
}

/// The usage of `/dev/shm`, if it is nearly full.
fn how_full() -> Option<String> {
    let (used, size) = shared_memory().filter(|(used, size)| nearly_full(*used, *size))?;
    Some(format!("{} MB of {} MB", used / MEGABYTE, size / MEGABYTE))
}
