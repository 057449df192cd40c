//! Finds the processes that belong to a program: by descent, by process group, by a mark in the
//! environment, by an earlier census, and by cgroup if the program has one.
//!
//! The supervisor touches no other process. As PID 1, or behind an entry script, it is also the
//! parent of processes that it did not start. Otherwise, an orphan that becomes its child was
//! started by one of its programs; the core decides by which one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use supervisor_core::ids::{Member, Pid, ProcId};
use supervisor_core::input::{Claim, Traits, TreeProcess};
use supervisor_core::signal::Signal;
use supervisor_wire::system::procfs::{self, Stat};

use supervisor_sys::process::process_table::{self, Family, environ};
use supervisor_sys::process::readers::{READ_TIME, ReadOutcome, Readers};
use supervisor_sys::process::reap;
use tokio::time::Instant;

/// The variable that marks all descendants of a program. A supervisor within a supervisor
/// adds its mark to the one that it inherited.
pub const MARK: &str = "STANDARD_SUPERVISOR_TREE";

/// Maps processes to programs.
#[derive(Debug)]
pub struct Roster {
    own: Pid,
    /// Distinguishes this supervisor's marks from those of other supervisors, which may be
    /// inherited.
    instance: String,
    inherited: Option<String>,
    /// Whether only processes that the programs started can become the supervisor's children.
    adopts_only_ours: bool,
    seen: RefCell<BTreeMap<Member, ProcId>>,
}

/// The main process of a tree that is to be counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root {
    pub(crate) proc: ProcId,
    /// The pid that its main process has or had. It is also the process group's id.
    pub(crate) pid: Pid,
    /// The main process has not been reaped.
    pub(crate) alive: bool,
}

/// The processes that belong to a program, as far as that is known without reading
/// `/proc/PID/environ`, which may block.
#[derive(Debug)]
pub(crate) struct Census {
    pub(crate) root: Root,
    /// The processes that belong to it.
    pub(crate) found: Vec<Member>,
    /// Processes that only the mark in their environment can identify.
    pub(crate) unsure: Vec<Member>,
}

/// The result of a census.
#[derive(Debug, Default)]
pub(crate) struct Conclusion {
    /// Those that belong to the program.
    pub(crate) found: Vec<Member>,
    /// Processes that one of the programs started; it is not known which one.
    pub(crate) orphans: Vec<Member>,
    /// Processes that may not belong to any program, because nothing can be read about them.
    pub(crate) unknown: Vec<Member>,
}

/// The roots of the trees of all programs.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    /// The roots whose program is known.
    pub(crate) known: Vec<(Pid, ProcId)>,
    /// Roots that only the mark in their environment can identify.
    pub(crate) unsure: Vec<Member>,
}

impl Roots {
    /// All roots, each with its program. A process whose environment cannot be read in time is left
    /// out.
    pub(crate) async fn identify(self, roster: &Roster, readers: &Readers) -> Vec<(Pid, ProcId)> {
        let Self { mut known, unsure } = self;
        if !unsure.is_empty() {
            let deadline = Instant::now() + READ_TIME;
            for (member, told) in readers.read(environ, &unsure, deadline).await {
                if let ReadOutcome::All(environ) = told
                    && let Some(proc) = roster.owner_by_mark(&environ)
                {
                    known.push((member.pid, proc));
                }
            }
        }
        known
    }
}

impl Conclusion {
    /// A conclusion with these processes and nothing else.
    pub(crate) fn of_linked(found: &[Member]) -> Self {
        Self { found: found.to_vec(), ..Self::default() }
    }
}

impl Census {
    /// The census of a process that has never run.
    pub(crate) const fn of_nobody(proc: ProcId) -> Self {
        let root = Root { proc, pid: Pid(0), alive: false };
        Self { root, found: Vec::new(), unsure: Vec::new() }
    }
}

impl Roster {
    /// `instance` is a word without commas that no other supervisor has. Call it before the
    /// first program is started.
    pub fn new(own: Pid, instance: String, inherited: Option<String>) -> Self {
        // PID 1 inherits the orphans of `docker exec`. A child that existed before the first
        // program started may leave its own children to the supervisor.
        let adopts_only_ours = own != Pid(1) && reap::has_no_children();
        Self { own, instance, inherited, adopts_only_ours, seen: RefCell::default() }
    }

    /// The value of [`MARK`] for a program.
    pub(crate) fn mark(&self, proc: ProcId) -> String {
        let own = self.own_mark(proc);
        self.inherited.as_ref().map_or_else(|| own.clone(), |outer| format!("{outer},{own}"))
    }

    /// Finds the living processes that belong to `root`, except its main process. `others`: the
    /// supervisor's living children that have their own trees. `grouped`: the processes in the
    /// program's own cgroup.
    pub(crate) fn census(&self, root: Root, others: &[Pid], grouped: &[Pid]) -> io::Result<Census> {
        let family = Family::now()?;
        let mut census = Census { root, found: Vec::new(), unsure: Vec::new() };
        let found = &mut census.found;
        for child in family.children(self.own)? {
            if others.contains(&child) {
                continue;
            }
            if root.alive && child == root.pid {
                found.extend(family.descendants(child)?);
                continue;
            }
            let Some((member, stat)) = living(child)? else { continue };
            let owner = self.seen.borrow().get(&member).copied();
            if owner == Some(root.proc) || stat.pgrp == root.pid.0 {
                found.push(member);
                found.extend(family.descendants(child)?);
            } else if owner.is_none() {
                census.unsure.push(member);
            }
        }
        for pid in grouped.iter().filter(|pid| !(root.alive && **pid == root.pid)) {
            if !found.iter().any(|member: &Member| member.pid == *pid) {
                found.extend(living(*pid)?.map(|(member, _)| member));
            }
        }
        census.unsure.retain(|member| !census.found.contains(member));
        self.remember(root, &census.found);
        Ok(census)
    }

    /// Completes a census with the environments of the processes that it was unsure about.
    pub(crate) fn conclude(
        &self,
        census: &Census,
        environs: &[(Member, ReadOutcome)],
    ) -> io::Result<Conclusion> {
        let family = Family::now()?;
        let mut found = census.found.clone();
        let mut unmarked = Vec::new();
        for (member, told) in environs {
            match told {
                ReadOutcome::All(environ) if self.is_marked(environ, census.root.proc) => {
                    found.push(*member);
                    found.extend(family.descendants(member.pid)?);
                }
                // It belongs to another program, or the command of a health check left it.
                ReadOutcome::All(environ) if self.has_any_mark(environ) => {}
                // The environment may also be empty because it may not be read, or was cleared.
                ReadOutcome::All(environ) => unmarked.push((*member, environ.is_empty())),
                ReadOutcome::Nothing => unmarked.push((*member, true)),
                ReadOutcome::Failed(error) => {
                    return Err(error.raw_os_error().map_or_else(
                        || io::Error::from(error.kind()),
                        io::Error::from_raw_os_error,
                    ));
                }
            }
        }
        let mut conclusion = Conclusion::default();
        for (member, silent) in unmarked {
            let Some((_, stat)) = living(member.pid)?.filter(|(now, _)| *now == member) else {
                continue;
            };
            // A process in the group or session of one of these descends from it.
            let led = |one: &Member| [stat.pgrp, stat.session].contains(&one.pid.0);
            let here = if found.iter().any(led) {
                &mut found
            } else if self.adopts_only_ours {
                &mut conclusion.orphans
            } else {
                conclusion.unknown.extend(silent.then_some(member));
                continue;
            };
            here.push(member);
            here.extend(family.descendants(member.pid)?);
        }
        // Time has passed: a process whose exit was already reported must not be waited for.
        conclusion.found = still_living(found)?;
        let is_found = |member: &Member| conclusion.found.contains(member);
        conclusion.orphans = still_living(conclusion.orphans)?;
        conclusion.orphans.retain(|member| !is_found(member));
        self.remember(census.root, &conclusion.found);
        Ok(conclusion)
    }

    /// Maps the supervisor's children to their programs, as far as possible. `mains`: for each
    /// latest main process, its program and whether it is not yet reaped.
    pub(crate) fn roots(
        &self,
        family: &Family,
        mains: &BTreeMap<Pid, (ProcId, bool)>,
    ) -> io::Result<Roots> {
        let mut roots = Roots::default();
        for child in family.children(self.own)? {
            if let Some((proc, true)) = mains.get(&child) {
                roots.known.push((child, *proc));
                continue;
            }
            let Some((member, stat)) = living(child)? else { continue };
            let seen = self.seen.borrow().get(&member).copied();
            let grouped = || mains.get(&Pid(stat.pgrp)).map(|(proc, _)| *proc);
            match seen.or_else(grouped) {
                Some(proc) => roots.known.push((child, proc)),
                None => roots.unsure.push(member),
            }
        }
        Ok(roots)
    }

    /// Finds the program of a process by its environment.
    pub(crate) fn owner_by_mark(&self, environ: &[u8]) -> Option<ProcId> {
        let mark = procfs::variable(environ, MARK)?;
        let own = std::str::from_utf8(mark.rsplit(|byte| *byte == b',').next()?).ok()?;
        own.strip_prefix(&self.instance)?.strip_prefix('.')?.parse().ok().map(ProcId)
    }

    /// Finds the program to whose tree a process belonged in the last census.
    pub(crate) fn owner(&self, pid: Pid) -> Option<ProcId> {
        let seen = self.seen.borrow();
        seen.iter().find(|(member, _)| member.pid == pid).map(|(_, proc)| *proc)
    }

    /// Replaces the remembered members of a tree: forgets those that have exited.
    fn remember(&self, root: Root, found: &[Member]) {
        let mut seen = self.seen.borrow_mut();
        seen.retain(|_, proc| *proc != root.proc);
        seen.extend(found.iter().map(|member| (*member, root.proc)));
    }

    fn is_marked(&self, environ: &[u8], proc: ProcId) -> bool {
        let own = self.own_mark(proc);
        has_mark(environ, |mark| mark == own.as_bytes())
    }

    /// The value of [`MARK`] for health check commands. Neither these commands nor the processes
    /// that they leave belong to the program's tree.
    pub(crate) fn check_mark(&self, proc: ProcId) -> String {
        let own = self.own_check_mark(proc);
        self.inherited.as_ref().map_or_else(|| own.clone(), |outer| format!("{outer},{own}"))
    }

    /// Whether a process with this environment was started by a health check command of `proc`.
    pub(crate) fn is_of_check(&self, environ: &[u8], proc: ProcId) -> bool {
        let own = self.own_check_mark(proc);
        has_mark(environ, |mark| mark == own.as_bytes())
    }

    /// Whether a process with this environment was started by any program or health check command.
    fn has_any_mark(&self, environ: &[u8]) -> bool {
        has_mark(environ, |mark| {
            mark.strip_prefix(self.instance.as_bytes()).is_some_and(|rest| rest.starts_with(b"."))
        })
    }

    /// Whether a process with this environment was started by any health check command.
    pub(crate) fn is_of_any_check(&self, environ: &[u8]) -> bool {
        let own = format!("{}.check.", self.instance);
        has_mark(environ, |mark| mark.starts_with(own.as_bytes()))
    }

    fn own_check_mark(&self, proc: ProcId) -> String {
        format!("{}.check.{}", self.instance, proc.0)
    }

    /// The part of the mark that is unique to this program across all supervisors.
    pub(crate) fn own_mark(&self, proc: ProcId) -> String {
        format!("{}.{}", self.instance, proc.0)
    }
}

/// Describes the main process of `root` and the living members of its tree, for a stop.
pub(crate) fn describe(
    root: Root,
    counted: &Conclusion,
    stopsignal: Signal,
) -> io::Result<(Option<Traits>, Vec<TreeProcess>)> {
    let main = if root.alive { living(root.pid)? } else { None };
    let main = main.map(|(member, stat)| process_table::traits(member.pid, stat, stopsignal));
    let linked = counted.found.iter().map(|member| (member, Claim::Linked));
    let orphans = counted.orphans.iter().map(|member| (member, Claim::Orphan));
    let mut tree = Vec::new();
    for (member, claim) in linked.chain(orphans) {
        let now = living(member.pid)?.filter(|(now, _)| now == member);
        tree.extend(now.map(|(member, stat)| TreeProcess {
            member,
            parent: Pid(stat.ppid),
            group: Pid(stat.pgrp),
            claim,
            traits: process_table::traits(member.pid, stat, stopsignal),
        }));
    }
    Ok((main, tree))
}

/// The members that are still alive, without duplicates.
fn still_living(members: Vec<Member>) -> io::Result<Vec<Member>> {
    let mut here = Vec::new();
    for member in members {
        if living(member.pid)?.is_some_and(|(now, _)| now == member) && !here.contains(&member) {
            here.push(member);
        }
    }
    Ok(here)
}

fn has_mark(environ: &[u8], which: impl Fn(&[u8]) -> bool) -> bool {
    procfs::variable(environ, MARK)
        .is_some_and(|marks| marks.split(|byte| *byte == b',').any(which))
}

fn living(pid: Pid) -> io::Result<Option<(Member, Stat)>> {
    let stat = process_table::stat(pid)?.filter(|stat| !stat.is_dead());
    Ok(stat.map(|stat| (Member { pid, start: stat.start }, stat)))
}
