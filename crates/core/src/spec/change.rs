//! What it takes to let another configuration of a group take effect.

use std::collections::BTreeMap;

use super::{GroupSpec, HealthSpec, Launch, ProcessSpec, Sink, Stdio};
use crate::event::Channel;

/// What it takes to let another configuration of a group take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it is the same.
    Nothing,
    /// Its processes go on with other rules.
    Live,
    /// Its processes stop and start.
    Restart,
    /// It begins.
    Add,
    /// It stops and is forgotten.
    Remove,
}

impl Change {
    /// Its name for clients.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Live => "live",
            Self::Restart => "restart",
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}

impl GroupSpec {
    /// Whether this is the group that `other`, which was read later, asks for, so that
    /// nothing has to be restarted. Where that has a log file whose name nobody chose, one
    /// that somebody did is as good, but not the other way round.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.all_are(other, |ours, theirs| ours.is_same_as(theirs))
            && self.priority == other.priority
    }

    /// What it takes to make `other`, which was read later, of this group while it runs.
    #[must_use]
    pub fn change_to(&self, other: &Self) -> Change {
        if self.is_same_as(other) {
            Change::Nothing
        } else if self.all_are(other, |ours, theirs| ours.executes_as(theirs)) {
            Change::Live
        } else {
            Change::Restart
        }
    }

    /// Whether each of its processes is to one of the other group, as `test` has it. The order
    /// follows from priorities.
    fn all_are(&self, other: &Self, test: impl Fn(&ProcessSpec, &ProcessSpec) -> bool) -> bool {
        (&self.name, &self.pool, self.processes.len())
            == (&other.name, &other.pool, other.processes.len())
            && self.processes.iter().all(|ours| {
                let theirs = other.processes.iter().find(|theirs| theirs.name == ours.name);
                theirs.is_some_and(|theirs| test(ours, theirs))
            })
    }
}

impl ProcessSpec {
    /// Whether these are the rules and the execution that `other` asks for.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let mut like_other = self.clone();
        like_other.launch.stdio.take_auto_from(&other.launch.stdio);
        // The same words may be quoted in several ways, and variables have no order.
        like_other.launch.shown.clone_from(&other.launch.shown);
        like_other.settings.clone_from(&other.settings);
        let variables =
            |launch: &Launch| -> BTreeMap<_, _> { launch.environment.iter().cloned().collect() };
        if variables(&self.launch) == variables(&other.launch) {
            like_other.launch.environment.clone_from(&other.launch.environment);
        }
        like_other == *other
    }

    /// Whether `other` differs in nothing but rules, so that a process of this one can go on by
    /// those of `other`.
    fn executes_as(&self, other: &Self) -> bool {
        let with_rules = Self {
            priority: other.priority,
            autostart: other.autostart,
            startsecs: other.startsecs,
            startretries: other.startretries,
            autorestart: other.autorestart,
            exitcodes: other.exitcodes.clone(),
            stopsignal: other.stopsignal,
            signal_map: other.signal_map.clone(),
            stopwaitsecs: other.stopwaitsecs,
            stop_target: other.stop_target,
            kill_target: other.kill_target,
            leftover_grace: other.leftover_grace,
            health_stop: other.health_stop,
            retry: other.retry,
            backoff: other.backoff,
            tidy: other.tidy.clone(),
            start: other.start.clone(),
            health: HealthSpec {
                // What says that it is ready was given to it, or is looked for, from its start on.
                ready: self.health.ready.clone(),
                watchdog: self.health.watchdog,
                ..other.health.clone()
            },
            failure: other.failure.clone(),
            // Essential ones end everything when they have ended: an update must not.
            ..self.clone()
        };
        with_rules.is_same_as(other)
    }
}

impl Stdio {
    fn take_auto_from(&mut self, other: &Self) {
        let Self::Captured { stdout, stderr } = self else { return };
        for (output, channel) in
            [(Some(stdout), Channel::Stdout), (stderr.as_mut(), Channel::Stderr)]
        {
            if let (Some(output), Some(theirs)) = (output, other.output(channel))
                && output.sink.is_as_good_as(&theirs.sink)
            {
                output.sink = theirs.sink.clone();
            }
        }
    }
}

impl Sink {
    /// Whether this log file will do where one is asked for whose name doesn't matter.
    const fn is_as_good_as(&self, asked: &Self) -> bool {
        match (self, asked) {
            (Self::File(file), Self::Auto { maxbytes, backups }) => {
                file.maxbytes == *maxbytes && file.backups == *backups
            }
            _ => false,
        }
    }
}
