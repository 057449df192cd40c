//! An event listener may write anything, cut anywhere: what is made of it is the same, an
//! event is told again only after it was rejected, and the core holds nothing for
//! impossible.

#![no_main]

use std::rc::Rc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use supervisor_core::command::Command as Order;
use supervisor_core::event::EventType;
use supervisor_core::ids::{Pid, ProcId, RequestId, RunId};
use supervisor_core::line::Line;
use supervisor_core::signal::Signal;
use supervisor_core::spec::{
    Autorestart, Command, GroupSpec, HealthSpec, Launch, PoolSpec, ProcessSpec, RetryRule,
    SignalRule, Sink, Spec, Stdio, WhenDone,
};
use supervisor_core::time::Now;
use supervisor_core::{Effect, Input, Supervisor};

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (sources, piece) = input;
    let whole = heard(&[&sources]);
    let pieces: Vec<&[u8]> = sources.chunks(usize::from(piece).max(1)).collect();
    assert_eq!(heard(&pieces), whole, "it matters where it is cut");
});

/// The events that the listener is told while it says this, and what is said of it.
fn heard(pieces: &[&[u8]]) -> Vec<String> {
    let mut core = Supervisor::new(spec());
    let (proc, pid) = (ProcId(0), Pid(10));
    let mut inputs = vec![Input::Boot, Input::Spawned { proc, run: RunId(1), pid }];
    for id in 0..4 {
        let command = Order::RemoteEvent { kind: "a".to_owned(), data: "b".to_owned() };
        inputs.push(Input::Request { id: RequestId(id), command });
    }
    let sources = pieces.iter().map(|data| Input::ListenerSaid { proc, pid, data: data.to_vec() });
    inputs.extend(sources);
    let effects = inputs.into_iter().flat_map(|input| core.handle(Now::default(), input));
    let told = |effect: Effect| match effect {
        Effect::Tell { envelope, .. } => Some(format!("told {}", envelope.serial)),
        Effect::Log(Line::Bug { what }) => panic!("{what}"),
        Effect::Log(line @ (Line::EventRejected { .. } | Line::HearingUnknown { .. })) => {
            Some(line.to_string())
        }
        _ => None,
    };
    effects.filter_map(told).collect()
}

fn spec() -> Spec {
    let process = ProcessSpec {
        name: "ear".to_owned(),
        priority: 999,
        autostart: true,
        startsecs: Duration::ZERO,
        startretries: 3,
        autorestart: Autorestart::Never,
        exitcodes: vec![0],
        stopsignal: Signal::TERM,
        stopwaitsecs: Duration::from_secs(10),
        stopasgroup: false,
        killasgroup: false,
        retry: RetryRule::FailedStarts,
        essential: false,
        killtree: false,
        tidy: None,
        health: HealthSpec::default(),
        launch: Launch {
            command: Command::Argv(vec!["ear".into()]),
            environment: Vec::new(),
            directory: None,
            umask: None,
            user: None,
            stdio: Stdio::Captured { stdout: Sink::Discard.into(), stderr: None },
            shown: "ear".to_owned(),
            serverurl: None,
            socket: None,
            die_with_supervisor: true,
        },
    };
    let pool = PoolSpec { events: [EventType::RemoteCommunication].into(), buffer_size: 10 };
    let group = GroupSpec {
        name: "ear".to_owned(),
        priority: -1,
        processes: vec![Rc::new(process)],
        pool: Some(pool),
    };
    Spec {
        groups: vec![group],
        signals: SignalRule::Supervisord,
        when_done: WhenDone::Stay,
        prestop_delay: Duration::ZERO,
    }
}
