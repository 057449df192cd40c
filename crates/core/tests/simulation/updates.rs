//! Changes of the configuration while programs run.

use supervisor_core::command::Command;
use supervisor_core::ids::RequestId;
use supervisor_core::input::Input;

use crate::play::Case;
use crate::specs;

impl Case {
    /// Reads a new configuration and updates a group.
    pub(crate) fn update(&mut self) {
        let group = self.group_name();
        let steady =
            self.model.members_of(&group).iter().all(|id| self.model.procs[id].is_steady());
        let groups: Vec<_> = self.model.groups.iter().map(|group| group.spec.clone()).collect();
        if steady && self.random.one_in(2) {
            let changed = specs::other_rules(&mut self.random, &groups, &group);
            self.request(Command::Reread(changed));
            self.request(Command::UpdateGroup(group));
        } else if !self.model.would_change_rules(&group) {
            let id = RequestId(self.asked as u64);
            self.request(Command::UpdateGroup(group));
            if self.random.one_in(4) {
                self.give(Input::RequestGone { id });
            }
        }
    }
}
