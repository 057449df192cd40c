//! Compares event messages with supervisord: its helpers parse ours, and it writes the same.

use proptest::prelude::*;
use supervisor_wire::supervisord::event::{
    Channel, Event, Header, Output, Period, Process, State, envelope,
};

use crate::{QUESTIONS, generated, oracle};

/// The owned parts of an event.
type Parts = (usize, (String, String), (i32, u32, bool), Vec<u8>, String);

#[test]
fn events_have_the_same_bytes_as_supervisords() {
    let Some(oracle) = oracle("event_oracle.py") else { return };
    let sent: Vec<String> = generated(&parts()).iter().map(sent).collect();
    assert_eq!(sent.len(), QUESTIONS);
    let again = oracle("event", &sent);
    assert_eq!(again.len(), sent.len());
    for (ours, supervisords) in sent.iter().zip(again) {
        assert_eq!(*ours, supervisords);
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    (
        0..18_usize,
        ("[a-zé\u{1f600}_.-]{1,6}", "[a-z]{1,6}"),
        (0..i32::MAX, 0..100_u32, any::<bool>()),
        prop_oneof![
            "[a-z é\n:\u{1f600}]{0,12}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..6),
        ],
        "[a-z é\n:\u{1f600}]{0,12}",
    )
}

fn sent((which, (name, group), (pid, tries, expected), bytes, text): &Parts) -> String {
    let (pid, tries, expected) = (*pid, *tries, *expected);
    let process = Process { name, group };
    let state = |to| Event::ProcessState { process, from: "BACKOFF", to };
    let output = |channel| Output { process, pid, channel, data: bytes };
    let tick = |period| Event::Tick { period, when: pid.into() };
    let event = match which {
        0 => state(State::Starting { tries }),
        1 => state(State::Running { pid }),
        2 => state(State::Backoff { tries }),
        3 => state(State::Stopping { pid }),
        4 => state(State::Exited { expected, pid }),
        5 => state(State::Stopped { pid }),
        6 => state(State::Fatal),
        7 => state(State::Unknown),
        8 => Event::ProcessCommunication(output(Channel::Stdout)),
        9 => Event::ProcessCommunication(output(Channel::Stderr)),
        10 => Event::ProcessLog(output(Channel::Stdout)),
        11 => Event::ProcessLog(output(Channel::Stderr)),
        12 => Event::RemoteCommunication { kind: name, data: text },
        13 => Event::SupervisorRunning,
        14 => Event::SupervisorStopping,
        15 => tick([Period::Seconds5, Period::Seconds60, Period::Seconds3600][tries as usize % 3]),
        16 => Event::ProcessGroupAdded(group),
        _ => Event::ProcessGroupRemoved(group),
    };
    let serial = u64::from(tries);
    let header = Header { server: name, serial, pool: group, pool_serial: serial / 2 };
    envelope(&header, event.name(), &event.payload())
}
