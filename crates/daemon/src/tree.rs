//! Who belongs to a process: found by descent, by process group, by a mark in the
//! environment, by having been seen in the tree before, and by cgroup where there
//! is one.
//!
//! Nobody else is touched. As PID 1, or behind an entry script, the supervisor is
//! also parent to processes that it was never asked to keep.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use supervisor_core::ids::{Member, Pid, ProcId};
use supervisor_core::input::{Traits, TreeProcess};
use supervisor_core::signal::Signal;
use supervisor_wire::procfs::{self, Stat};

use supervisor_sys::process::process_table::{self, Family};
use supervisor_sys::process::readers::ReadOutcome;

/// The variable that marks everything that descends from a program. A supervisor
/// within a supervisor adds its mark to the one it was given.
pub const MARK: &str = "STANDARD_SUPERVISOR_TREE";

/// What is known about who belongs where.
#[derive(Debug)]
pub struct Roster {
    own: Pid,
    /// ReadOutcome apart from other supervisors' marks, which may have been inherited.
    instance: String,
    inherited: Option<String>,
    seen: RefCell<BTreeMap<Member, ProcId>>,
}

/// A process whose tree is to be found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root {
    pub(crate) proc: ProcId,
    /// The pid that its main process has or had; also the process group's.
    pub(crate) pid: Pid,
    /// The main process has not been reaped.
    pub(crate) alive: bool,
}

/// Who belongs to a process, as far as that can be told without waiting for anybody.
#[derive(Debug)]
pub(crate) struct Census {
    pub(crate) root: Root,
    /// Who does.
    pub(crate) found: Vec<Member>,
    /// Of these only the mark can tell.
    pub(crate) unsure: Vec<Member>,
}

/// The roots of the trees of all programs.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    /// Whose they are.
    pub(crate) known: Vec<(Pid, ProcId)>,
    /// Of these only the mark can tell.
    pub(crate) unsure: Vec<Member>,
}

impl Census {
    /// Of a process that has never run.
    pub(crate) const fn of_nobody(proc: ProcId) -> Self {
        let root = Root { proc, pid: Pid(0), alive: false };
        Self { root, found: Vec::new(), unsure: Vec::new() }
    }
}

impl Roster {
    /// `instance` is a word without commas that no other supervisor has.
    pub fn new(own: Pid, instance: String, inherited: Option<String>) -> Self {
        Self { own, instance, inherited, seen: RefCell::default() }
    }

    /// The value of [`MARK`] for a program.
    pub(crate) fn mark(&self, proc: ProcId) -> String {
        let own = self.own_mark(proc);
        self.inherited.as_ref().map_or_else(|| own.clone(), |outer| format!("{outer},{own}"))
    }

    /// Everyone who belongs to `root` and is alive, its main process left out.
    /// `others`: the living children of ours whose tree is another. `grouped`: who is in
    /// the program's own cgroup.
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

    /// Ends a count, with what the environments of those of whom it was unsure tell.
    /// Returns who was found, and of whom nothing is known.
    pub(crate) fn conclude(
        &self,
        census: &Census,
        environs: &[(Member, ReadOutcome)],
    ) -> io::Result<(Vec<Member>, Vec<Member>)> {
        let family = Family::now()?;
        let mut found = census.found.clone();
        let mut silent = Vec::new();
        for (member, told) in environs {
            match told {
                ReadOutcome::All(environ) if self.is_marked(environ, census.root.proc) => {
                    found.push(*member);
                    found.extend(family.descendants(member.pid)?);
                }
                ReadOutcome::All(_) => {}
                ReadOutcome::Nothing => silent.push(*member),
                ReadOutcome::Failed(error) => {
                    return Err(error.raw_os_error().map_or_else(
                        || io::Error::from(error.kind()),
                        io::Error::from_raw_os_error,
                    ));
                }
            }
        }
        // Who was born into the group or session of one of these descends from it.
        let mut unknown = Vec::new();
        for member in silent {
            let Some((_, stat)) = living(member.pid)?.filter(|(now, _)| *now == member) else {
                continue;
            };
            let led = |one: &Member| [stat.pgrp, stat.session].contains(&one.pid.0);
            if found.iter().any(led) {
                found.push(member);
                found.extend(family.descendants(member.pid)?);
            } else {
                unknown.push(member);
            }
        }
        // Time has passed: of whose end has been told must not be waited for.
        let mut here = Vec::new();
        for member in found {
            if living(member.pid)?.is_some_and(|(now, _)| now == member) && !here.contains(&member)
            {
                here.push(member);
            }
        }
        self.remember(census.root, &here);
        Ok((here, unknown))
    }

    /// Whose our children are, as far as they are anybody's. `mains` tells of each latest
    /// main process whether it has not been reaped.
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

    /// Whose a process is, by its environment.
    pub(crate) fn owner_by_mark(&self, environ: &[u8]) -> Option<ProcId> {
        let mark = procfs::variable(environ, MARK)?;
        let own = std::str::from_utf8(mark.rsplit(|byte| *byte == b',').next()?).ok()?;
        own.strip_prefix(&self.instance)?.strip_prefix('.')?.parse().ok().map(ProcId)
    }

    /// To whose tree somebody belonged, of those seen in the last census of each.
    pub(crate) fn owner(&self, pid: Pid) -> Option<ProcId> {
        let seen = self.seen.borrow();
        seen.iter().find(|(member, _)| member.pid == pid).map(|(_, proc)| *proc)
    }

    /// Who has gone need not be remembered; who lives is known from now on.
    fn remember(&self, root: Root, found: &[Member]) {
        let mut seen = self.seen.borrow_mut();
        seen.retain(|_, proc| *proc != root.proc);
        seen.extend(found.iter().map(|member| (*member, root.proc)));
    }

    fn is_marked(&self, environ: &[u8], proc: ProcId) -> bool {
        let own = self.own_mark(proc);
        has_mark(environ, |mark| mark == own.as_bytes())
    }

    /// The value of [`MARK`] for the commands that check a program: they and what they leave
    /// are not its tree.
    pub(crate) fn check_mark(&self, proc: ProcId) -> String {
        let own = self.own_check_mark(proc);
        self.inherited.as_ref().map_or_else(|| own.clone(), |outer| format!("{outer},{own}"))
    }

    /// Whether that is the environment of what such a command started.
    pub(crate) fn is_of_check(&self, environ: &[u8], proc: ProcId) -> bool {
        let own = self.own_check_mark(proc);
        has_mark(environ, |mark| mark == own.as_bytes())
    }

    /// Whether it is that of any of them.
    pub(crate) fn is_of_any_check(&self, environ: &[u8]) -> bool {
        let own = format!("{}.check.", self.instance);
        has_mark(environ, |mark| mark.starts_with(own.as_bytes()))
    }

    fn own_check_mark(&self, proc: ProcId) -> String {
        format!("{}.check.{}", self.instance, proc.0)
    }

    /// That part of it which no other program has, in whatever supervisor.
    pub(crate) fn own_mark(&self, proc: ProcId) -> String {
        format!("{}.{}", self.instance, proc.0)
    }
}

/// What a stop must know of `root` and of those of its tree that were found, as far as they
/// live.
pub(crate) fn describe(
    root: Root,
    found: &[Member],
    stopsignal: Signal,
) -> io::Result<(Option<Traits>, Vec<TreeProcess>)> {
    let main = if root.alive { living(root.pid)? } else { None };
    let main = main.map(|(member, stat)| process_table::traits(member.pid, stat, stopsignal));
    let mut tree = Vec::new();
    for member in found {
        let now = living(member.pid)?.filter(|(now, _)| now == member);
        tree.extend(now.map(|(member, stat)| TreeProcess {
            member,
            parent: Pid(stat.ppid),
            group: Pid(stat.pgrp),
            traits: process_table::traits(member.pid, stat, stopsignal),
        }));
    }
    Ok((main, tree))
}

fn has_mark(environ: &[u8], which: impl Fn(&[u8]) -> bool) -> bool {
    procfs::variable(environ, MARK)
        .is_some_and(|marks| marks.split(|byte| *byte == b',').any(which))
}

fn living(pid: Pid) -> io::Result<Option<(Member, Stat)>> {
    let stat = process_table::stat(pid)?.filter(|stat| !stat.is_dead());
    Ok(stat.map(|stat| (Member { pid, start: stat.start }, stat)))
}
