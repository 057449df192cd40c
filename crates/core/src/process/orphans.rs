//! Orphans of which nothing says which program started them.

use std::collections::BTreeSet;

use super::{Process, State, Transition};
use crate::ids::Member;
use crate::input::{Claim, TreeProcess};
use crate::line::Line;

/// What the last census of a process found among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Orphans {
    /// Those that count as its own. They stay its own if another program starts in the meantime.
    taken: BTreeSet<Member>,
    /// Those that may be another program's, as was last reported.
    left: BTreeSet<Member>,
}

impl Process {
    /// Returns those that a census found which are its own. `takes_orphans`: no other program
    /// that could have started an orphan has anything left.
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

    /// Whether nothing of it is left that is known to be its own, or will never go.
    pub(crate) const fn has_nothing_left(&self) -> bool {
        let rests = match &self.state {
            State::Stopped { .. }
            // It has started nothing yet.
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
