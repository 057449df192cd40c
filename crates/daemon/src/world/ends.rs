//! Records the state at the start of a run, and examines the end of a run.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use supervisor_core::Answer;
use supervisor_core::Input;
use supervisor_core::failure::{self, Found, Preset};
use supervisor_core::health::Unhealthy;
use supervisor_core::ids::{Member, Pid, ProcId, RunId};
use supervisor_core::input::{Circumstances, Death, Exit, OomCounter, OomKills};
use supervisor_core::level::Level;
use supervisor_core::report::RunReport;
use supervisor_core::signal::Signal;
use supervisor_core::spec::failure::RuleSpec;
use supervisor_sys::process::memory::MemoryGroup;
use supervisor_sys::process::process_table::{self, Dead};
use supervisor_sys::process::reap::Ended;
use supervisor_sys::process::start::lookup;

use super::{Slot, World};
use crate::capture::journal::Journal;
use crate::capture::tail::Tail;
use crate::crash::Crashes;
use crate::crash::evidence::{Evidence, Inquiry};
use crate::crash::report::{Findings, GroupMemory};
use crate::health::Kind;

/// The number of processes whose diagnostics are logged.
const TOLD: usize = 8;

/// The facts about a process's present or last run.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The OOM counter of its memory cgroup at the start.
    oom_before: Option<u64>,
    /// The findings after the exit of its main process.
    findings: Option<Box<Findings>>,
    /// The diagnostics of an unhealthy run.
    evidence: Rc<RefCell<Diagnostics>>,
}

/// The diagnostics of an unhealthy run.
#[derive(Debug, Default)]
enum Diagnostics {
    /// There are none, or no file contains them.
    #[default]
    None,
    /// They are being collected.
    Collecting(Box<Collection>),
    /// They have been written to this file.
    Kept(PathBuf),
}

/// Diagnostics that are being collected.
#[derive(Debug)]
struct Collection {
    unhealthy: Unhealthy,
    name: String,
    full: String,
    run: RunId,
    found: Arc<Mutex<Evidence>>,
}

impl Diagnostics {
    /// Writes what has been collected to a file and a summary to the log, unless that is done.
    fn finish(&mut self, crashes: &Crashes, journal: &Journal) {
        let Self::Collecting(collection) = self else { return };
        let Collection { unhealthy, name, full, run, found } = &**collection;
        let found = found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = format!("{full}, run {}: {unhealthy}\n{}", run.0, found.text);
        let path = crashes.keep_evidence(full, *run, &text);
        let count = found.summary.len();
        let processes = if count == 1 { "process" } else { "processes" };
        let at = path.as_ref();
        let at = at.map_or_else(String::new, |path| format!(" written to {}", path.display()));
        journal.say(Level::Info, &format!("diagnostics of '{name}' ({count} {processes}){at}"));
        for line in found.summary.iter().take(TOLD) {
            journal.say(Level::Info, &format!("diagnostics: {line}"));
        }
        *self = path.map_or(Self::None, Self::Kept);
    }
}

impl World {
    /// Records the start of a run. It must be fast, because the program waits for it.
    pub(super) fn begins(&mut self, proc: ProcId) {
        if let Some(slot) = self.slots.get_mut(&proc) {
            let oom_before = slot.watch.oom_before;
            slot.watch = Watch { oom_before, ..Watch::default() };
            slot.files.begins();
            self.begun.push(proc);
        }
    }

    /// Records the baseline of the processes that have started since the last call.
    pub(crate) fn record_run_baseline(&mut self) {
        let mut shared = None;
        for proc in std::mem::take(&mut self.begun) {
            let Some(slot) = self.slots.get_mut(&proc) else { continue };
            let count = match own_memory(slot) {
                Some(own) => own.oom_kills(),
                None => *shared
                    .get_or_insert_with(|| self.memory.get().and_then(MemoryGroup::oom_kills)),
            };
            slot.watch.oom_before = count;
            slot.note_before();
        }
    }

    /// Examines the exit of a main process.
    pub(super) fn examine(&mut self, proc: ProcId, ended: &Ended) -> Circumstances {
        let alone = self.slots.values().filter(|slot| matches!(slot.main, Some((_, true)))).count();
        let Some(slot) = self.slots.get_mut(&proc) else { return Circumstances::default() };
        let own = own_memory(slot);
        let counted_alone = own.is_some() || alone <= 1;
        let group = own.as_ref().or_else(|| self.memory.get());
        let group = group.and_then(|group| {
            let count = group.oom_kills()?;
            let before = slot.watch.oom_before.replace(count).unwrap_or(count);
            let oom_kills = count.saturating_sub(before);
            Some(GroupMemory { oom_kills, peak: group.peak(), limit: group.limit() })
        });
        let output = [&slot.stdout, &slot.stderr]
            .map(|relay| relay.as_ref().and_then(|relay| relay.last_of(ended.pid)));
        // Errors go to stderr, if the program's stderr is captured separately.
        let last_line = output.iter().rev().flatten().find_map(Tail::last_line);
        let found = slot.spec.failure.preset.and_then(|preset| sign_in(&output, preset));
        let texts = texts_in(&output, &slot.spec.failure.rules);
        slot.watch.findings = Some(Box::new(Findings { usage: ended.usage, group, output }));
        let ended_by = |by| matches!(ended.exit, Exit::Signal { signal, .. } if signal == by);
        let shared_memory_full =
            ended_by(Signal::BUS) && self.shared_memory.explain_bus_error(&slot.spec.name);
        let counter = if counted_alone { OomCounter::Own } else { OomCounter::Shared };
        let oom_kills = OomKills { count: group.map_or(0, |group| group.oom_kills), counter };
        Circumstances { oom_kills, last_line, found, shared_memory_full, texts }
    }

    /// Watches the descendants of a process from now on: the core receives their exits. Processes
    /// that do not belong to the program are not watched.
    pub(super) fn watch_descendants(&mut self, proc: ProcId) {
        let Some(slot) = self.slots.get_mut(&proc) else { return };
        if let (Some((main, true)), true) = (slot.main, slot.spec.killtree) {
            slot.descendants = Rc::default();
            let (room, inbox) = (self.room.clone(), Rc::clone(&self.inbox));
            let job = Rc::clone(&slot.descendants).watch(proc, main, room, inbox);
            self.questions.start(proc, Kind::Descendants, job);
        }
    }

    /// Reports the descendants that exited before the main process, which has exited now.
    pub(super) fn tell_deaths_before(&self, proc: ProcId, main: Pid) {
        let deaths = self.slots.get(&proc).map(|slot| slot.descendants.ended_before());
        for death in deaths.into_iter().flatten() {
            self.inbox.push(Input::DescendantEnded { proc, main, death });
        }
    }

    /// The input about the exit of an orphan that is not yet reaped, if the program to whose tree
    /// it belonged is running.
    pub(super) fn death_of_orphan(&self, pid: Pid, exit: Exit) -> Option<Input> {
        let Dead { name, led_by, .. } = process_table::dead(pid)?;
        let seen = self.parts.roster.owner(pid);
        let (proc, main) = self.slots.iter().find_map(|(proc, slot)| {
            let (main, true) = slot.main? else { return None };
            (seen == Some(*proc) || led_by.contains(&main)).then_some((*proc, main))
        })?;
        let death = Death { name, pid, exit: Some(exit) };
        Some(Input::DescendantEnded { proc, main, death })
    }

    /// Adds the resource usage of an orphan that has exited to the program to whose tree it
    /// belonged.
    pub(super) fn examine_orphan(&mut self, ended: &Ended) {
        let owner = self.parts.roster.owner(ended.pid);
        if let Some(slot) = owner.and_then(|proc| self.slots.get_mut(&proc))
            && let Some(findings) = &mut slot.watch.findings
        {
            findings.usage = findings.usage.with(ended.usage);
        }
    }

    /// Reports a run. If it exited while diagnostics were collected, the report names those
    /// collected until now.
    pub(super) fn report(&mut self, run: RunReport) {
        let watch = self.slots.get_mut(&run.process.proc).map(|slot| &mut slot.watch);
        let (findings, evidence) = watch.map_or_else(Default::default, |watch| {
            let mut evidence = watch.evidence.borrow_mut();
            evidence.finish(&self.crashes, &self.parts.journal);
            (
                watch.findings.take().map(|found| *found).unwrap_or_default(),
                std::mem::take(&mut *evidence),
            )
        });
        let file = match evidence {
            Diagnostics::Kept(path) => Some(path),
            Diagnostics::None | Diagnostics::Collecting(_) => None,
        };
        self.crashes.tell(run, findings, file);
    }

    /// Collects diagnostics of a process and its tree.
    pub(super) fn collect(&mut self, proc: ProcId, run: RunId, unhealthy: Unhealthy) {
        // Processes that need a read of their environment are left out: it could use up the time
        // limit.
        let members = self.begin_census(proc).map(|census| census.found).unwrap_or_default();
        let done = Input::answer(proc, run, Answer::Collected);
        let slot = self.slots.get(&proc);
        let Some((slot, (pid, true))) = slot.and_then(|slot| Some((slot, slot.main?))) else {
            return self.answers.push_back(done);
        };
        let path = lookup::inherited_path(&self.parts.environment);
        let start = self.reserve.with_room(|| process_table::start_of(pid));
        let inquiry = Inquiry {
            main: Member { pid, start: start.ok().flatten().unwrap_or_default() },
            others: members.into_iter().map(|member| member.pid).collect(),
            spec: slot.spec.health.evidence.clone(),
            py_spy: lookup::find("py-spy".as_ref(), path, None).ok(),
            environment: self.parts.environment.clone(),
            helpers: Rc::clone(&self.helpers),
            found: Arc::default(),
        };
        let (crashes, journal) = (Rc::clone(&self.crashes), Rc::clone(&self.parts.journal));
        let (inbox, evidence) = (Rc::clone(&self.inbox), Rc::clone(&slot.watch.evidence));
        *evidence.borrow_mut() = Diagnostics::Collecting(Box::new(Collection {
            unhealthy,
            name: slot.spec.name.clone(),
            full: slot.full_name(),
            run,
            found: Arc::clone(&inquiry.found),
        }));
        tokio::task::spawn_local(async move {
            inquiry.make().await;
            evidence.borrow_mut().finish(&crashes, &journal);
            inbox.push(done);
        });
    }
}

/// The sign of a failure in the output. Only the kept end of the output is searched, once, after
/// the run, so that the search does not slow the program down. Errors go to stderr, if the
/// program's stderr is captured separately.
fn sign_in(output: &[Option<Tail>; 2], preset: Preset) -> Option<Found> {
    let mut streams = output.iter().rev().flatten().map(|tail| tail.lines(usize::MAX));
    streams.find_map(|lines| failure::read(lines.iter().map(String::as_str), preset))
}

/// The names of the rules whose text occurs in the end of the output.
fn texts_in(output: &[Option<Tail>; 2], rules: &[Rc<RuleSpec>]) -> BTreeSet<String> {
    if rules.iter().all(|rule| rule.output.is_none()) {
        return BTreeSet::new();
    }
    let lines: Vec<String> =
        output.iter().flatten().flat_map(|tail| tail.lines(usize::MAX)).collect();
    let found = rules.iter().filter(|rule| rule.is_in(&lines));
    found.map(|rule| rule.name.clone()).collect()
}

fn own_memory(slot: &Slot) -> Option<MemoryGroup> {
    MemoryGroup::at(slot.cgroup.as_ref()?.path())
}
