//! Looks at what a start waits for: its port and its devices.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::device::{DevicesSeen, UsersOf};
use supervisor_core::ids::{Pid, ProcId, RunId};
use supervisor_core::{Answer, Input};
use supervisor_sys::deadline::run_with_deadline;
use supervisor_sys::process::pidfd;
use supervisor_sys::process::process_table::Family;

use super::{Slot, World};
use crate::cleanup::port;
use crate::gpu::{Others, Question, Users};
use crate::health::Kind;

/// The variable that limits which NVIDIA devices a program sees.
const VISIBLE_DEVICES: &str = "CUDA_VISIBLE_DEVICES";

impl World {
    /// Finds the process that listens on a port, once `after` has exited.
    pub(super) fn look_at_port(
        &mut self,
        proc: ProcId,
        run: RunId,
        port: u16,
        after: Option<Pid>,
        within: Duration,
    ) {
        let inbox = Rc::clone(&self.inbox);
        self.questions.start(proc, Kind::Port, async move {
            let look = async {
                if let Some(pid) = after {
                    pidfd::ended(pid).await;
                }
                run_with_deadline(within, move |_| port::holder(port)).await
            };
            if let Ok(Some(holder)) = tokio::time::timeout(within, look).await {
                inbox.push(Input::answer(proc, run, Answer::PortSeen { after, holder }));
            }
        });
    }

    /// Looks at the devices of this container.
    pub(super) fn look_at_devices(&mut self, proc: ProcId, run: RunId, users: Option<UsersOf>) {
        let answer = move |seen| Input::answer(proc, run, Answer::DevicesSeen(seen));
        let Some(slot) = self.slots.get(&proc) else {
            return self.answers.push_back(answer(DevicesSeen::Nothing));
        };
        let users = match users {
            None => Users::NotAsked,
            Some(UsersOf::Program) => living_main(slot).map_or(Users::NotAsked, Users::Below),
            Some(UsersOf::Container) => Users::InContainer,
            Some(UsersOf::OtherPrograms) => {
                self.others(proc).map_or(Users::NotAsked, Users::OfOthers)
            }
        };
        let visible = self.variable(slot, VISIBLE_DEVICES);
        let looked = Rc::clone(&self.gpus).look(Question { visible, users });
        let inbox = Rc::clone(&self.inbox);
        self.questions.ask(proc, Kind::Devices, inbox, async move { answer(looked.await) });
    }

    /// The other running programs, if there are any.
    fn others(&self, proc: ProcId) -> Option<Others> {
        let others = self.slots.iter().filter(|(other, _)| **other != proc);
        let running = others.filter(|(_, slot)| living_main(slot).is_some());
        let visible: BTreeMap<_, _> =
            running.map(|(other, slot)| (*other, self.variable(slot, VISIBLE_DEVICES))).collect();
        if visible.is_empty() {
            return None;
        }
        let roots = Family::now().and_then(|family| self.roots(&family)).ok()?;
        let (roster, readers) = self.identifiers();
        Some(Others { visible, roots, roster, readers })
    }

    /// The value of a variable in the program's environment.
    fn variable(&self, slot: &Slot, name: &str) -> Option<String> {
        let launch = &slot.spec.launch;
        let inherited = self.inherited(launch).unwrap_or_default();
        let mut all = launch.environment.iter().rev().chain(&inherited);
        all.find(|(known, _)| known == name)?.1.to_str().map(str::to_owned)
    }
}

fn living_main(slot: &Slot) -> Option<Pid> {
    slot.main.filter(|(_, alive)| *alive).map(|(pid, _)| pid)
}
