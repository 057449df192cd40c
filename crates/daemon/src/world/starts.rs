//! Starts processes and prepares their environment.

use supervisor_core::ids::{Pid, ProcId};
use supervisor_core::input::{SpawnError, SpawnErrorKind};
use supervisor_core::level::Level;
use supervisor_core::spec::health::Ready;
use supervisor_core::spec::{self, Launch, RetryRule, Stdio};
use supervisor_sys::io::stdin::Stdin;
use supervisor_sys::process::cgroup::Cgroup;
use supervisor_sys::process::nested;
use supervisor_sys::process::start::env_file;
use supervisor_sys::process::start::lookup;

use super::World;
use crate::launch::{Environment, Launched, set};
use crate::shared_socket::{Change, SharedSocket};
use crate::tree::MARK;

impl World {
    /// The reason why the command of a process could not be executed if it started now.
    pub fn obstacle(&self, proc: ProcId) -> Option<SpawnError> {
        let launch = &self.slots.get(&proc)?.spec.launch;
        match self.inherited(launch) {
            Ok(environment) => lookup::command(launch, &environment).err(),
            Err(error) => Some(error),
        }
    }

    pub(super) fn spawn(&mut self, proc: ProcId) -> Result<Pid, SpawnError> {
        self.connect(proc);
        let mut environment = self.environment_of(proc)?;
        let socket = self.slots.get(&proc).and_then(|slot| slot.socket);
        self.take_socket(socket)?;
        self.introduce_notify(proc, &mut environment);
        self.begins(proc);
        let Some(slot) = self.slots.get_mut(&proc) else { return Err(no_such_process()) };
        let launched = self.launcher.launch(
            &slot.spec.name,
            &slot.spec.launch,
            environment,
            socket.and_then(|index| self.sockets[index].descriptor()),
            slot.cgroup.as_ref().map(Cgroup::door),
        );
        let Launched { pid, pipes } = match launched {
            Ok(launched) => launched,
            Err(error) => {
                self.give_back(socket);
                return Err(error);
            }
        };
        if let Some((level, line)) = self.launcher.restrictions() {
            self.parts.journal.say(level, &line);
        }
        slot.main = Some((pid, true));
        if let Some(notify) = &slot.notify {
            notify.serves(pid);
        }
        if let Some(pipes) = pipes {
            slot.stdin = pipes.stdin.map(Stdin::new);
            for (relay, pipe) in [(&slot.stdout, Some(pipes.stdout)), (&slot.stderr, pipes.stderr)]
            {
                if let (Some(relay), Some(pipe)) = (relay, pipe) {
                    relay.add(pipe, Some(pid));
                }
            }
        }
        // Otherwise the process is soon up and is watched from then on.
        let waits = slot.spec.health.ready != Ready::Startsecs;
        if waits {
            self.watch_descendants(proc);
        }
        Ok(pid)
    }

    /// The environment of a program without the variables of its own configuration.
    pub(super) fn environment_of(&mut self, proc: ProcId) -> Result<Environment, SpawnError> {
        let slot = self.slots.get(&proc).ok_or_else(no_such_process)?;
        let mut environment = self.inherited(&slot.spec.launch)?;
        let slot = self.slots.get_mut(&proc).ok_or_else(no_such_process)?;
        if slot.spec.killtree {
            let mark = self.parts.roster.mark(proc);
            set(&mut environment, MARK.as_ref(), mark.as_ref());
            if let (None, Some(parent)) = (&slot.cgroup, &self.cgroups) {
                let own = self.parts.roster.own_mark(proc);
                slot.cgroup = Cgroup::make(parent, &format!("standard-supervisor.{own}")).ok();
            }
        }
        let once = slot.spec.retry == RetryRule::Once;
        if self.parts.keeps_command
            && slot.spec.main
            && !once
            && let Some(mark) = nested::mark()
        {
            set(&mut environment, nested::VARIABLE.as_ref(), mark.as_ref());
        }
        if let Stdio::Captured { .. } = slot.spec.launch.stdio {
            for (name, value) in supervisord_variables(&slot.spec.name, &slot.group.name) {
                set(&mut environment, name.as_ref(), value.as_ref());
            }
        }
        Ok(environment)
    }

    /// The supervisor's own environment, overridden by the present content of the program's
    /// environment files.
    pub(super) fn inherited(&self, launch: &Launch) -> Result<Environment, SpawnError> {
        env_file::with_files(self.parts.environment.clone(), &launch.env_files)
    }

    pub(super) fn socket(&mut self, wanted: &spec::Socket) -> usize {
        let known = self.sockets.iter().position(|socket| socket.spec == *wanted);
        known.unwrap_or_else(|| {
            self.sockets.push(SharedSocket::new(wanted.clone()));
            self.sockets.len() - 1
        })
    }

    pub(super) fn take_socket(&mut self, socket: Option<usize>) -> Result<(), SpawnError> {
        let Some(socket) = socket.map(|index| &mut self.sockets[index]) else { return Ok(()) };
        match socket.take() {
            Ok(Change::None) => {}
            Ok(change @ (Change::Done | Change::TookOver)) => {
                self.parts.journal.say(Level::Info, &format!("Creating socket {socket}"));
                if change == Change::TookOver {
                    self.parts.journal.say(Level::Warn, &socket.taken_over());
                }
            }
            Err(error) => {
                let message = format!("Could not create FastCGI socket {socket}: {error}");
                return Err(SpawnError::new(SpawnErrorKind::Transient, message));
            }
        }
        Ok(())
    }

    pub(super) fn give_back(&mut self, socket: Option<usize>) {
        if let Some(socket) = socket.map(|index| &mut self.sockets[index])
            && socket.give_back() == Change::Done
        {
            self.parts.journal.say(Level::Info, &format!("Closing socket {socket}"));
        }
    }
}

fn no_such_process() -> SpawnError {
    let message = "no such process".to_owned();
    SpawnError::new(SpawnErrorKind::NotFound, message)
}

/// The variables in which supervisord describes a child to itself.
pub(super) const fn supervisord_variables<'a>(
    name: &'a str,
    group: &'a str,
) -> [(&'static str, &'a str); 3] {
    [
        ("SUPERVISOR_ENABLED", "1"),
        ("SUPERVISOR_PROCESS_NAME", name),
        ("SUPERVISOR_GROUP_NAME", group),
    ]
}
