//! Carries out health checks and other measurements of processes.

use std::rc::Rc;

use supervisor_core::Answer;
use supervisor_core::Input;
use supervisor_core::health::{CheckFailure, ProgressSample, TreeCount};
use supervisor_core::ids::{ProcId, RunId};
use supervisor_core::level::Level;
use supervisor_core::spec::health::Probe;
use supervisor_sys::process::process_table::{command_line, own_memory};

use super::World;
use super::starts::supervisord_variables;
use crate::health::{self, Kind, Notify, Runner, Strays, Told};
use crate::launch::{Environment, set};
use crate::tree::MARK;

impl World {
    pub(super) fn check(&mut self, proc: ProcId, run: RunId, find_listener: bool) {
        let environment = self.environment_of_helpers(proc);
        let slot = self.slots.get(&proc);
        let Some((slot, check)) = slot.and_then(|s| Some((s, s.spec.health.check.as_ref()?)))
        else {
            let result = Err(CheckFailure::Broken);
            return self.answers.push_back(Input::answer(
                proc,
                run,
                Answer::Checked { result, load: None },
            ));
        };
        let runner = Runner {
            helpers: Rc::clone(&self.helpers),
            checker: Rc::clone(&slot.checker),
            launch: slot.spec.launch.clone(),
            environment,
            name: slot.spec.name.clone(),
            journal: Rc::clone(&self.parts.journal),
        };
        let is_command = matches!(check.probe, Probe::Command(_));
        let strays = is_command.then(|| self.strays());
        // Boxed, because each future that awaits this one would contain it twice.
        let (limit, main) = (check.timeout, slot.main.map(|(pid, _)| pid));
        let asked = health::Asked { probe: check.probe.clone(), limit, find_listener, main };
        let asked = Box::pin(health::check(asked, runner));
        let answer = async move {
            let (result, load) = health::with_load(asked, limit, main).await;
            if let Some(strays) = strays {
                strays.end(proc).await;
            }
            Input::answer(proc, run, Answer::Checked { result, load })
        };
        self.questions.ask(proc, Kind::Check, Rc::clone(&self.inbox), answer);
    }

    /// Finds the processes that health check commands left.
    pub(super) fn strays(&self) -> Strays {
        let (roster, readers) = self.identifiers();
        Strays { roster, readers, helpers: Rc::clone(&self.helpers) }
    }

    /// Connects to the servers that a process waits for.
    pub(super) fn connect_targets(&mut self, proc: ProcId, run: RunId) {
        let slot = self.slots.get(&proc);
        let wait = slot.and_then(|slot| slot.spec.start.wait_for.as_ref());
        let targets = wait.map(|wait| wait.targets.clone()).unwrap_or_default();
        let reached = Box::pin(health::reach(targets));
        let answer = async move { Input::answer(proc, run, Answer::Connected(reached.await)) };
        self.questions.ask(proc, Kind::Targets, Rc::clone(&self.inbox), answer);
    }

    pub(super) fn look_at_progress(&mut self, proc: ProcId, run: RunId) {
        let slot = self.slots.get(&proc);
        let Some(spec) = slot.and_then(|slot| slot.spec.health.progress.clone()) else {
            return self.answers.push_back(Input::answer(
                proc,
                run,
                Answer::Progressed(ProgressSample::Nothing),
            ));
        };
        let asked = Box::pin(health::look(*spec));
        let answer = async move { Input::answer(proc, run, Answer::Progressed(asked.await)) };
        self.questions.ask(proc, Kind::Progress, Rc::clone(&self.inbox), answer);
    }

    /// Reads the number of requests of a process, if its metrics are complete.
    pub(super) fn look_at_load(&mut self, proc: ProcId, run: RunId) {
        let slot = self.slots.get(&proc);
        let Some(spec) = slot.and_then(|slot| slot.spec.health.progress.clone()) else {
            return self.answers.push_back(Input::answer(
                proc,
                run,
                Answer::LoadSeen { requests: None },
            ));
        };
        let asked = Box::pin(health::look(*spec));
        let answer = async move {
            let requests = match asked.await {
                ProgressSample::Seen(progress) => {
                    Some(progress.running.saturating_add(progress.waiting))
                }
                ProgressSample::Late | ProgressSample::Nothing | ProgressSample::Failed(_) => None,
            };
            Input::answer(proc, run, Answer::LoadSeen { requests })
        };
        self.questions.ask(proc, Kind::Load, Rc::clone(&self.inbox), answer);
    }

    pub(super) fn count_tree(&mut self, proc: ProcId, run: RunId) {
        let slot = self.slots.get(&proc);
        let Some((slot, tree)) =
            slot.and_then(|slot| Some((slot, slot.spec.health.tree.as_ref()?)))
        else {
            let count = TreeCount::default();
            return self.answers.push_back(Input::answer(proc, run, Answer::TreeCounted(count)));
        };
        let (pattern, counted) = (tree.pattern.clone(), Rc::clone(&slot.counted));
        let (census, asking) = (self.begin_census(proc), self.asking());
        let counting = async move {
            let members = match &census {
                Ok(census) => asking.conclude(census).await.ok(),
                Err(_) => None,
            };
            // If the processes cannot be counted, the last count stays.
            if let Some(members) = members {
                let lines = asking.readers.read(command_line, &members, asking.deadline);
                let lines = lines.await;
                let meant = health::meant(&lines, &pattern, &counted.borrow());
                *counted.borrow_mut() = meant;
            }
            let count = health::count(&counted.borrow());
            Input::answer(proc, run, Answer::TreeCounted(count))
        };
        self.questions.ask(proc, Kind::Tree, Rc::clone(&self.inbox), Box::pin(counting));
    }

    /// Measures the memory of a tree, by its own cgroup if memory is counted there. Otherwise
    /// memory that several of its processes share counts once for each.
    pub(super) fn measure_memory(&mut self, proc: ProcId, run: RunId) {
        let slot = self.slots.get(&proc);
        let main = slot.and_then(|slot| slot.main).map(|(pid, _)| pid);
        let grouped = slot.and_then(|slot| slot.cgroup.as_ref()?.own_memory());
        let (Some(main), None) = (main, grouped) else {
            let used = grouped.or(Some(0));
            return self.answers.push_back(Input::answer(proc, run, Answer::MemorySeen { used }));
        };
        let (census, asking) = (self.begin_census(proc), self.asking());
        let measuring = async move {
            let members = match &census {
                Ok(census) => asking.conclude(census).await.unwrap_or_default(),
                Err(_) => Vec::new(),
            };
            let pids = members.iter().map(|member| member.pid).chain([main]);
            let used = pids.map(own_memory).sum();
            Input::answer(proc, run, Answer::MemorySeen { used })
        };
        self.questions.ask(proc, Kind::Memory, Rc::clone(&self.inbox), Box::pin(measuring));
    }

    /// Tells a process that is about to start the path of its notification socket. Each run has its
    /// own socket, so that a late message of an earlier run is not attributed to the new run.
    pub(super) fn introduce_notify(&mut self, proc: ProcId, environment: &mut Environment) {
        let number = self.questions.number();
        let mark = self.parts.roster.own_mark(proc);
        let Some(slot) = self.slots.get_mut(&proc) else { return };
        slot.notify = None;
        let health = &slot.spec.health;
        if !health.wants_notify() {
            return;
        }
        let told = Told {
            proc,
            name: slot.spec.name.clone(),
            inbox: Rc::clone(&self.inbox),
            journal: Rc::clone(&self.parts.journal),
        };
        let user = slot.spec.launch.user.as_ref().map(|user| user.uid);
        match Notify::new(format!("standard-supervisor-{mark}.{number}"), user) {
            Ok(notify) => {
                let notify = Rc::new(notify);
                notify.introduce(environment, health.watchdog);
                slot.notify = Some(Rc::clone(&notify));
                self.questions.listen(proc, notify.run(told));
            }
            Err(error) => {
                let name = &slot.spec.name;
                let note = format!("cannot create the notify socket of {name}: {error}");
                self.parts.journal.say(Level::Error, &note);
            }
        }
    }

    /// The environment of a health check command, besides the program's own variables. It does not
    /// mark the command as part of the process tree, which may be stopped during the check.
    fn environment_of_helpers(&self, proc: ProcId) -> Environment {
        let slot = self.slots.get(&proc);
        // A health check does not fail because an environment file can no longer be read.
        let inherited = slot.and_then(|slot| self.inherited(&slot.spec.launch).ok());
        let mut environment = inherited.unwrap_or_else(|| self.parts.environment.clone());
        set(&mut environment, MARK.as_ref(), self.parts.roster.check_mark(proc).as_ref());
        if let Some(slot) = slot {
            for (name, value) in supervisord_variables(&slot.spec.name, &slot.group.name) {
                set(&mut environment, name.as_ref(), value.as_ref());
            }
        }
        environment
    }
}
