//! Formats the core's events for listeners.

use supervisor_core::event::{Channel, Entered, Event, Named, Period};
use supervisor_core::ids::Pid;
use supervisor_core::{Envelope, StateName};
use supervisor_wire::supervisord::event as wire;

/// The text of an event for a listener. `server` is the supervisor's identifier.
pub(crate) fn text(server: &str, envelope: &Envelope) -> String {
    let header = wire::Header {
        server,
        serial: envelope.serial,
        pool: &envelope.pool,
        pool_serial: envelope.pool_serial,
    };
    let payload = payload(&envelope.event);
    wire::envelope(&header, payload.name(), &payload.payload())
}

fn payload(event: &Event) -> wire::Event<'_> {
    match event {
        Event::State { process, from, to } => {
            wire::Event::ProcessState { process: named(process), from: from.name(), to: state(*to) }
        }
        Event::Log { process, pid, channel, data } => {
            wire::Event::ProcessLog(output(process, *pid, *channel, data))
        }
        Event::Communication { process, pid, channel, data } => {
            wire::Event::ProcessCommunication(output(process, *pid, *channel, data))
        }
        Event::Remote { kind, data } => wire::Event::RemoteCommunication { kind, data },
        Event::SupervisorRunning => wire::Event::SupervisorRunning,
        Event::SupervisorStopping => wire::Event::SupervisorStopping,
        Event::Tick { period, when } => wire::Event::Tick {
            period: match period {
                Period::FiveSeconds => wire::Period::Seconds5,
                Period::Minute => wire::Period::Seconds60,
                Period::Hour => wire::Period::Seconds3600,
            },
            when: when.secs().cast_signed(),
        },
        Event::GroupAdded { group } => wire::Event::ProcessGroupAdded(group),
        Event::GroupRemoved { group } => wire::Event::ProcessGroupRemoved(group),
    }
}

fn named(process: &Named) -> wire::Process<'_> {
    wire::Process { name: &process.name, group: &process.group }
}

fn output<'a>(process: &'a Named, pid: Pid, channel: Channel, data: &'a [u8]) -> wire::Output<'a> {
    let channel = match channel {
        Channel::Stdout => wire::Channel::Stdout,
        Channel::Stderr => wire::Channel::Stderr,
    };
    wire::Output { process: named(process), pid: pid.0, channel, data }
}

fn state(to: Entered) -> wire::State {
    let number = |pid: Option<Pid>| pid.map_or(0, |pid| pid.0);
    match to {
        Entered::Stopped { pid } => wire::State::Stopped { pid: number(pid) },
        Entered::Starting { tries } => wire::State::Starting { tries },
        Entered::Running { pid } => wire::State::Running { pid: pid.0 },
        Entered::Backoff { tries } => wire::State::Backoff { tries },
        Entered::Stopping { pid } => wire::State::Stopping { pid: pid.0 },
        Entered::Exited { pid, expected } => wire::State::Exited { expected, pid: number(pid) },
        Entered::Fatal => wire::State::Fatal,
    }
}

/// The log line about a state change, for debug logs.
pub(crate) fn change(process: &Named, from: StateName, to: Entered) -> String {
    format!("{}: {} -> {}", process.name, from.name(), to.state_name().name())
}
