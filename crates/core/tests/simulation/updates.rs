//! Changes of the configuration while programs run.

use std::rc::Rc;

use supervisor_core::command::{Command, Which};
use supervisor_core::ids::RequestId;
use supervisor_core::input::Input;
use supervisor_core::spec::health::Ready;
use supervisor_core::spec::{GroupSpec, ProcessSpec, RetryRule};

use crate::play::Case;
use crate::random::Random;
use crate::specs;

impl Case {
    /// Reads a new configuration and updates a group.
    pub(crate) fn update(&mut self) {
        let group = self.group_name();
        let steady =
            self.model.members_of(&group).iter().all(|id| self.model.procs[id].is_steady());
        let groups = self.groups();
        if steady && self.random.one_in(2) {
            let changed = specs::other_rules(&mut self.random, &groups, &group);
            self.request(Command::Reread(changed));
            self.request(Command::UpdateGroup(group));
        } else if !self.model.would_change_rules(&group) {
            self.update_group(group);
        }
    }

    /// Reads a new configuration and updates a group, whatever happens at that time, or begins a
    /// rolling restart.
    pub(crate) fn update_anything(&mut self) {
        let groups = self.groups();
        let names: Vec<_> = groups.iter().map(|group| group.name.clone()).collect();
        let active = self.random.any(&names).filter(|_| self.random.below(6) > 0);
        let group = active.unwrap_or_else(|| self.group_name());
        match self.random.below(8) {
            // Which of two rolling restarts of one set took a step, the model cannot know.
            0 if !self.model.is_rolling() => {
                let which = if self.random.one_in(2) { Which::All } else { self.which() };
                let unstartable = self.unstartable();
                return self.request(Command::RestartRolling { which, unstartable });
            }
            1 => {
                let changed = specs::changed(&mut self.random, &groups);
                self.request(Command::Reread(changed));
            }
            2 => {
                let scaled = specs::scaled(&groups, &group, self.asked);
                self.request(Command::Reread(scaled));
            }
            0 => {}
            _ => {
                let changed = new_rules(&mut self.random, &groups, &group);
                self.request(Command::Reread(changed));
            }
        }
        self.update_group(group);
    }

    fn update_group(&mut self, group: String) {
        let id = RequestId(self.asked as u64);
        self.request(Command::UpdateGroup(group));
        if self.random.one_in(4) {
            self.give(Input::RequestGone { id });
        }
    }

    fn groups(&self) -> Vec<Rc<GroupSpec>> {
        self.model.groups.iter().map(|group| Rc::clone(&group.spec)).collect()
    }
}

/// The same groups, one of them with other rules of any kind for the same execution.
fn new_rules(random: &mut Random, groups: &[Rc<GroupSpec>], name: &str) -> Vec<GroupSpec> {
    let mut groups: Vec<GroupSpec> = groups.iter().map(|group| (**group).clone()).collect();
    if let Some(group) = groups.iter_mut().find(|group| group.name == name) {
        let listens = group.pool.is_some();
        let ready_processes = random.pick(&[None, Some(1), Some(2)]);
        for spec in &mut group.processes {
            // A command that runs once has few rules.
            if random.below(4) > 0 && spec.retry != RetryRule::Once {
                take_rules(random, Rc::make_mut(spec), name, listens);
            }
            Rc::make_mut(spec).start.ready_processes = ready_processes;
        }
        group.processes.sort_by_key(|process| process.priority);
        if !listens && random.one_in(4) {
            group.priority = random.pick(&[1, 2, 999]);
        }
    }
    specs::sort(&mut groups);
    groups
}

/// Replaces about half of the rules.
fn take_rules(random: &mut Random, spec: &mut ProcessSpec, group: &str, listens: bool) {
    let number = spec.name.rsplit('p').next().unwrap().parse().unwrap();
    let mut other = specs::process(random, spec.name.clone(), listens);
    if !listens {
        other.start = specs::start(random, group, number);
    }
    other.health = specs::health(random, listens);
    other.tidy = other.tidy.filter(|_| spec.killtree);
    other.failure.await_devices &= spec.killtree;
    if spec.health.ready == Ready::Checked && other.health.check.is_none() {
        other.health.check.clone_from(&spec.health.check);
    }
    for rule in RULES {
        if random.one_in(2) {
            rule(spec, &other);
        }
    }
}

type Rule = fn(&mut ProcessSpec, &ProcessSpec);

/// Each rule that a running program can take.
const RULES: [Rule; 28] = [
    |spec, other| spec.priority = other.priority,
    |spec, other| spec.autostart = other.autostart,
    |spec, other| spec.startsecs = other.startsecs,
    |spec, other| spec.startretries = other.startretries,
    |spec, other| spec.autorestart = other.autorestart,
    |spec, other| spec.exitcodes.clone_from(&other.exitcodes),
    |spec, other| spec.stopsignal = other.stopsignal,
    |spec, other| spec.signal_map = other.signal_map.clone(),
    |spec, other| spec.stopwaitsecs = other.stopwaitsecs,
    |spec, other| spec.stop_target = other.stop_target,
    |spec, other| spec.kill_target = other.kill_target,
    |spec, other| spec.leftover_grace = other.leftover_grace,
    |spec, other| spec.health_stop = other.health_stop,
    |spec, other| spec.retry = other.retry,
    |spec, other| spec.backoff = other.backoff,
    |spec, other| spec.tidy.clone_from(&other.tidy),
    |spec, other| spec.start.depends_on.clone_from(&other.start.depends_on),
    |spec, other| spec.start.wait_for.clone_from(&other.start.wait_for),
    |spec, other| spec.start.retries_before_ready = other.start.retries_before_ready,
    |spec, other| spec.health.start_timeout = other.health.start_timeout,
    |spec, other| spec.health.check.clone_from(&other.health.check),
    |spec, other| spec.health.progress.clone_from(&other.health.progress),
    |spec, other| spec.health.tree.clone_from(&other.health.tree),
    |spec, other| spec.health.memory = other.health.memory,
    |spec, other| spec.health.action = other.health.action,
    |spec, other| spec.health.evidence.clone_from(&other.health.evidence),
    |spec, other| spec.failure.await_devices = other.failure.await_devices,
    |spec, other| {
        let await_devices = spec.failure.await_devices;
        spec.failure = other.failure.clone();
        spec.failure.await_devices = await_devices;
    },
];
