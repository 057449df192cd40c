//! Who belongs to a process: found by descent, by process group, by a mark in the
//! environment, by having been seen in the tree before, and by cgroup where there
//! is one.
//!
//! No other process is touched. As PID 1, or behind an entry script, the supervisor is
//! also parent to processes that it was never asked to keep. Where it is neither, an orphan
//! that becomes its child has been started by one of its programs; the core says by which.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use supervisor_core::ids::{Member, Pid, ProcId};
use supervisor_core::input::{Claim, Traits, TreeProcess};
use supervisor_core::signal::Signal;
use supervisor_wire::system::procfs::{self, Stat};

use supervisor_sys::process::process_table::{self, Family};
use supervisor_sys::process::readers::ReadOutcome;
use supervisor_sys::process::reap;

/// The variable that marks everything that descends from a program. A supervisor
/// within a supervisor adds its mark to the one it was given.
pub const MARK: &str = "STANDARD_SUPERVISOR_TREE";

/// What is known about who belongs where.
#[derive(Debug)]
pub struct Roster {
    own: Pid,
    /// Told apart from other supervisors' marks, which may have been inherited.
    instance: String,
    inherited: Option<String>,
    /// Only what our programs started becomes our child.
    adopts_only_ours: bool,
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

/// What a census has found.
#[derive(Debug, Default)]
pub(crate) struct Conclusion {
    /// Those that belong to the program.
    pub(crate) found: Vec<Member>,
    /// Those that one of our programs has started, and nothing says which.
    pub(crate) orphans: Vec<Member>,
    /// Those that may be a stranger's, since nothing can be read of them.
    pub(crate) unknown: Vec<Member>,
}

/// The roots of the trees of all programs.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    /// Whose they are.
    pub(crate) known: Vec<(Pid, ProcId)>,
    /// Of these only the mark can tell.
    pub(crate) unsure: Vec<Member>,
}

impl Conclusion {
    /// Nothing else was found.
    pub(crate) fn of_linked(found: &[Member]) -> Self {
        Self { found: found.to_vec(), ..Self::default() }
    }
}

impl Census {
    /// Of a process that has never run.
    pub(crate) const fn of_nobody(proc: ProcId) -> Self {
        let root = Root { proc, pid: Pid(0), alive: false };
        Self { root, found: Vec::new(), unsure: Vec::new() }
    }
}

impl Roster {
    /// `instance` is a word without commas that no other supervisor has. Call it before the
    /// first program is started.
    pub fn new(own: Pid, instance: String, inherited: Option<String>) -> Self {
        // PID 1 inherits the orphans of `docker exec`, and a child that was there before may
        // leave us its own.
        let adopts_only_ours = own != Pid(1) && reap::has_no_children();
        Self { own, instance, inherited, adopts_only_ours, seen: RefCell::default() }
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
                // Another program's, or what the command of a check left.
                ReadOutcome::All(environ) if self.has_any_mark(environ) => {}
                // Also where it may not be read, or was cleared.
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
            // One that was born into the group or session of one of these descends from it.
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
        // Time has passed: one whose end was reported must not be waited for.
        conclusion.found = still_living(found)?;
        let is_found = |member: &Member| conclusion.found.contains(member);
        conclusion.orphans = still_living(conclusion.orphans)?;
        conclusion.orphans.retain(|member| !is_found(member));
        self.remember(census.root, &conclusion.found);
        Ok(conclusion)
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

    /// Whether that is the environment of what one of our programs, or a check of one, started.
    fn has_any_mark(&self, environ: &[u8]) -> bool {
        has_mark(environ, |mark| {
            mark.strip_prefix(self.instance.as_bytes()).is_some_and(|rest| rest.starts_with(b"."))
        })
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

/// Those that still live, each once.
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
