//! Adding, changing and removing groups, and the log files of their processes.

use std::cell::Cell;
use std::rc::Rc;

use supervisor_core::ids::ProcId;
use supervisor_core::spec::{self, GroupSpec, ProcessSpec};

use super::ends::Watch;
use super::files::Files;
use super::{RemovedLogs, Slot, World};

impl World {
    pub(super) fn add_group(&mut self, group: &Rc<GroupSpec>, first: ProcId) {
        for (number, spec) in (first.0..).zip(&group.processes) {
            self.add_process(ProcId(number), group, spec);
        }
    }

    fn add_process(&mut self, proc: ProcId, group: &Rc<GroupSpec>, spec: &Rc<ProcessSpec>) {
        let socket = spec.launch.socket.as_ref().map(|wanted| self.socket(wanted));
        let slot = Slot {
            group: Rc::clone(group),
            spec: Rc::clone(spec),
            sinks: self.take_removed_logs(spec).unwrap_or_else(|| self.sinks_of(spec)),
            socket,
            stdout: None,
            stderr: None,
            stdin: None,
            stdin_refused: Cell::new(0),
            cgroup: None,
            notify: None,
            checker: Rc::default(),
            main: None,
            watch: Watch::default(),
            descendants: Rc::default(),
            files: Files::default(),
            counted: Rc::default(),
        };
        self.slots.insert(proc, slot);
    }

    pub(super) fn remove_processes(&mut self, procs: &[ProcId]) {
        procs.iter().for_each(|proc| self.questions.forget(*proc));
        for slot in procs.iter().filter_map(|proc| self.slots.remove(proc)) {
            self.removed_logs.push((Rc::downgrade(&slot.spec), slot.sinks));
            for relay in [slot.stdout, slot.stderr].into_iter().flatten() {
                relay.close();
            }
        }
        self.files.borrow_mut().retain(|_, sink| sink.strong_count() > 0);
        self.removed_logs.retain(|(spec, _)| spec.strong_count() > 0);
    }

    /// Replaces the specifications of a group, and adds its new processes. If the probe of a health check changed, the running
    /// check is cancelled.
    pub(super) fn update_group(&mut self, group: &Rc<GroupSpec>, procs: &[ProcId]) {
        for (proc, spec) in procs.iter().zip(&group.processes) {
            fn probe(spec: &ProcessSpec) -> Option<&spec::health::Probe> {
                spec.health.check.as_ref().map(|check| &check.probe)
            }
            let Some(slot) = self.slots.get_mut(proc) else {
                self.add_process(*proc, group, spec);
                continue;
            };
            if probe(&slot.spec) != probe(spec) {
                self.questions.forget(*proc);
            }
            (slot.group, slot.spec) = (Rc::clone(group), Rc::clone(spec));
        }
    }

    /// The log files that a process had before it was removed. As in supervisord, a process keeps
    /// the files of its configuration until the supervisor reads the configuration again.
    fn take_removed_logs(&mut self, spec: &Rc<ProcessSpec>) -> Option<[Option<spec::Sink>; 2]> {
        let is_its = |(removed, _): &RemovedLogs| removed.as_ptr() == Rc::as_ptr(spec);
        let at = self.removed_logs.iter().position(is_its)?;
        Some(self.removed_logs.swap_remove(at).1)
    }
}
