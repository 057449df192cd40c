//! Looks at what a start waits for: its port and its devices.

use std::rc::Rc;
use std::time::Duration;

use supervisor_core::device::{DevicesSeen, UsersOf};
use supervisor_core::ids::{Pid, ProcId, RunId};
use supervisor_core::{Answer, Input};
use supervisor_sys::deadline::run_with_deadline;
use supervisor_sys::process::pidfd;

use super::{Slot, World};
use crate::cleanup::port;
use crate::gpu::Question;
use crate::health::Kind;

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
        let main = slot.main.filter(|(_, alive)| *alive).map(|(pid, _)| pid);
        let visible = self.variable(slot, "CUDA_VISIBLE_DEVICES");
        let looked = Rc::clone(&self.gpus).look(Question { main, visible, users });
        let inbox = Rc::clone(&self.inbox);
        self.questions.ask(proc, Kind::Devices, inbox, async move { answer(looked.await) });
    }

    /// The value of a variable in the program's environment.
    fn variable(&self, slot: &Slot, name: &str) -> Option<String> {
        let launch = &slot.spec.launch;
        let inherited = self.inherited(launch).unwrap_or_default();
        let mut all = launch.environment.iter().rev().chain(&inherited);
        all.find(|(known, _)| known == name)?.1.to_str().map(str::to_owned)
    }
}
