//! Answers of the daemon about runs of processes.

use super::Supervisor;
use crate::answer::Answer;
use crate::ids::RunKey;
use crate::process::Transition;

impl Supervisor {
    /// Handles an answer about the current run. Drops other answers, so that a late answer cannot
    /// affect the wrong run.
    pub(super) fn answered(&mut self, key: RunKey, answer: Answer, cx: &mut Transition<'_>) {
        let RunKey { proc, run } = key;
        if self.processes.get(&proc).is_some_and(|process| !process.awaits(run, &answer)) {
            // A second process of the same program must not keep running.
            if let Answer::Spawned { pid } = answer {
                self.with(proc, cx, |process, cx| process.stray(pid, cx));
            }
            return;
        }
        if let Answer::LoadSeen { requests } = answer {
            return self.load_seen(proc, requests, cx);
        }
        let takes_orphans = self.takes_orphans(proc);
        self.with(proc, cx, |process, cx| match answer {
            Answer::Spawned { pid } => process.spawned(pid, cx),
            Answer::SpawnFailed(error) => process.spawn_failed(error, cx),
            Answer::Census { main, members } => process.counted(main, members, takes_orphans, cx),
            Answer::CensusFailed => process.count_later(cx),
            Answer::TreeEnded => process.tree_ended(cx),
            Answer::Checked { result, load } => process.checked(result, load, cx),
            Answer::Progressed(sample) => process.progressed(sample, cx),
            Answer::TreeCounted(count) => process.tree_counted(count, cx),
            Answer::MemorySeen { used } => process.memory_seen(used, cx),
            Answer::OutputSeen(block) => process.output_seen(block, cx),
            Answer::Collected => process.collected(cx),
            Answer::Tidied => process.tidied(cx),
            Answer::DevicesSeen(seen) => process.devices_seen(seen, cx),
            Answer::PortSeen { after, holder } => process.port_seen(after, holder, cx),
            Answer::Connected(result) => process.connected(result, cx),
            // This answers a question of the supervisor about all servers.
            Answer::LoadSeen { .. } => {}
        });
    }
}
