//! Answers of the daemon, and reports of processes about themselves.

use std::rc::Rc;
use std::time::Duration;

use supervisor_core::ids::{Pid, ProcId, RunKey};
use supervisor_core::input::{Answer, Notification, TreeProcess};
use supervisor_core::spec::ProcessSpec;
use supervisor_core::spec::health::Ready;
use supervisor_core::time::Mono;

use super::Model;
use super::process::{Alive, Cleanup, Phase, Proc, Stop};
use crate::kernel::Kernel;

/// Time before a failed census is repeated.
const RECOUNT_AFTER: Duration = Duration::from_secs(1);

impl Model {
    /// Takes an answer. Only answers about the current run count.
    pub(super) fn answered(&mut self, now: Mono, key: RunKey, answer: &Answer, kernel: &Kernel) {
        let RunKey { proc: id, run } = key;
        let takes_orphans = self.takes_orphans(id);
        let Some(proc) = self.procs.get_mut(&id) else { return };
        match answer {
            Answer::Spawned { pid } => proc.born(*pid, now),
            Answer::SpawnFailed(error) => {
                let outcome = proc.not_born(error.kind, now);
                self.note(id, outcome);
            }
            Answer::Connected(result) => proc.connected(run, result.is_ok(), now),
            _ if proc.run != run.0 => {}
            Answer::LoadSeen { requests } => self.load_seen(id, *requests, now),
            Answer::Census { members, .. } => {
                let members = proc.own_of(members, takes_orphans);
                proc.census_taken(now, &members, kernel);
            }
            Answer::CensusFailed if proc.awaits_count() => {
                proc.recount_at = Some(now + RECOUNT_AFTER);
            }
            Answer::CensusFailed => {}
            Answer::TreeEnded => proc.tree_ended(),
            Answer::Tidied => proc.tidied(),
            Answer::DevicesSeen(seen) => {
                let outcome = proc.devices_seen(seen, now);
                self.note(id, outcome);
            }
            Answer::PortSeen { after, holder } => proc.port_seen(*after, holder.as_ref()),
            Answer::Checked { .. }
            | Answer::Progressed(_)
            | Answer::TreeCounted(_)
            | Answer::MemorySeen { .. }
            | Answer::OutputSeen(_)
            | Answer::Collected => {
                let spec = Rc::clone(&proc.spec);
                let mut watched = true;
                if let Some(alive) = proc.well_alive() {
                    alive.health_answered(now, answer, &spec, &mut watched);
                    // Answers that arrive while the process is about to be stopped change nothing.
                    proc.turn.watched = watched;
                }
            }
        }
    }

    pub(super) fn ready_logged(&mut self, id: ProcId, pid: Pid) {
        self.with(id, |proc| {
            let logs = matches!(proc.spec.health.ready, Ready::Logged(_));
            if let Some(alive) = proc.well_alive().filter(|alive| alive.pid == pid) {
                alive.ready |= logs;
                proc.turn.watched = logs && alive.up_at.is_none();
            }
        });
    }

    pub(super) fn notified(&mut self, id: ProcId, said: &Notification, now: Mono) {
        self.with(id, |proc| {
            let spec = Rc::clone(&proc.spec);
            let Some(alive) = proc.alive_mut() else { return };
            match (&mut alive.stop, said.extend) {
                (Some(stop), Some(extend)) if stop.killed_at.is_none() => {
                    if let Some(drain) = &mut proc.drain {
                        drain.until = drain.until.max(now + extend);
                    }
                }
                (Some(_), _) => {}
                (None, _) if alive.up_at.is_some() => {
                    alive.health.notified(&spec.health, said, now);
                    proc.turn.watched = true;
                }
                (None, extend) => {
                    alive.ready |= said.ready && spec.health.ready == Ready::Notified;
                    let by = alive.ready_by.zip(extend);
                    alive.ready_by = by.map(|(by, extend)| by.max(now + extend)).or(alive.ready_by);
                }
            }
        });
    }
}

impl Proc {
    fn awaits_count(&self) -> bool {
        let killed = |stop: Stop| stop.killed_at.is_some() && !stop.stuck;
        match (&self.phase, &self.cleanup) {
            (Phase::Alive(Alive { stop: Some(stop), .. }), _) if killed(*stop) => true,
            (Phase::Alive(_), _) => self.drain.is_some(),
            (_, Cleanup::Draining | Cleanup::Busy { counting: true, .. }) => true,
            (_, Cleanup::Stuck { .. }) => true,
            (
                _,
                Cleanup::Clear
                | Cleanup::Busy { .. }
                | Cleanup::Tidying { .. }
                | Cleanup::Awaiting(_),
            ) => false,
        }
    }

    fn census_taken(&mut self, now: Mono, members: &[TreeProcess], kernel: &Kernel) {
        let found: Vec<_> = members.iter().map(|process| process.member).collect();
        self.recount_at = None;
        let new = found.iter().any(|member| !self.known.contains(member));
        let ends = matches!(
            self.cleanup,
            Cleanup::Draining | Cleanup::Busy { .. } | Cleanup::Stuck { .. }
        );
        // After the end of the tree, a late census finds processes of others.
        if ends || self.alive().is_some() {
            self.known.extend(found);
        }
        self.drain_counted(now, members, kernel);
        match &mut self.cleanup {
            Cleanup::Draining | Cleanup::Busy { counting: true, .. } | Cleanup::Stuck { .. }
                if members.is_empty() =>
            {
                self.drain = None;
                (self.cleanup, self.turn.came_down) = (Cleanup::Clear, true);
                self.turn.to_tidy = true;
                self.has_left(now);
            }
            Cleanup::Busy { counting, .. } => *counting = false,
            cleanup @ Cleanup::Stuck { .. } if new => *cleanup = Cleanup::forced(false),
            Cleanup::Stuck { .. }
            | Cleanup::Draining
            | Cleanup::Clear
            | Cleanup::Tidying { .. }
            | Cleanup::Awaiting(_) => {}
        }
    }

    /// All awaited processes have exited, so a census follows.
    fn tree_ended(&mut self) {
        match self.cleanup {
            Cleanup::Draining | Cleanup::Stuck { .. } => self.must_count = true,
            Cleanup::Busy { counting: false, asked_at, killed_at, .. }
                if asked_at.or(killed_at).is_some() =>
            {
                self.must_count = true;
            }
            Cleanup::Busy { .. }
            | Cleanup::Clear
            | Cleanup::Tidying { .. }
            | Cleanup::Awaiting(_) => {}
        }
    }
}

impl Alive {
    /// Takes an answer about health. `watched`: the core must judge the health now.
    fn health_answered(
        &mut self,
        now: Mono,
        answer: &Answer,
        spec: &ProcessSpec,
        watched: &mut bool,
    ) {
        match answer {
            Answer::Checked { result, load } => {
                let starting = self.up_at.is_none();
                let busy = load.is_some_and(|load| !load.cpu.is_zero());
                let passes = self.health.checked(&spec.health, starting, now, (*result, busy));
                self.ready |= passes && spec.health.ready == Ready::Checked;
                self.answered |= passes;
            }
            // After an update, an answer may be about something that is no longer asked for.
            Answer::Progressed(_) if spec.health.progress.is_none() => *watched = false,
            Answer::TreeCounted(_) if spec.health.tree.is_none() => *watched = false,
            Answer::MemorySeen { .. } if spec.health.memory.is_none() => *watched = false,
            Answer::Progressed(sample) => self.health.progressed(&spec.health, now, *sample),
            Answer::TreeCounted(count) => {
                let once = spec.health.tree.as_ref().is_some_and(|tree| tree.distinct);
                let once = once || self.up_at.is_none();
                let there = if once { count.distinct } else { count.alive };
                self.health.counted(&spec.health, now, there);
            }
            Answer::MemorySeen { used } => self.health.measured(&spec.health, now, *used),
            Answer::OutputSeen(block) => {
                let blocked = block.is_some_and(|block| block.since >= Duration::from_secs(1));
                *watched = self.health.output_seen(now, blocked);
                if let (true, true, Some(within)) = (*watched, blocked, spec.health.start_timeout) {
                    self.ready_by = self.ready_by.map(|by| by.max(now + within));
                }
            }
            Answer::Collected => {
                if let Some(condemned) = &mut self.health.condemned {
                    condemned.collected = true;
                }
                *watched = false;
            }
            Answer::Spawned { .. }
            | Answer::SpawnFailed(_)
            | Answer::Census { .. }
            | Answer::CensusFailed
            | Answer::TreeEnded
            | Answer::LoadSeen { .. }
            | Answer::Tidied
            | Answer::DevicesSeen(_)
            | Answer::PortSeen { .. }
            | Answer::Connected(_) => {}
        }
    }
}
