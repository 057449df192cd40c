//! Carries out what the core decided. Nothing in here decides.

mod health;
mod logs;
mod output;

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;

use supervisor_core::command::{Refusal, Reply};
use supervisor_core::event::Event;
use supervisor_core::ids::{Member, Pid, ProcId, RequestId, RunId};
use supervisor_core::input::{Input, SpawnError, SpawnErrorKind};
use supervisor_core::level::Level;
use supervisor_core::signal::Signal;
use supervisor_core::spec::{self, GroupSpec, ProcessSpec, Stdio};
use supervisor_core::{Effect, Envelope, Target};
use tokio::sync::{broadcast, oneshot};

use crate::capture::auto_log::AutoLogs;
use crate::capture::journal::Journal;
use crate::capture::relay::Relay;
use crate::capture::sink::Sink;
use crate::capture::syslog::Syslog;
use crate::cgroup::{self, Cgroup};
use crate::events;
use crate::health::{Job, Notify, Questions};
use crate::helpers::Helpers;
use crate::inbox::Inbox;
use crate::launch::{Environment, Launched, launch, set};
use crate::lookup;
use crate::shared_socket::{Change, SharedSocket};
use crate::stdin::{CannotWrite, Stdin};
use crate::sys::process_table::Family;
use crate::sys::reap::{self, Ended};
use crate::sys::signal;
use crate::tree::{MARK, Root, Roster};

/// Events that an observer may be late by, before it misses some.
const OBSERVERS_ROOM: usize = 256;

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
    /// With what was prepared here.
    Proceed,
    /// With a new beginning.
    Restart,
}

/// What came of a request.
pub(crate) type Answer = Result<Reply, Refusal>;

/// The outside of one process.
#[derive(Debug)]
struct Slot {
    group: Rc<GroupSpec>,
    spec: Rc<ProcessSpec>,
    /// Where the streams go, once that has been found out.
    sinks: [Option<spec::Sink>; 2],
    /// The socket that it shares, as a place in [`World::sockets`].
    socket: Option<usize>,
    stdout: Option<Rc<Relay>>,
    stderr: Option<Rc<Relay>>,
    stdin: Option<Rc<Stdin>>,
    cgroup: Option<Cgroup>,
    /// Where it tells of itself.
    notify: Option<Rc<Notify>>,
    /// The command that checked it last.
    checker: Rc<Cell<Option<Pid>>>,
    /// The latest main process, and whether it has not been reaped yet.
    main: Option<(Pid, bool)>,
}

/// What a [`World`] is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) roster: Roster,
    pub(crate) environment: Environment,
    pub(crate) handling: Handling,
    pub(crate) auto_logs: AutoLogs,
    /// The name that events carry.
    pub(crate) identifier: String,
    pub(crate) journal: Rc<Journal>,
}

/// Everything that effects act on.
#[derive(Debug)]
pub(crate) struct World {
    parts: Parts,
    slots: BTreeMap<ProcId, Slot>,
    sockets: Vec<SharedSocket>,
    /// Sockets that reaped processes had.
    freed: Vec<usize>,
    syslog: Option<Rc<Syslog>>,
    /// Where cgroups for programs can be made.
    cgroups: Option<PathBuf>,
    stdout: Rc<Sink>,
    stderr: Rc<Sink>,
    /// Relays of the journal.
    voices: Vec<Rc<Relay>>,
    /// Relays that nobody runs yet.
    new_relays: Vec<Rc<Relay>>,
    /// What has happened besides.
    inbox: Rc<Inbox>,
    helpers: Rc<Helpers>,
    questions: Questions,
    /// Answers to effects, to be taken before anything else that happens.
    answers: VecDeque<Input>,
    /// Who waits for a reply.
    asked: BTreeMap<RequestId, oneshot::Sender<Answer>>,
    observers: broadcast::Sender<Rc<Event>>,
    end: Option<End>,
}

impl World {
    /// A world in which there are no processes yet.
    pub(crate) fn new(parts: Parts) -> Self {
        let stdout = Rc::new(Sink::inherited(rustix::stdio::stdout()));
        let stderr = if Sink::are_same(rustix::stdio::stdout(), rustix::stdio::stderr()) {
            Rc::clone(&stdout)
        } else {
            Rc::new(Sink::inherited(rustix::stdio::stderr()))
        };
        Self {
            parts,
            slots: BTreeMap::new(),
            sockets: Vec::new(),
            freed: Vec::new(),
            syslog: None,
            cgroups: cgroup::own(),
            stdout,
            stderr,
            voices: Vec::new(),
            new_relays: Vec::new(),
            inbox: Rc::default(),
            helpers: Rc::default(),
            questions: Questions::default(),
            answers: VecDeque::new(),
            asked: BTreeMap::new(),
            observers: broadcast::Sender::new(OBSERVERS_ROOM),
            end: None,
        }
    }

    /// Lets the journal's lines, which come through `pipe`, come out here.
    pub(crate) fn add_voice(&mut self, pipe: OwnedFd, sink: &spec::Sink) {
        let voice = Relay::for_journal(self.sink(sink));
        voice.add(pipe, None);
        self.new_relays.push(Rc::clone(&voice));
        self.voices.push(voice);
    }

    /// Where it is told what happens.
    pub(crate) fn inbox(&self) -> Rc<Inbox> {
        Rc::clone(&self.inbox)
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
                let cgroup = self.slots.get(&proc).and_then(|slot| slot.cgroup.as_ref());
                // Where this is not to be had, each member gets its own signal anyway.
                let _ = cgroup.map(Cgroup::kill);
            }
            Effect::Check { proc, run } => self.check(proc, run),
            Effect::LookAtProgress { proc, run } => self.look_at_progress(proc, run),
            Effect::CountTree { proc, run } => self.count_tree(proc, run),
            Effect::Collect { proc, run, .. } => {
                self.answers.push_back(Input::Collected { proc, run });
            }
            Effect::Tidy { proc, run } => self.answers.push_back(Input::Tidied { proc, run }),
            Effect::Report(_) => {}
            Effect::Log(line) => self.parts.journal.line(&line),
            Effect::Emit(event) => self.emit(&event),
            Effect::Tell { proc, envelope } => self.tell(proc, &envelope),
            Effect::Reply { id, result } => {
                if let Some(asked) = self.asked.remove(&id) {
                    // Who has gone doesn't need it.
                    let _ = asked.send(result);
                }
            }
            Effect::AddGroup { group, first } => self.add_group(&group, first),
            Effect::RemoveGroup { procs } => self.remove_group(&procs),
            Effect::ReopenLogs => self.reopen_logs(),
            Effect::Exit { code } => self.end = Some(End::Exit(code)),
            Effect::Restart => self.end = Some(End::Restart),
            Effect::Proceed => self.end = Some(End::Proceed),
        }
    }

    /// The answer to an effect that was carried out before.
    pub(crate) fn next_answer(&mut self) -> Option<Input> {
        self.answers.pop_front()
    }

    /// The next child that has ended. What it wrote is on its way before this is told.
    pub(crate) fn next_reaped(&mut self) -> Option<Input> {
        let Ended { pid, exit, .. } = loop {
            let ended = reap::next()?;
            if !self.helpers.reaped(ended.pid, ended.exit) {
                break ended;
            }
        };
        let slot = self.slots.iter_mut().find(|(_, slot)| slot.main == Some((pid, true)));
        if let Some((proc, slot)) = slot {
            self.questions.forget(*proc);
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
        Some(Input::Reaped { pid, exit, oom: false })
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

    /// What has to be done in the event loop from now on.
    pub(crate) fn take_jobs(&mut self) -> Vec<Job> {
        self.questions.take_jobs()
    }

    /// Who is to be told what comes of this request.
    pub(crate) fn expect(&mut self, id: RequestId) -> oneshot::Receiver<Answer> {
        let (asked, answer) = oneshot::channel();
        self.asked.insert(id, asked);
        answer
    }

    /// Nobody is to be told any more.
    pub(crate) fn forget(&mut self, id: RequestId) {
        self.asked.remove(&id);
    }

    /// Tells of all that happens from now on.
    pub(crate) fn observe(&self) -> broadcast::Receiver<Rc<Event>> {
        self.observers.subscribe()
    }

    /// Why the command of a process could not be executed, if it was started now.
    pub(crate) fn obstacle(&self, proc: ProcId) -> Option<SpawnError> {
        let launch = &self.slots.get(&proc)?.spec.launch;
        let argv = match &launch.command {
            spec::Command::Argv(argv) => argv,
            spec::Command::Unparsable(message) => {
                let (kind, message) = (SpawnErrorKind::NotExecutable, message.clone());
                return Some(SpawnError { kind, message });
            }
        };
        let of_program = launch.environment.iter().rfind(|(name, _)| name == "PATH");
        let inherited = || self.parts.environment.iter().find(|(name, _)| name == "PATH");
        let path = of_program.or_else(inherited).map(|(_, path)| path.as_os_str());
        let word = argv.first().map(|word| word.as_os_str()).unwrap_or_default();
        lookup::find(word, path, launch.directory.as_deref()).err()
    }

    /// Writes to a process's stdin. `None`: it has none.
    pub(crate) fn write_stdin(
        &self,
        proc: ProcId,
        bytes: &[u8],
    ) -> Option<Result<(), CannotWrite>> {
        let stdin = self.slots.get(&proc)?.stdin.as_ref()?;
        Some(stdin.write(bytes, || {}))
    }

    /// The roots of the trees of all programs, and whose they are.
    pub(crate) fn roots(&self, family: &Family) -> Vec<(Pid, ProcId)> {
        let mains = self.slots.iter().filter_map(|(proc, slot)| {
            let (pid, alive) = slot.main?;
            Some((pid, (*proc, alive)))
        });
        self.parts.roster.roots(family, &mains.collect())
    }

    fn add_group(&mut self, group: &Rc<GroupSpec>, first: ProcId) {
        for (number, spec) in (first.0..).zip(&group.processes) {
            let socket = spec.launch.socket.as_ref().map(|wanted| self.socket(wanted));
            let slot = Slot {
                group: Rc::clone(group),
                spec: Rc::clone(spec),
                sinks: self.sinks_of(spec),
                socket,
                stdout: None,
                stderr: None,
                stdin: None,
                cgroup: None,
                notify: None,
                checker: Rc::default(),
                main: None,
            };
            self.slots.insert(ProcId(number), slot);
        }
    }

    fn remove_group(&mut self, procs: &[ProcId]) {
        procs.iter().for_each(|proc| self.questions.forget(*proc));
        for slot in procs.iter().filter_map(|proc| self.slots.remove(proc)) {
            for relay in [slot.stdout, slot.stderr].into_iter().flatten() {
                relay.close();
            }
        }
    }

    fn socket(&mut self, wanted: &spec::Socket) -> usize {
        let known = self.sockets.iter().position(|socket| socket.spec == *wanted);
        known.unwrap_or_else(|| {
            self.sockets.push(SharedSocket::new(wanted.clone()));
            self.sockets.len() - 1
        })
    }

    fn emit(&self, event: &Rc<Event>) {
        if let Event::State { process, from, to } = &**event {
            self.parts.journal.say(Level::Trace, &events::change(process, *from, *to));
        }
        // Nobody may be there.
        let _ = self.observers.send(Rc::clone(event));
    }

    fn tell(&mut self, proc: ProcId, envelope: &Envelope) {
        let text = events::text(&self.parts.identifier, envelope);
        let serial = envelope.serial;
        let failed = Input::TellFailed { proc, serial };
        let stdin = self.slots.get(&proc).and_then(|slot| slot.stdin.as_ref());
        let (inbox, later) = (Rc::clone(&self.inbox), failed.clone());
        let told = stdin.map(|stdin| stdin.write(text.as_bytes(), move || inbox.push(later)));
        match told {
            Some(Ok(())) => {}
            None | Some(Err(CannotWrite::Closed | CannotWrite::Full)) => {
                self.answers.push_back(failed);
            }
        }
    }

    fn spawn(&mut self, proc: ProcId) -> Result<Pid, SpawnError> {
        self.connect(proc);
        let socket = self.slots.get(&proc).and_then(|slot| slot.socket);
        self.take_socket(socket)?;
        let mut environment = self.environment_of(proc);
        self.introduce_notify(proc, &mut environment);
        let Some(slot) = self.slots.get_mut(&proc) else { return Err(no_such_process()) };
        let launched = launch(
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
        Ok(pid)
    }

    /// What a program's environment is made of, besides what it asks for itself.
    fn environment_of(&mut self, proc: ProcId) -> Environment {
        let mut environment = self.parts.environment.clone();
        let Some(slot) = self.slots.get_mut(&proc) else { return environment };
        if slot.spec.killtree {
            let mark = self.parts.roster.mark(proc);
            set(&mut environment, MARK.as_ref(), mark.as_ref());
            if let (None, Some(parent)) = (&slot.cgroup, &self.cgroups) {
                slot.cgroup = Cgroup::make(parent, &format!("standard-supervisor.{mark}")).ok();
            }
        }
        if let Stdio::Captured { .. } = slot.spec.launch.stdio {
            for (name, value) in supervisord_variables(&slot.spec.name, &slot.group.name) {
                set(&mut environment, name.as_ref(), value.as_ref());
            }
        }
        environment
    }

    fn take_socket(&mut self, socket: Option<usize>) -> Result<(), SpawnError> {
        let Some(socket) = socket.map(|index| &mut self.sockets[index]) else { return Ok(()) };
        match socket.take() {
            Ok(Change::None) => {}
            Ok(Change::Done) => {
                self.parts.journal.say(Level::Info, &format!("Creating socket {socket}"));
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
            self.parts.journal.say(Level::Info, &format!("Closing socket {socket}"));
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
            self.parts.journal.say(Level::Error, &message);
        }
    }

    fn census(&mut self, proc: ProcId, run: RunId) {
        let members = self.members(proc);
        self.answers.push_back(Input::Census { proc, run, members });
    }

    /// Who lives in a process's tree, its main process left out.
    fn members(&mut self, proc: ProcId) -> Vec<Member> {
        let mut members = Vec::new();
        let slot = self.slots.get(&proc);
        if let Some((slot, (pid, alive))) = slot.and_then(|slot| Some((slot, slot.main?))) {
            let living = self.slots.values().filter_map(|slot| slot.main);
            let living = living.filter(|(_, alive)| *alive).map(|(pid, _)| pid);
            let others: Vec<Pid> = living.filter(|other| *other != pid).collect();
            let grouped = slot.cgroup.as_ref().map(Cgroup::members);
            let root = Root { proc, pid, alive };
            members = self.parts.roster.census(root, &others, &grouped.unwrap_or_default());
        }
        members
    }
}

fn no_such_process() -> SpawnError {
    let message = "there is no such process".to_owned();
    SpawnError { kind: SpawnErrorKind::NotFound, message }
}

/// What supervisord tells its children about themselves.
const fn supervisord_variables<'a>(name: &'a str, group: &'a str) -> [(&'static str, &'a str); 3] {
    [
        ("SUPERVISOR_ENABLED", "1"),
        ("SUPERVISOR_PROCESS_NAME", name),
        ("SUPERVISOR_GROUP_NAME", group),
    ]
}
