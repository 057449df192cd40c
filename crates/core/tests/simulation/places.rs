//! What the world says of a process's place between two runs.

use supervisor_core::Answer;
use supervisor_core::device::{Device, DevicesSeen, Inventory, Source, Trouble, UsersOf};
use supervisor_core::ids::Pid;
use supervisor_core::port::Holder;

use crate::random::Random;

/// The answer to a look at the devices. There is one of 80,000 MiB, if any.
pub(crate) fn devices(wanted: Option<UsersOf>, kind: bool, random: &mut Random) -> Answer {
    let trouble = match random.below(if kind { 1 } else { 14 }) {
        10 => Some(Trouble::Lost("GPU is lost".to_owned())),
        11 => Some(Trouble::Gone("No devices were found".to_owned())),
        12 => return Answer::DevicesSeen(DevicesSeen::Nothing),
        13 => return Answer::DevicesSeen(DevicesSeen::Hangs),
        _ => None,
    };
    let amounts = [Some(600), Some(600), Some(2200), Some(60_000), Some(30_000), None];
    let used = if kind { Some(600) } else { random.pick(&amounts) };
    let needs = (!kind && random.one_in(8)).then(|| "Reset".to_owned());
    let (id, parts) = ("GPU-0aaa".to_owned(), Vec::new());
    let device = Device { index: 0, id, total: Some(80_000), used, needs, parts };
    let there = trouble.is_none() || random.one_in(3);
    let devices = if there { vec![device] } else { Vec::new() };
    let using = random.pick(&[0, 0, 1]);
    let users = wanted.map(|_| vec![(Pid(77), "stray".to_owned()); using]);
    let users = users.filter(|_| kind || random.below(6) > 0);
    // The device of this simulation is number 0.
    let others = match wanted {
        Some(UsersOf::OtherPrograms) if !kind => {
            let other = random.pick(&[None, Some("0"), Some("0"), Some("1")]);
            vec![other.map(str::to_owned); usize::from(!random.one_in(3))]
        }
        Some(UsersOf::OtherPrograms | UsersOf::Program | UsersOf::Container) | None => Vec::new(),
    };
    let source = Source::NvidiaSmi;
    let inventory = Inventory { source, devices, trouble, visible: None, users, others };
    Answer::DevicesSeen(DevicesSeen::Devices(Box::new(inventory)))
}

/// Whoever listens on a port. In a `kind` world nobody does.
pub(crate) fn port(after: Option<Pid>, kind: bool, random: &mut Random) -> Answer {
    let of = |pid| Some(Holder::Process { pid, program: "stray".to_owned() });
    let holders = [None, None, Some(Holder::Unseen), of(Pid(77)), of(Pid(78)), of(Pid(79))];
    let holder = if kind { None } else { holders[random.below(holders.len())].clone() };
    Answer::PortSeen { after, holder }
}
