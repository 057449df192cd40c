//! What the world answers to the looks at a server's health.

use std::time::Duration;

use supervisor_core::Answer;
use supervisor_core::event::Channel;
use supervisor_core::health::{
    Block, CheckAnswer, CheckFailure, Comm, Depth, Listener, Load, Progress, ProgressSample,
    Stranger, TreeCount,
};
use supervisor_core::ids::Pid;
use supervisor_core::time::Mono;

use crate::random::Random;

/// The answer to a check; a `kind` world's server always passes it.
pub(crate) fn checked(kind: bool, random: &mut Random) -> Answer {
    let failures = [
        CheckFailure::Refused,
        CheckFailure::TimedOut,
        CheckFailure::TimedOut,
        CheckFailure::Status(503),
        CheckFailure::Status(404),
    ];
    let fails = !kind && random.one_in(2);
    let stranger = Stranger { pid: Pid(99), name: Comm::new(b"other") };
    let from = random.pick(&[Listener::Unseen, Listener::Stranger(stranger)]);
    let from = if kind { Listener::Tree } else { from };
    let depth = random.pick(&[Depth::Whole, Depth::Connection]);
    let answer = CheckAnswer { from, depth };
    let result = if fails { Err(random.pick(&failures)) } else { Ok(answer) };
    let cpu = random.pick(&[Duration::ZERO, Duration::from_secs(1)]);
    let load = Load { cpu, over: Duration::from_secs(2) };
    let late = result == Err(CheckFailure::TimedOut);
    let load = (late && random.below(4) > 0).then_some(load);
    Answer::Checked { result, load }
}

/// The answer to a look at the progress; a `kind` world's server always makes some.
pub(crate) fn progressed(now: Mono, kind: bool, random: &mut Random) -> Answer {
    let done = now.since_zero().as_secs() / if kind { 1 } else { 7 };
    let running = random.below(3) as u64;
    let waiting = random.below(4).saturating_sub(2) as u64;
    let there = kind || random.below(6) > 0;
    Answer::Progressed(if there {
        ProgressSample::Seen(Progress { running, waiting, done })
    } else {
        let failed = ProgressSample::Failed(CheckFailure::Refused);
        random.pick(&[ProgressSample::Late, ProgressSample::Nothing, failed])
    })
}

pub(crate) fn tree(kind: bool, random: &mut Random) -> Answer {
    let alive = if kind { 9 } else { random.between(2, 4) };
    let distinct = if kind { alive } else { random.between(1, alive) };
    let [alive, distinct] = [alive, distinct].map(|n| u32::try_from(n).unwrap());
    Answer::TreeCounted(TreeCount { alive, distinct })
}

pub(crate) fn memory(kind: bool, random: &mut Random) -> Answer {
    let sizes = [None, Some(1), Some(95), Some(101), Some(150)];
    let used = if kind { Some(1) } else { random.pick(&sizes) };
    Answer::MemorySeen { used: used.map(|mebibytes: u64| mebibytes << 20) }
}

pub(crate) fn output(kind: bool, random: &mut Random) -> Answer {
    let since = Duration::from_millis(500 * random.below(5) as u64);
    let block = Block { channel: Channel::Stdout, since, waiting: 65536 };
    Answer::OutputSeen((!kind && random.one_in(2)).then_some(block))
}
