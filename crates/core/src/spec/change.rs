//! How a new configuration of a group takes effect.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{GroupSpec, HealthSpec, Launch, ProcessSpec, Sink, Stdio};
use crate::event::Channel;

/// How a new configuration of a group takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// No change is needed: the configuration is the same.
    Nothing,
    /// Running processes continue with the new rules.
    Live,
    /// Some processes are added or removed. The others continue, with new rules if there are any.
    Scale,
    /// The processes stop and start.
    Restart,
    /// The group starts.
    Add,
    /// The group stops and is removed.
    Remove,
}

impl Change {
    /// The name for clients.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Live => "live",
            Self::Scale => "scale",
            Self::Restart => "restart",
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}

impl GroupSpec {
    /// Whether this group already matches the newer `other`, so that nothing has to restart. A
    /// configured log file also matches if `other` has a log file with an automatic name. The
    /// reverse does not hold.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.all_are(other, |ours, theirs| ours.is_same_as(theirs))
            && self.priority == other.priority
    }

    /// How the newer `other` takes effect while this group is running.
    #[must_use]
    pub fn change_to(&self, other: &Self) -> Change {
        if self.is_same_as(other) {
            Change::Nothing
        } else if self.all_are(other, |ours, theirs| ours.executes_as(theirs)) {
            Change::Live
        } else if self.pool == other.pool && self.some_continue(other) {
            Change::Scale
        } else {
            Change::Restart
        }
    }

    /// The process with this name.
    #[must_use]
    pub fn process(&self, name: &str) -> Option<&Rc<ProcessSpec>> {
        self.processes.iter().find(|process| process.name == name)
    }

    /// Whether `other` has processes of this group, and all of them can continue.
    fn some_continue(&self, other: &Self) -> bool {
        let pairs =
            self.processes.iter().filter_map(|ours| Some((ours, other.process(&ours.name)?)));
        let mut continues = pairs.map(|(ours, theirs)| ours.executes_as(theirs)).peekable();
        continues.peek().is_some() && continues.all(|continues| continues)
    }

    /// Whether both groups have processes with the same names, and `test` holds for each pair. The
    /// order follows from priorities and is not compared.
    fn all_are(&self, other: &Self, test: impl Fn(&ProcessSpec, &ProcessSpec) -> bool) -> bool {
        (&self.name, &self.pool, self.processes.len())
            == (&other.name, &other.pool, other.processes.len())
            && self
                .processes
                .iter()
                .all(|ours| other.process(&ours.name).is_some_and(|theirs| test(ours, theirs)))
    }
}

impl ProcessSpec {
    /// Whether `other` has the same rules and the same launch data.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let mut like_other = self.clone();
        like_other.launch.stdio.take_auto_from(&other.launch.stdio);
        // The same arguments can be quoted in several ways, and the order of variables has no
        // effect.
        like_other.launch.shown.clone_from(&other.launch.shown);
        like_other.settings.clone_from(&other.settings);
        let variables =
            |launch: &Launch| -> BTreeMap<_, _> { launch.environment.iter().cloned().collect() };
        if variables(&self.launch) == variables(&other.launch) {
            like_other.launch.environment.clone_from(&other.launch.environment);
        }
        like_other == *other
    }

    /// Whether `other` differs only in rules, so that a running process can continue with them.
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
                // Readiness and watchdog take effect only when the process starts.
                ready: self.health.ready.clone(),
                watchdog: self.health.watchdog,
                ..other.health.clone()
            },
            failure: other.failure.clone(),
            // The exit of an essential program stops everything. An update must not cause that.
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
    /// Whether this log file also serves where a log file with an automatic name is configured.
    const fn is_as_good_as(&self, asked: &Self) -> bool {
        match (self, asked) {
            (Self::File(file), Self::Auto { maxbytes, backups }) => {
                file.maxbytes == *maxbytes && file.backups == *backups
            }
            _ => false,
        }
    }
}
