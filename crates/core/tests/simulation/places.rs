//! What the world says of a process's place between two runs.

use supervisor_core::Answer;
use supervisor_core::failure::DeviceState;
use supervisor_core::ids::Pid;
use supervisor_core::port::Holder;

use crate::random::Random;

/// Stale files are removed, and the devices say something.
pub(crate) fn tidied(random: &mut Random) -> Answer {
    Answer::Tidied(match random.below(6) {
        0 => DeviceState::Lost("GPU is lost".to_owned()),
        1 => DeviceState::Gone("No devices were found".to_owned()),
        2 => DeviceState::Unknown,
        _ => DeviceState::Fine,
    })
}

/// Whoever listens on a port. In a `kind` world nobody does.
pub(crate) fn port(after: Option<Pid>, kind: bool, random: &mut Random) -> Answer {
    let of = |pid| Some(Holder::Process { pid, program: "stray".to_owned() });
    let holders = [None, None, Some(Holder::Unseen), of(Pid(77)), of(Pid(78)), of(Pid(79))];
    let holder = if kind { None } else { holders[random.below(holders.len())].clone() };
    Answer::PortSeen { after, holder }
}
