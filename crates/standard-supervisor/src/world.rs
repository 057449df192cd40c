//! Carries out what the core decided. Nothing in here decides.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;

use supervisor_core::ids::{Pid, ProcId, RunId};
use supervisor_core::input::{Input, SpawnError, SpawnErrorKind};
use supervisor_core::level::Level;
use supervisor_core::signal::Signal;
use supervisor_core::spec::{self, Launch, Spec, Stdio};
use supervisor_core::{Effect, Target};

use supervisor_wire::communication::Separator;

use crate::capture::filter::{Filter, ToSyslog};
use crate::capture::journal::Journal;
use crate::capture::log_file::LogFile;
use crate::capture::relay::Relay;
use crate::capture::sink::Sink;
use crate::capture::syslog::Syslog;
use crate::cgroup::{self, Cgroup};
use crate::launch::{Environment, Launched, launch, set};
use crate::shared_socket::{self, Change, SharedSocket};
use crate::sys::{reap, signal};
use crate::tree::{MARK, Root, Roster};

/// What happens to the output of all programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handling {
    /// Terminal control sequences are taken out.
    pub(crate) strip_ansi: bool,
    /// All of it is repeated in the journal, if that says as much.
    pub(crate) echo: bool,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With this exit code.
    Exit(u8),
    /// With a new beginning.
    Restart,
}

/// The outside of one process of the spec.
#[derive(Debug)]
struct Slot {
    name: String,
    group: String,
    launch: Launch,
    /// Whether its tree has to be told from others'.
    killtree: bool,
    /// Its place in [`World::sockets`].
    socket: Option<usize>,
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
    sockets: Vec<SharedSocket>,
    /// Sockets that reaped processes had.
    freed: Vec<usize>,
    environment: Environment,
    handling: Handling,
    syslog: Option<Rc<Syslog>>,
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
    end: Option<End>,
}

impl World {
    /// A world in which nothing runs yet.
    pub(crate) fn new(
        spec: &Spec,
        roster: Roster,
        environment: Environment,
        handling: Handling,
        journal: Rc<Journal>,
    ) -> Self {
        let stdout = Rc::new(Sink::inherited(rustix::stdio::stdout()));
        let stderr = if Sink::are_same(rustix::stdio::stdout(), rustix::stdio::stderr()) {
            Rc::clone(&stdout)
        } else {
            Rc::new(Sink::inherited(rustix::stdio::stderr()))
        };
        let sockets = shared_socket::all(spec);
        Self {
            slots: slots(spec, &sockets),
            sockets,
            freed: Vec::new(),
            environment,
            handling,
            syslog: None,
            roster,
            cgroups: cgroup::own(),
            journal,
            stdout,
            stderr,
            voices: Vec::new(),
            new_relays: Vec::new(),
            answers: VecDeque::new(),
            end: None,
        }
    }

    /// Lets the journal's lines, which come through `pipe`, come out here.
    pub(crate) fn add_voice(&mut self, pipe: OwnedFd, sink: &spec::Sink) {
        let voice = Relay::for_journal(self.sink(sink));
        voice.add(pipe);
        self.new_relays.push(Rc::clone(&voice));
        self.voices.push(voice);
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
            Effect::ReopenLogs => self.reopen_logs(),
            Effect::Exit { code } => self.end = Some(End::Exit(code)),
            Effect::Restart => self.end = Some(End::Restart),
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
            self.freed.extend(slot.socket);
            for relay in [&slot.stdout, &slot.stderr].into_iter().flatten() {
                relay.pump();
                for voice in &self.voices {
                    voice.follow(relay);
                }
            }
        }
        Some(Input::Reaped { pid, exit })
    }

    /// Gives back what the last reaped process had, now that it is known whether another
    /// takes its place: a shared socket stays open for that one.
    pub(crate) fn bury(&mut self) {
        for socket in std::mem::take(&mut self.freed) {
            self.give_back(Some(socket));
        }
    }

    /// How it ends, once that has been ordered.
    pub(crate) const fn end(&self) -> Option<End> {
        self.end
    }

    /// Relays that have to be run from now on.
    pub(crate) fn take_new_relays(&mut self) -> Vec<Rc<Relay>> {
        std::mem::take(&mut self.new_relays)
    }

    fn spawn(&mut self, proc: ProcId) -> Result<Pid, SpawnError> {
        self.connect(proc);
        let socket = self.slots[proc.0].socket;
        self.take_socket(socket)?;
        let environment = self.environment_of(proc);
        let slot = &mut self.slots[proc.0];
        let launched = launch(
            &slot.name,
            &slot.launch,
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
        slot.main = Some((pid, true));
        if let Some(pipes) = pipes {
            slot.stdin = pipes.stdin;
            for (relay, pipe) in [(&slot.stdout, Some(pipes.stdout)), (&slot.stderr, pipes.stderr)]
            {
                if let (Some(relay), Some(pipe)) = (relay, pipe) {
                    relay.add(pipe);
                }
            }
        }
        Ok(pid)
    }

    /// What a program's environment is made of, besides what it asks for itself.
    fn environment_of(&mut self, proc: ProcId) -> Environment {
        let mut environment = self.environment.clone();
        let slot = &mut self.slots[proc.0];
        if slot.killtree {
            let mark = self.roster.mark(proc);
            set(&mut environment, MARK.as_ref(), mark.as_ref());
            if let (None, Some(parent)) = (&slot.cgroup, &self.cgroups) {
                slot.cgroup = Cgroup::make(parent, &format!("standard-supervisor.{mark}")).ok();
            }
        }
        if let Stdio::Captured { .. } = slot.launch.stdio {
            for (name, value) in supervisord_variables(&slot.name, &slot.group) {
                set(&mut environment, name.as_ref(), value.as_ref());
            }
        }
        environment
    }

    /// Makes sure that there are relays for the process's output. Each run begins with
    /// log files as they are found, as in supervisord.
    fn connect(&mut self, proc: ProcId) {
        let Stdio::Captured { stdout, stderr } = self.slots[proc.0].launch.stdio.clone() else {
            return;
        };
        if self.slots[proc.0].stdout.is_none() {
            self.slots[proc.0].stdout = Some(self.relay(proc, "stdout", &stdout));
        }
        if let Some(stderr) = stderr
            && self.slots[proc.0].stderr.is_none()
        {
            self.slots[proc.0].stderr = Some(self.relay(proc, "stderr", &stderr));
        }
        let slot = &self.slots[proc.0];
        [&slot.stdout, &slot.stderr].into_iter().flatten().for_each(|relay| relay.reopen());
    }

    fn relay(&mut self, proc: ProcId, stream: &'static str, output: &spec::Output) -> Rc<Relay> {
        let syslog = output.syslog.then(|| self.syslog()).flatten();
        let capture = usize::try_from(output.capture_maxbytes).unwrap_or(usize::MAX);
        let filter = Filter {
            name: self.slots[proc.0].name.clone(),
            stream,
            strip_ansi: self.handling.strip_ansi,
            separator: (capture > 0).then(|| Separator::new(capture)),
            syslog: syslog.map(|log| ToSyslog { log, complained: false }),
            echo: self.handling.echo && self.journal.says(Level::Debug),
            journal: Rc::clone(&self.journal),
        };
        let relay = Relay::new(self.sink(&output.sink), filter);
        self.new_relays.push(Rc::clone(&relay));
        relay
    }

    fn sink(&self, sink: &spec::Sink) -> Rc<Sink> {
        match sink {
            // Whose name could not be chosen has no file.
            spec::Sink::Discard | spec::Sink::Auto { .. } => Rc::new(Sink::nowhere()),
            spec::Sink::Stdout => Rc::clone(&self.stdout),
            spec::Sink::Stderr => Rc::clone(&self.stderr),
            spec::Sink::File(file) => Rc::new(Sink::log_file(LogFile::new(file.clone()))),
        }
    }

    /// The system's log; made when it is first needed.
    fn syslog(&mut self) -> Option<Rc<Syslog>> {
        if self.syslog.is_none() {
            match Syslog::of_system() {
                Ok(syslog) => self.syslog = Some(Rc::new(syslog)),
                Err(error) => self.journal.say(Level::Warn, &format!("no syslog: {error}")),
            }
        }
        self.syslog.clone()
    }

    fn reopen_logs(&self) {
        self.journal.say(Level::Info, "supervisord logreopen");
        self.journal.reopen();
        for slot in &self.slots {
            [&slot.stdout, &slot.stderr].into_iter().flatten().for_each(|relay| relay.reopen());
        }
    }

    fn take_socket(&mut self, socket: Option<usize>) -> Result<(), SpawnError> {
        let Some(socket) = socket.map(|index| &mut self.sockets[index]) else { return Ok(()) };
        match socket.take() {
            Ok(Change::None) => {}
            Ok(Change::Done) => {
                self.journal.say(Level::Info, &format!("Creating socket {socket}"));
            }
            Err(error) => {
                let message = format!("Could not create FastCGI socket {socket}: {error}");
                return Err(SpawnError { kind: SpawnErrorKind::Transient, message });
            }
        }
        Ok(())
    }

    fn give_back(&mut self, socket: Option<usize>) {
        if let Some(socket) = socket.map(|index| &mut self.sockets[index])
            && socket.give_back() == Change::Done
        {
            self.journal.say(Level::Info, &format!("Closing socket {socket}"));
        }
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

fn slots(spec: &Spec, sockets: &[SharedSocket]) -> Vec<Slot> {
    let members = |group: &spec::GroupSpec| {
        let name = group.name.clone();
        group.processes.clone().into_iter().map(move |process| Slot {
            name: process.name,
            group: name.clone(),
            socket: process
                .launch
                .socket
                .as_ref()
                .and_then(|wanted| sockets.iter().position(|socket| socket.spec == *wanted)),
            launch: process.launch,
            killtree: process.killtree,
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
