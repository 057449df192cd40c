//! Who belongs to a process: found by descent, by process group, by a mark in the
//! environment, by having been seen in the tree before, and by cgroup where there
//! is one.
//!
//! Nobody else is touched. As PID 1, or behind an entry script, the supervisor is
//! also parent to processes that it was never asked to keep.

use std::collections::BTreeMap;

use supervisor_core::ids::{Member, Pid, ProcId};

use crate::sys::process_table::{self, Family};

/// The variable that marks everything that descends from a program. A supervisor
/// within a supervisor adds its mark to the one it was given.
pub(crate) const MARK: &str = "STANDARD_SUPERVISOR_TREE";

/// What is known about who belongs where.
#[derive(Debug)]
pub(crate) struct Roster {
    own: Pid,
    /// Told apart from other supervisors' marks, which may have been inherited.
    instance: String,
    inherited: Option<String>,
    seen: BTreeMap<Member, ProcId>,
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

impl Roster {
    /// `instance` is a word without commas that no other supervisor has.
    pub(crate) fn new(own: Pid, instance: String, inherited: Option<String>) -> Self {
        Self { own, instance, inherited, seen: BTreeMap::new() }
    }

    /// The value of [`MARK`] for a program.
    pub(crate) fn mark(&self, proc: ProcId) -> String {
        let own = self.own_mark(proc);
        self.inherited.as_ref().map_or_else(|| own.clone(), |outer| format!("{outer},{own}"))
    }

    /// Everyone who belongs to `root` and is alive, its main process left out.
    /// `others`: the living main processes of other programs. `grouped`: who is in
    /// the program's own cgroup.
    pub(crate) fn census(&mut self, root: Root, others: &[Pid], grouped: &[Pid]) -> Vec<Member> {
        let family = Family::now();
        let mut found = Vec::new();
        for child in family.children(self.own) {
            if others.contains(&child) {
                continue;
            }
            if root.alive && child == root.pid {
                found.extend(family.descendants(child));
            } else if let Some(member) = self.claim(child, root) {
                found.push(member);
                found.extend(family.descendants(child));
            }
        }
        for pid in grouped.iter().filter(|pid| !(root.alive && **pid == root.pid)) {
            if !found.iter().any(|member: &Member| member.pid == *pid) {
                found.extend(living(*pid));
            }
        }
        // Who has gone need not be remembered; who lives is known from now on.
        self.seen.retain(|_, proc| *proc != root.proc);
        self.seen.extend(found.iter().map(|member| (*member, root.proc)));
        found
    }

    /// Whose our children are, as far as they are anybody's: the roots of all trees.
    /// `mains` tells of each latest main process whether it has not been reaped.
    pub(crate) fn roots(
        &self,
        family: &Family,
        mains: &BTreeMap<Pid, (ProcId, bool)>,
    ) -> Vec<(Pid, ProcId)> {
        let children = family.children(self.own).into_iter();
        children.filter_map(|child| Some((child, self.owner_of_child(child, mains)?))).collect()
    }

    fn owner_of_child(&self, child: Pid, mains: &BTreeMap<Pid, (ProcId, bool)>) -> Option<ProcId> {
        if let Some((proc, true)) = mains.get(&child) {
            return Some(*proc);
        }
        let member = living(child)?;
        let group = process_table::stat(child).map(|stat| Pid(stat.pgrp));
        let grouped = || group.and_then(|leader| mains.get(&leader)).map(|(proc, _)| *proc);
        let marked = || {
            let mark = process_table::variable(child, MARK)?;
            let own = String::from_utf8(mark.rsplit(|byte| *byte == b',').next()?.to_vec()).ok()?;
            own.strip_prefix(&self.instance)?.strip_prefix('.')?.parse().ok().map(ProcId)
        };
        self.seen.get(&member).copied().or_else(grouped).or_else(marked)
    }

    /// To whose tree somebody belonged, of those seen in the last census of each.
    pub(crate) fn owner(&self, pid: Pid) -> Option<ProcId> {
        self.seen.iter().find(|(member, _)| member.pid == pid).map(|(_, proc)| *proc)
    }

    /// Whether an orphan that became our child belongs to `root`.
    fn claim(&self, orphan: Pid, root: Root) -> Option<Member> {
        let member = living(orphan)?;
        let known = self.seen.get(&member) == Some(&root.proc);
        let same_group = || process_table::stat(orphan).is_some_and(|stat| stat.pgrp == root.pid.0);
        (known || same_group() || self.is_marked(orphan, root.proc)).then_some(member)
    }

    fn is_marked(&self, pid: Pid, proc: ProcId) -> bool {
        let own = self.own_mark(proc);
        process_table::variable(pid, MARK).is_some_and(|marks| {
            marks.split(|byte| *byte == b',').any(|mark| mark == own.as_bytes())
        })
    }

    /// That part of it which no other program has, in whatever supervisor.
    pub(crate) fn own_mark(&self, proc: ProcId) -> String {
        format!("{}.{}", self.instance, proc.0)
    }
}

fn living(pid: Pid) -> Option<Member> {
    let stat = process_table::stat(pid).filter(|stat| !stat.is_dead())?;
    Some(Member { pid, start: stat.start })
}
