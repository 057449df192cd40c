//! An event listener may write anything, cut anywhere: what is made of it is the same, an
//! event is told again only after it was rejected, and the core holds nothing for
//! impossible.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supervisor_config::bad_input;
use supervisor_core::command::Command as Order;
use supervisor_core::ids::{Pid, ProcId, RequestId, RunId};
use supervisor_core::input::Answer;
use supervisor_core::line::Line;
use supervisor_core::time::Now;
use supervisor_core::{Effect, Input, Supervisor};

/// A supervisor of one event listener.
const CONFIGURATION: &[u8] =
    b"[supervisord]\n[eventlistener:ear]\ncommand=ear\nevents=REMOTE_COMMUNICATION\n";

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (written, piece) = input;
    let whole = heard(&[&written]);
    let pieces: Vec<&[u8]> = written.chunks(usize::from(piece).max(1)).collect();
    assert_eq!(heard(&pieces), whole, "it matters where it is cut");
});

/// The events that the listener is told while it says this, and what is said of it.
fn heard(pieces: &[&[u8]]) -> Vec<String> {
    let mut core = Supervisor::new(bad_input::spec(CONFIGURATION));
    let (proc, pid) = (ProcId(0), Pid(10));
    let spawned = Input::answer(proc, RunId(1), Answer::Spawned { pid });
    let mut inputs = vec![Input::Boot, spawned];
    for id in 0..4 {
        let command = Order::RemoteEvent { kind: "a".to_owned(), data: "b".to_owned() };
        inputs.push(Input::Request { id: RequestId(id), command });
    }
    let written = pieces.iter().map(|data| Input::ListenerSaid { proc, pid, data: data.to_vec() });
    inputs.extend(written);
    let effects = inputs.into_iter().flat_map(|input| core.handle(Now::default(), input));
    let told = |effect: Effect| match effect {
        Effect::Tell { envelope, .. } => Some(format!("told {}", envelope.serial)),
        Effect::Log(Line::Bug { what }) => panic!("{what}"),
        Effect::Log(line @ (Line::EventRejected { .. } | Line::ListenerUnknown { .. })) => {
            Some(line.to_string())
        }
        _ => None,
    };
    effects.filter_map(told).collect()
}
