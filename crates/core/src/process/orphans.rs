//! Orphans that may have been started by any of several programs.

use std::collections::BTreeSet;

use super::{Process, State, Transition};
use crate::ids::Member;
use crate::input::{Claim, TreeProcess};
use crate::line::Line;

/// The orphans in the latest census of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Orphans {
    /// Orphans that count as its own. They stay its own if another program starts in the meantime.
    taken: BTreeSet<Member>,
    /// Orphans that may belong to another program; already logged.
    left: BTreeSet<Member>,
}

impl Process {
    /// Removes orphans from a census that may belong to another program. `takes_orphans`: no other
    /// program can have started an orphan that still exists.
    pub(super) fn claim(
        &mut self,
        mut found: Vec<TreeProcess>,
        takes_orphans: bool,
        cx: &mut Transition<'_>,
    ) -> Vec<TreeProcess> {
        let mut now = Orphans::default();
        found.retain(|process| match process.claim {
            Claim::Linked => true,
            Claim::Orphan => {
                let takes = takes_orphans || self.orphans.taken.contains(&process.member);
                let these = if takes { &mut now.taken } else { &mut now.left };
                these.insert(process.member);
                takes
            }
        });
        if !now.left.is_subset(&self.orphans.left) {
            let pids = now.left.iter().map(|member| member.pid).collect();
            cx.log(Line::OrphansLeft { name: self.name(), pids });
        }
        self.orphans = now;
        found
    }

    /// Whether it has no process left that is known to be its own, apart from unkillable ones.
    pub(crate) const fn has_nothing_left(&self) -> bool {
        let rests = match &self.state {
            State::Stopped { .. }
            // The process does not exist yet, so it has no descendants.
            | State::Spawning { .. }
            | State::Backoff { .. }
            | State::Exited { .. }
            | State::Fatal { .. } => true,
            State::Starting { .. }
            | State::Running { .. }
            | State::Stopping { .. } => false,
        };
        rests && !self.tree.is_counted()
    }
}
