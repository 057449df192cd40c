//! Events in the format of [listeners](https://supervisord.org/events.html): a header line of
//! tokens, followed by the payload.
//!
//! Everything is text. The length in the header counts characters, not bytes, because listeners in
//! Python read text.
//!
//! Listeners split a header at spaces and each token at its colon. A name with one of these
//! characters would break the header, so each such character is written as `_`. Names of programs
//! and groups cannot contain a space or a colon, only rarer kinds of white space; the name of a
//! supervisor can be anything. The type of a remote event is not changed, because its sender and
//! the listener agree on it.

use std::borrow::Cow;

use crate::supervisord::python;

/// An event that is sent to listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A process changed its state.
    ProcessState {
        /// The process.
        process: Process<'a>,
        /// The previous state, such as `STARTING`.
        from: &'a str,
        /// The new state.
        to: State,
    },
    /// A process sent a message within its output.
    ProcessCommunication(Output<'a>),
    /// A process wrote output.
    ProcessLog(Output<'a>),
    /// A client of the supervisor sent a message.
    RemoteCommunication {
        /// Type of the message, chosen by the client.
        kind: &'a str,
        /// The message.
        data: &'a str,
    },
    /// The supervisor has started.
    SupervisorRunning,
    /// The supervisor is stopping.
    SupervisorStopping,
    /// A period of time has passed.
    Tick {
        /// Period between two of these events.
        period: Period,
        /// Seconds since 1970, a multiple of the period.
        when: i64,
    },
    /// A group was added.
    ProcessGroupAdded(&'a str),
    /// A group was removed.
    ProcessGroupRemoved(&'a str),
}

/// The names of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process<'a> {
    /// Name of the process.
    pub name: &'a str,
    /// Name of its group.
    pub group: &'a str,
}

/// The new state of a process. The process id may be that of an exited process; it is 0 if there
/// was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "supervisord's names of the states")]
pub enum State {
    /// `tries` failed starts precede this one.
    Starting {
        tries: u32,
    },
    Running {
        pid: i32,
    },
    /// `tries` starts in a row have failed, the latest included.
    Backoff {
        tries: u32,
    },
    Stopping {
        pid: i32,
    },
    /// `expected`: `exitcodes` contains the exit code.
    Exited {
        expected: bool,
        pid: i32,
    },
    Stopped {
        pid: i32,
    },
    Fatal,
    Unknown,
}

/// Output of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output<'a> {
    /// The process that wrote the output.
    pub process: Process<'a>,
    /// Its process id.
    pub pid: i32,
    /// The stream.
    pub channel: Channel,
    /// The bytes. Bytes that are not UTF-8 are sent as Python prints them.
    pub data: &'a [u8],
}

/// A stream of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the standard streams")]
pub enum Channel {
    Stdout,
    Stderr,
}

/// Period of tick events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "so many seconds")]
pub enum Period {
    Seconds5,
    Seconds60,
    Seconds3600,
}

/// Fields of the header besides the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The supervisor's `identifier`.
    pub server: &'a str,
    /// Serial number among all events.
    pub serial: u64,
    /// Name of the listener's pool.
    pub pool: &'a str,
    /// Serial number among the events of the pool.
    pub pool_serial: u64,
}

/// The message for a listener: the header and the payload. [`Event::payload`] builds the payload
/// once for all listeners.
#[must_use]
pub fn envelope(header: &Header<'_>, name: &str, payload: &str) -> String {
    let Header { server, serial, pool, pool_serial } = header;
    let (server, pool) = (token(server), token(pool));
    let length = payload.chars().count();
    format!(
        "ver:3.0 server:{server} serial:{serial} pool:{pool} poolserial:{pool_serial} \
         eventname:{name} len:{length}\n{payload}"
    )
}

impl Event<'_> {
    /// Type of the event, such as `PROCESS_STATE_RUNNING`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ProcessState { to, .. } => match to {
                State::Starting { .. } => "PROCESS_STATE_STARTING",
                State::Running { .. } => "PROCESS_STATE_RUNNING",
                State::Backoff { .. } => "PROCESS_STATE_BACKOFF",
                State::Stopping { .. } => "PROCESS_STATE_STOPPING",
                State::Exited { .. } => "PROCESS_STATE_EXITED",
                State::Stopped { .. } => "PROCESS_STATE_STOPPED",
                State::Fatal => "PROCESS_STATE_FATAL",
                State::Unknown => "PROCESS_STATE_UNKNOWN",
            },
            Self::ProcessCommunication(output) => match output.channel {
                Channel::Stdout => "PROCESS_COMMUNICATION_STDOUT",
                Channel::Stderr => "PROCESS_COMMUNICATION_STDERR",
            },
            Self::ProcessLog(output) => match output.channel {
                Channel::Stdout => "PROCESS_LOG_STDOUT",
                Channel::Stderr => "PROCESS_LOG_STDERR",
            },
            Self::RemoteCommunication { .. } => "REMOTE_COMMUNICATION",
            Self::SupervisorRunning => "SUPERVISOR_STATE_CHANGE_RUNNING",
            Self::SupervisorStopping => "SUPERVISOR_STATE_CHANGE_STOPPING",
            Self::Tick { period, .. } => match period {
                Period::Seconds5 => "TICK_5",
                Period::Seconds60 => "TICK_60",
                Period::Seconds3600 => "TICK_3600",
            },
            Self::ProcessGroupAdded(_) => "PROCESS_GROUP_ADDED",
            Self::ProcessGroupRemoved(_) => "PROCESS_GROUP_REMOVED",
        }
    }

    /// Payload of the event.
    #[must_use]
    pub fn payload(&self) -> String {
        match self {
            Self::ProcessState { process, from, to } => {
                let names = names(process);
                match to {
                    State::Starting { tries } | State::Backoff { tries } => {
                        format!("{names} from_state:{from} tries:{tries}")
                    }
                    State::Running { pid } | State::Stopping { pid } | State::Stopped { pid } => {
                        format!("{names} from_state:{from} pid:{pid}")
                    }
                    State::Exited { expected, pid } => {
                        let expected = u8::from(*expected);
                        format!("{names} from_state:{from} expected:{expected} pid:{pid}")
                    }
                    State::Fatal | State::Unknown => format!("{names} from_state:{from}"),
                }
            }
            Self::ProcessCommunication(Output { process, pid, data, .. }) => {
                format!("{} pid:{pid}\n{}", names(process), text(data))
            }
            Self::ProcessLog(Output { process, pid, channel, data }) => {
                let channel = match channel {
                    Channel::Stdout => "stdout",
                    Channel::Stderr => "stderr",
                };
                format!("{} pid:{pid} channel:{channel}\n{}", names(process), text(data))
            }
            Self::RemoteCommunication { kind, data } => format!("type:{kind}\n{data}"),
            Self::SupervisorRunning | Self::SupervisorStopping => String::new(),
            Self::Tick { when, .. } => format!("when:{when}"),
            Self::ProcessGroupAdded(group) | Self::ProcessGroupRemoved(group) => {
                format!("groupname:{}\n", token(group))
            }
        }
    }
}

fn names(process: &Process<'_>) -> String {
    format!("processname:{} groupname:{}", token(process.name), token(process.group))
}

/// The name without characters that separate tokens or their parts.
fn token(name: &str) -> Cow<'_, str> {
    let divides = |c: char| c == ':' || python::is_space(c);
    if name.contains(divides) { Cow::Owned(name.replace(divides, "_")) } else { name.into() }
}

fn text(data: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(data) {
        Ok(text) => text.into(),
        Err(_) => format!("Undecodable: {}", python::bytes_repr(data)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: Process<'_> = Process { name: "web", group: "site" };

    fn said(event: Event<'_>) -> (&'static str, String) {
        (event.name(), event.payload())
    }

    #[test]
    fn an_envelope_has_supervisords_bytes() {
        let process = Process { name: "bad", group: "bad" };
        let to = State::Exited { expected: false, pid: 3990 };
        let event = Event::ProcessState { process, from: "RUNNING", to };
        let header = Header { server: "lab", serial: 31, pool: "lis", pool_serial: 30 };
        assert_eq!(
            envelope(&header, event.name(), &event.payload()),
            "ver:3.0 server:lab serial:31 pool:lis poolserial:30 \
             eventname:PROCESS_STATE_EXITED len:68\n\
             processname:bad groupname:bad from_state:RUNNING expected:0 pid:3990"
        );
    }

    #[test]
    fn every_change_of_state_has_supervisords_payload() {
        for (to, name, rest) in [
            (State::Starting { tries: 2 }, "STARTING", " tries:2"),
            (State::Backoff { tries: 3 }, "BACKOFF", " tries:3"),
            (State::Running { pid: 7 }, "RUNNING", " pid:7"),
            (State::Stopping { pid: 7 }, "STOPPING", " pid:7"),
            (State::Stopped { pid: 0 }, "STOPPED", " pid:0"),
            (State::Exited { expected: true, pid: 7 }, "EXITED", " expected:1 pid:7"),
            (State::Fatal, "FATAL", ""),
            (State::Unknown, "UNKNOWN", ""),
        ] {
            let event = Event::ProcessState { process: WEB, from: "BACKOFF", to };
            assert_eq!(event.name(), format!("PROCESS_STATE_{name}"));
            let expected = format!("processname:web groupname:site from_state:BACKOFF{rest}");
            assert_eq!(event.payload(), expected);
        }
    }

    #[test]
    fn all_other_events_have_supervisords_payload() {
        let output = |channel, data| Output { process: WEB, pid: 7, channel, data };
        for (event, name, payload) in [
            (
                Event::ProcessCommunication(output(Channel::Stdout, b"hi\n")),
                "PROCESS_COMMUNICATION_STDOUT",
                "processname:web groupname:site pid:7\nhi\n",
            ),
            (
                Event::ProcessCommunication(output(Channel::Stderr, b"")),
                "PROCESS_COMMUNICATION_STDERR",
                "processname:web groupname:site pid:7\n",
            ),
            (
                Event::ProcessLog(output(Channel::Stdout, "é".as_bytes())),
                "PROCESS_LOG_STDOUT",
                "processname:web groupname:site pid:7 channel:stdout\né",
            ),
            (
                Event::ProcessLog(output(Channel::Stderr, b"a\xff'\n")),
                "PROCESS_LOG_STDERR",
                "processname:web groupname:site pid:7 channel:stderr\nUndecodable: b\"a\\xff'\\n\"",
            ),
            (
                Event::RemoteCommunication { kind: "a b", data: "x\ny" },
                "REMOTE_COMMUNICATION",
                "type:a b\nx\ny",
            ),
            (Event::SupervisorRunning, "SUPERVISOR_STATE_CHANGE_RUNNING", ""),
            (Event::SupervisorStopping, "SUPERVISOR_STATE_CHANGE_STOPPING", ""),
            (
                Event::Tick { period: Period::Seconds5, when: 1_795_000_005 },
                "TICK_5",
                "when:1795000005",
            ),
            (Event::Tick { period: Period::Seconds60, when: 60 }, "TICK_60", "when:60"),
            (Event::Tick { period: Period::Seconds3600, when: 0 }, "TICK_3600", "when:0"),
            (Event::ProcessGroupAdded("q"), "PROCESS_GROUP_ADDED", "groupname:q\n"),
            (Event::ProcessGroupRemoved("q"), "PROCESS_GROUP_REMOVED", "groupname:q\n"),
        ] {
            assert_eq!(said(event), (name, payload.to_owned()));
        }
    }

    #[test]
    fn the_length_of_a_payload_counts_characters() {
        let header = Header { server: "s", serial: 0, pool: "p", pool_serial: 0 };
        let sent = envelope(&header, "REMOTE_COMMUNICATION", "type:t\né\u{1f600}\u{301}");
        assert!(sent.contains(" len:10\n"), "{sent}");
    }

    #[test]
    fn names_cannot_break_a_line_or_a_token() {
        let header = Header { server: "my box:1\n", serial: 0, pool: "p\tq", pool_serial: 0 };
        assert_eq!(
            envelope(&header, "TICK_5", ""),
            "ver:3.0 server:my_box_1_ serial:0 pool:p_q poolserial:0 eventname:TICK_5 len:0\n"
        );
        let process = Process { name: "a\u{a0}b", group: "c\x1cd" };
        let event = Event::ProcessState { process, from: "STARTING", to: State::Fatal };
        assert_eq!(event.payload(), "processname:a_b groupname:c_d from_state:STARTING");
        assert_eq!(Event::ProcessGroupAdded("a\nb").payload(), "groupname:a_b\n");
    }
}
