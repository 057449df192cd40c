//! supervisord's [events](https://supervisord.org/events.html#event-types), which event listeners
//! receive.

use std::rc::Rc;

use crate::ids::{Pid, ProcId};
use crate::state_name::StateName;
use crate::time::Wall;

/// An event, with the data of that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The state of a process changed.
    State {
        /// The process.
        process: Rc<Named>,
        /// The previous state.
        from: StateName,
        /// The new state.
        to: Entered,
    },
    /// A process wrote output.
    Log {
        /// The process.
        process: Rc<Named>,
        /// Its main process at that time.
        pid: Pid,
        /// The stream.
        channel: Channel,
        /// The output.
        data: Rc<[u8]>,
    },
    /// A process sent a message between markers in its output.
    Communication {
        /// The process.
        process: Rc<Named>,
        /// Its main process at that time.
        pid: Pid,
        /// The stream.
        channel: Channel,
        /// The message.
        data: Rc<[u8]>,
    },
    /// A client sent an event.
    Remote {
        /// The type, chosen by the client.
        kind: String,
        /// The data.
        data: String,
    },
    /// The supervisor has started.
    SupervisorRunning,
    /// The supervisor is shutting down.
    SupervisorStopping,
    /// The clock passed a multiple of five seconds, a minute or an hour.
    Tick {
        /// The period.
        period: Period,
        /// The multiple.
        when: Wall,
    },
    /// A group was added.
    GroupAdded {
        /// Its name.
        group: String,
    },
    /// A group was removed.
    GroupRemoved {
        /// Its name.
        group: String,
    },
}

/// The identity of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub proc: ProcId,
    /// Its name.
    pub name: String,
    /// Its group's name.
    pub group: String,
}

impl Named {
    /// The name for operators: `GROUP:NAME`, or only the name if both are the same.
    #[must_use]
    pub fn full(&self) -> String {
        if self.name == self.group {
            self.name.clone()
        } else {
            format!("{}:{}", self.group, self.name)
        }
    }
}

/// A state that a process entered, with the data that events report about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "https://supervisord.org/subprocess.html#process-states")]
pub enum Entered {
    Stopped {
        /// The main process that exited; `None` if there was none.
        pid: Option<Pid>,
    },
    Starting {
        /// Consecutive failures.
        tries: u32,
    },
    Running {
        pid: Pid,
    },
    Backoff {
        /// Consecutive failures.
        tries: u32,
    },
    Stopping {
        pid: Pid,
    },
    Exited {
        /// The main process that exited; `None` if it had exited before.
        pid: Option<Pid>,
        /// Whether its exit was expected.
        expected: bool,
    },
    Fatal,
}

impl Entered {
    /// The name of the state.
    #[must_use]
    pub const fn state_name(self) -> StateName {
        match self {
            Self::Stopped { .. } => StateName::Stopped,
            Self::Starting { .. } => StateName::Starting,
            Self::Running { .. } => StateName::Running,
            Self::Backoff { .. } => StateName::Backoff,
            Self::Stopping { .. } => StateName::Stopping,
            Self::Exited { .. } => StateName::Exited,
            Self::Fatal => StateName::Fatal,
        }
    }
}

/// A stream of a process's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Channel {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// The period of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Period {
    FiveSeconds,
    Minute,
    Hour,
}

impl Period {
    /// All periods.
    pub const ALL: [Self; 3] = [Self::FiveSeconds, Self::Minute, Self::Hour];

    /// The period in seconds.
    #[must_use]
    pub const fn secs(self) -> u64 {
        match self {
            Self::FiveSeconds => 5,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

/// An event type that listeners can subscribe to. Some types stand for several others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "https://supervisord.org/events.html#event-types")]
pub enum EventType {
    Event,
    ProcessState,
    ProcessStateStopped,
    ProcessStateExited,
    ProcessStateStarting,
    ProcessStateStopping,
    ProcessStateBackoff,
    ProcessStateFatal,
    ProcessStateRunning,
    ProcessStateUnknown,
    ProcessCommunication,
    ProcessCommunicationStdout,
    ProcessCommunicationStderr,
    ProcessLog,
    ProcessLogStdout,
    ProcessLogStderr,
    RemoteCommunication,
    SupervisorStateChange,
    SupervisorStateChangeRunning,
    SupervisorStateChangeStopping,
    Tick,
    Tick5,
    Tick60,
    Tick3600,
    ProcessGroup,
    ProcessGroupAdded,
    ProcessGroupRemoved,
}

/// The name of each type, and its parent type.
const TYPES: [(EventType, &str, Option<EventType>); 27] = {
    use EventType as T;
    [
        (T::Event, "EVENT", None),
        (T::ProcessState, "PROCESS_STATE", Some(T::Event)),
        (T::ProcessStateStopped, "PROCESS_STATE_STOPPED", Some(T::ProcessState)),
        (T::ProcessStateExited, "PROCESS_STATE_EXITED", Some(T::ProcessState)),
        (T::ProcessStateStarting, "PROCESS_STATE_STARTING", Some(T::ProcessState)),
        (T::ProcessStateStopping, "PROCESS_STATE_STOPPING", Some(T::ProcessState)),
        (T::ProcessStateBackoff, "PROCESS_STATE_BACKOFF", Some(T::ProcessState)),
        (T::ProcessStateFatal, "PROCESS_STATE_FATAL", Some(T::ProcessState)),
        (T::ProcessStateRunning, "PROCESS_STATE_RUNNING", Some(T::ProcessState)),
        (T::ProcessStateUnknown, "PROCESS_STATE_UNKNOWN", Some(T::ProcessState)),
        (T::ProcessCommunication, "PROCESS_COMMUNICATION", Some(T::Event)),
        (
            T::ProcessCommunicationStdout,
            "PROCESS_COMMUNICATION_STDOUT",
            Some(T::ProcessCommunication),
        ),
        (
            T::ProcessCommunicationStderr,
            "PROCESS_COMMUNICATION_STDERR",
            Some(T::ProcessCommunication),
        ),
        (T::ProcessLog, "PROCESS_LOG", Some(T::Event)),
        (T::ProcessLogStdout, "PROCESS_LOG_STDOUT", Some(T::ProcessLog)),
        (T::ProcessLogStderr, "PROCESS_LOG_STDERR", Some(T::ProcessLog)),
        (T::RemoteCommunication, "REMOTE_COMMUNICATION", Some(T::Event)),
        (T::SupervisorStateChange, "SUPERVISOR_STATE_CHANGE", Some(T::Event)),
        (
            T::SupervisorStateChangeRunning,
            "SUPERVISOR_STATE_CHANGE_RUNNING",
            Some(T::SupervisorStateChange),
        ),
        (
            T::SupervisorStateChangeStopping,
            "SUPERVISOR_STATE_CHANGE_STOPPING",
            Some(T::SupervisorStateChange),
        ),
        (T::Tick, "TICK", Some(T::Event)),
        (T::Tick5, "TICK_5", Some(T::Tick)),
        (T::Tick60, "TICK_60", Some(T::Tick)),
        (T::Tick3600, "TICK_3600", Some(T::Tick)),
        (T::ProcessGroup, "PROCESS_GROUP", Some(T::Event)),
        (T::ProcessGroupAdded, "PROCESS_GROUP_ADDED", Some(T::ProcessGroup)),
        (T::ProcessGroupRemoved, "PROCESS_GROUP_REMOVED", Some(T::ProcessGroup)),
    ]
};

impl EventType {
    /// The type with this name, in any letter case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_uppercase();
        TYPES.iter().find(|(_, known, _)| *known == name).map(|(kind, ..)| *kind)
    }

    /// The name in capitals.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The names of all types.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TYPES.iter().map(|(_, name, _)| *name)
    }

    /// Whether a subscription to `subscribed` covers events of this type.
    #[must_use]
    pub fn is_a(self, subscribed: Self) -> bool {
        self == subscribed || self.row().2.is_some_and(|parent| parent.is_a(subscribed))
    }

    fn row(self) -> &'static (Self, &'static str, Option<Self>) {
        // A test checks that the table is in the order of the variants.
        &TYPES[self as usize]
    }
}

impl Event {
    /// The type of the event; never an abstract parent type.
    #[must_use]
    pub const fn kind(&self) -> EventType {
        match self {
            Self::State { to, .. } => match to {
                Entered::Stopped { .. } => EventType::ProcessStateStopped,
                Entered::Starting { .. } => EventType::ProcessStateStarting,
                Entered::Running { .. } => EventType::ProcessStateRunning,
                Entered::Backoff { .. } => EventType::ProcessStateBackoff,
                Entered::Stopping { .. } => EventType::ProcessStateStopping,
                Entered::Exited { .. } => EventType::ProcessStateExited,
                Entered::Fatal => EventType::ProcessStateFatal,
            },
            Self::Log { channel: Channel::Stdout, .. } => EventType::ProcessLogStdout,
            Self::Log { channel: Channel::Stderr, .. } => EventType::ProcessLogStderr,
            Self::Communication { channel: Channel::Stdout, .. } => {
                EventType::ProcessCommunicationStdout
            }
            Self::Communication { channel: Channel::Stderr, .. } => {
                EventType::ProcessCommunicationStderr
            }
            Self::Remote { .. } => EventType::RemoteCommunication,
            Self::SupervisorRunning => EventType::SupervisorStateChangeRunning,
            Self::SupervisorStopping => EventType::SupervisorStateChangeStopping,
            Self::Tick { period: Period::FiveSeconds, .. } => EventType::Tick5,
            Self::Tick { period: Period::Minute, .. } => EventType::Tick60,
            Self::Tick { period: Period::Hour, .. } => EventType::Tick3600,
            Self::GroupAdded { .. } => EventType::ProcessGroupAdded,
            Self::GroupRemoved { .. } => EventType::ProcessGroupRemoved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_type_has_a_row_and_is_found_by_its_name() {
        for (kind, name, _) in TYPES {
            assert_eq!(kind.name(), name);
            assert_eq!(EventType::from_name(&name.to_lowercase()), Some(kind));
        }
        assert_eq!(EventType::from_name("PROCESS_STATE_"), None);
    }

    #[test]
    fn event_types_have_supervisords_names() {
        let names: Vec<&str> = EventType::names().collect();
        assert_eq!(
            names.join(" "),
            "EVENT PROCESS_STATE PROCESS_STATE_STOPPED PROCESS_STATE_EXITED \
             PROCESS_STATE_STARTING PROCESS_STATE_STOPPING PROCESS_STATE_BACKOFF \
             PROCESS_STATE_FATAL PROCESS_STATE_RUNNING PROCESS_STATE_UNKNOWN \
             PROCESS_COMMUNICATION PROCESS_COMMUNICATION_STDOUT PROCESS_COMMUNICATION_STDERR \
             PROCESS_LOG PROCESS_LOG_STDOUT PROCESS_LOG_STDERR REMOTE_COMMUNICATION \
             SUPERVISOR_STATE_CHANGE SUPERVISOR_STATE_CHANGE_RUNNING \
             SUPERVISOR_STATE_CHANGE_STOPPING TICK TICK_5 TICK_60 TICK_3600 PROCESS_GROUP \
             PROCESS_GROUP_ADDED PROCESS_GROUP_REMOVED"
        );
        assert_eq!([Channel::Stdout, Channel::Stderr].map(Channel::name), ["stdout", "stderr"]);
    }

    #[test]
    fn a_full_name_includes_the_group_unless_both_are_equal() {
        let full = |group: &str, name: &str| {
            let (name, group) = (name.to_owned(), group.to_owned());
            Named { proc: ProcId(0), name, group }.full()
        };
        assert_eq!(full("site", "web"), "site:web");
        assert_eq!(full("web", "web"), "web");
    }

    #[test]
    fn a_subscription_to_an_event_type_includes_its_subtypes() {
        use EventType as T;
        assert!(T::Tick5.is_a(T::Tick) && T::Tick5.is_a(T::Event) && T::Tick5.is_a(T::Tick5));
        assert!(!T::Tick5.is_a(T::Tick60) && !T::Tick.is_a(T::Tick5));
    }
}
