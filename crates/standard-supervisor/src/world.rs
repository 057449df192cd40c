//! Carries out what the core decided. Nothing in here decides.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;

use supervisor_core::ids::{Pid, ProcId, RunId};
use supervisor_core::input::{Input, SpawnError, SpawnErrorKind};
use supervisor_core::level::Level;
use supervisor_core::signal::Signal;
use supervisor_core::spec::{self, Launch, Spec, Stdio};
use supervisor_core::{Effect, Target};

use crate::capture::journal::Journal;
use crate::capture::log_file::LogFile;
use crate::capture::relay::Relay;
use crate::capture::sink::Sink;
use crate::cgroup::{self, Cgroup};
use crate::launch::{Environment, Launched, launch, set};
use crate::sys::{errno, reap, signal};
use crate::tree::{MARK, Root, Roster};

/// The outside of one process of the spec.
#[derive(Debug)]
struct Slot {
    name: String,
    group: String,
    launch: Launch,
    stdout: Option<Rc<Relay>>,
    stderr: Option<Rc<Relay>>,
    stdin: Option<OwnedFd>,
    cgroup: Option<Cgroup>,
    /// The latest main process, and whether it has not been reaped yet.
    main: Option<(Pid, bool)>,
}

/// Everything that effects act on.
#[derive(Debug)]
pub(crate) struct World {
    slots: Vec<Slot>,
    environment: Environment,
    roster: Roster,
    /// Where cgroups for programs can be made.
    cgroups: Option<PathBuf>,
    journal: Rc<Journal>,
    stdout: Rc<Sink>,
    stderr: Rc<Sink>,
    /// Relays of the journal.
    voices: Vec<Rc<Relay>>,
    /// Relays that nobody runs yet.
    new_relays: Vec<Rc<Relay>>,
    /// Answers to effects, to be taken before anything else that happens.
    answers: VecDeque<Input>,
    exit: Option<u8>,
}

impl World {
    /// A world in which nothing runs yet.
    pub(crate) fn new(
        spec: &Spec,
        roster: Roster,
        environment: Environment,
        journal: Rc<Journal>,
    ) -> Self {
        let stdout = Rc::new(Sink::inherited(rustix::stdio::stdout()));
        let stderr = if Sink::are_same(rustix::stdio::stdout(), rustix::stdio::stderr()) {
            Rc::clone(&stdout)
        } else {
            Rc::new(Sink::inherited(rustix::stdio::stderr()))
        };
        Self {
            slots: slots(spec),
            environment,
            roster,
            cgroups: cgroup::own(),
            journal,
            stdout,
            stderr,
            voices: Vec::new(),
            new_relays: Vec::new(),
            answers: VecDeque::new(),
            exit: None,
        }
    }

    /// Lets the journal's lines come out here.
    pub(crate) fn say_on(&mut self, sink: &spec::Sink) -> io::Result<()> {
        let voice = Relay::for_journal(self.sink(sink)?);
        voice.add(self.journal.open_pipe()?);
        self.new_relays.push(Rc::clone(&voice));
        self.voices.push(voice);
        Ok(())
    }

    /// Does one thing.
    pub(crate) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn { proc, run } => {
                let answer = match self.spawn(proc) {
                    Ok(pid) => Input::Spawned { proc, run, pid },
                    Err(error) => Input::SpawnFailed { proc, run, error },
                };
                self.answers.push_back(answer);
            }
            Effect::Signal { target, signal } => self.signal(&target, signal),
            Effect::Census { proc, run } => self.census(proc, run),
            Effect::KillTree { proc } => {
                // Where this is not to be had, each member gets its own signal anyway.
                let _ = self.slots[proc.0].cgroup.as_ref().map(Cgroup::kill);
            }
            Effect::Log(line) => self.journal.line(&line),
            Effect::Emit { proc, from, to } => {
                let name = &self.slots[proc.0].name;
                self.journal
                    .say(Level::Trace, &format!("{name}: {} -> {}", from.name(), to.name()));
            }
            Effect::Exit { code } => self.exit = Some(code),
        }
    }

    /// The answer to an effect that was carried out before.
    pub(crate) fn next_answer(&mut self) -> Option<Input> {
        self.answers.pop_front()
    }

    /// The next child that has ended. What it wrote is on its way before this is told.
    pub(crate) fn next_reaped(&mut self) -> Option<Input> {
        let (pid, exit) = reap::next()?;
        let slot = self.slots.iter_mut().find(|slot| slot.main == Some((pid, true)));
        if let Some(slot) = slot {
            slot.main = Some((pid, false));
            slot.stdin = None;
            for relay in [&slot.stdout, &slot.stderr].into_iter().flatten() {
                relay.pump();
                for voice in &self.voices {
                    voice.follow(relay);
                }
            }
        }
        Some(Input::Reaped { pid, exit })
    }

    /// The exit code, once the end has been ordered.
    pub(crate) const fn exit_code(&self) -> Option<u8> {
        self.exit
    }

    /// Relays that have to be run from now on.
    pub(crate) fn take_new_relays(&mut self) -> Vec<Rc<Relay>> {
        std::mem::take(&mut self.new_relays)
    }

    fn spawn(&mut self, proc: ProcId) -> Result<Pid, SpawnError> {
        self.connect(proc)?;
        let mark = self.roster.mark(proc);
        let mut environment = self.environment.clone();
        set(&mut environment, MARK.as_ref(), mark.as_ref());
        let slot = &mut self.slots[proc.0];
        if let (None, Some(parent)) = (&slot.cgroup, &self.cgroups) {
            slot.cgroup = Cgroup::make(parent, &format!("standard-supervisor.{mark}")).ok();
        }
        if let Stdio::Captured { .. } = slot.launch.stdio {
            for (name, value) in supervisord_variables(&slot.name, &slot.group) {
                set(&mut environment, name.as_ref(), value.as_ref());
            }
        }
        let Launched { pid, pipes } =
            launch(&slot.name, &slot.launch, environment, slot.cgroup.as_ref().map(Cgroup::door))?;
        slot.main = Some((pid, true));
        if let Some(pipes) = pipes {
            slot.stdin = Some(pipes.stdin);
            for (relay, pipe) in [(&slot.stdout, Some(pipes.stdout)), (&slot.stderr, pipes.stderr)]
            {
                if let (Some(relay), Some(pipe)) = (relay, pipe) {
                    relay.add(pipe);
                }
            }
        }
        Ok(pid)
    }

    /// Makes sure that there are relays for the process's output.
    fn connect(&mut self, proc: ProcId) -> Result<(), SpawnError> {
        let Stdio::Captured { stdout, stderr } = self.slots[proc.0].launch.stdio.clone() else {
            return Ok(());
        };
        if self.slots[proc.0].stdout.is_none() {
            self.slots[proc.0].stdout = Some(self.relay(proc, "stdout", &stdout)?);
        }
        if let Some(stderr) = stderr
            && self.slots[proc.0].stderr.is_none()
        {
            self.slots[proc.0].stderr = Some(self.relay(proc, "stderr", &stderr)?);
        }
        Ok(())
    }

    fn relay(
        &mut self,
        proc: ProcId,
        stream: &str,
        sink: &spec::Sink,
    ) -> Result<Rc<Relay>, SpawnError> {
        let name = &self.slots[proc.0].name;
        let sink = self.sink(sink).map_err(|error| SpawnError {
            kind: SpawnErrorKind::Transient,
            message: format!(
                "unknown error making dispatchers for '{name}': {}",
                errno::name(&error)
            ),
        })?;
        let relay = Relay::new(sink, format!("the {stream} of {name}"), &self.journal);
        self.new_relays.push(Rc::clone(&relay));
        Ok(relay)
    }

    fn sink(&self, sink: &spec::Sink) -> io::Result<Rc<Sink>> {
        Ok(match sink {
            spec::Sink::Discard => Rc::new(Sink::nowhere()),
            spec::Sink::Stdout => Rc::clone(&self.stdout),
            spec::Sink::Stderr => Rc::clone(&self.stderr),
            spec::Sink::File(file) => Rc::new(Sink::log_file(LogFile::open(file.clone())?)),
        })
    }

    fn signal(&self, target: &Target, signal: Signal) {
        let sent = match target {
            Target::Process(pid) => signal::send(*pid, signal),
            Target::Group(pid) => signal::send_to_group(*pid, signal),
            Target::Member(member) => signal::send_to_member(*member, signal),
        };
        if let Err(error) = sent {
            let message = format!("cannot send {signal} to {target:?}: {error}");
            self.journal.say(Level::Error, &message);
        }
    }

    fn census(&mut self, proc: ProcId, run: RunId) {
        let mut members = Vec::new();
        if let Some((pid, alive)) = self.slots[proc.0].main {
            let living = self.slots.iter().filter_map(|slot| slot.main.filter(|(_, alive)| *alive));
            let others: Vec<Pid> =
                living.map(|(pid, _)| pid).filter(|other| *other != pid).collect();
            let grouped = self.slots[proc.0].cgroup.as_ref().map(Cgroup::members);
            let root = Root { proc, pid, alive };
            members = self.roster.census(root, &others, &grouped.unwrap_or_default());
        }
        self.answers.push_back(Input::Census { proc, run, members });
    }
}

fn slots(spec: &Spec) -> Vec<Slot> {
    let members = |group: &spec::GroupSpec| {
        let name = group.name.clone();
        group.processes.clone().into_iter().map(move |process| Slot {
            name: process.name,
            group: name.clone(),
            launch: process.launch,
            stdout: None,
            stderr: None,
            stdin: None,
            cgroup: None,
            main: None,
        })
    };
    spec.groups.iter().flat_map(members).collect()
}

/// What supervisord tells its children about themselves.
const fn supervisord_variables<'a>(name: &'a str, group: &'a str) -> [(&'static str, &'a str); 3] {
    [
        ("SUPERVISOR_ENABLED", "1"),
        ("SUPERVISOR_PROCESS_NAME", name),
        ("SUPERVISOR_GROUP_NAME", group),
    ]
}
