//! Carries out the decisions of the core. This module decides nothing.

mod awaited;
mod ends;
mod events;
mod files;
mod groups;
mod health;
mod logs;
mod output;
mod starts;
mod trees;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::{Rc, Weak};

use serde_json::Value as Json;
use supervisor_config::Crash;
use supervisor_core::Answer;
use supervisor_core::Effect;
use supervisor_core::Observed;
use supervisor_core::PerProcess;
use supervisor_core::command::CommandResult;
use supervisor_core::ids::{Member, Pid, ProcId, RequestId, RunId};
use supervisor_core::input::{Circumstances, Exit, Input};
use supervisor_core::spec::{self, GroupSpec, HookSpec, ProcessSpec, User};
use supervisor_sys::io::stdin::Stdin;
use supervisor_sys::process::cgroup::{self, Cgroup};
use supervisor_sys::process::job;
use supervisor_sys::process::memory;
use supervisor_sys::process::readers::Readers;
use supervisor_sys::process::reap::Ended;
use supervisor_sys::process::reserve::Reserve;
use tokio::sync::{broadcast, oneshot};

use crate::capture::auto_log::AutoLogs;
use crate::capture::journal::Journal;
use crate::capture::relay::Relay;
use crate::capture::sink::Sink;
use crate::capture::syslog::Syslog;
use crate::capture::syslog_server::SyslogServer;
use crate::crash::Crashes;
use crate::descendants::{Descendants, Room};
use crate::gpu::Gpus;
use crate::health::{Checker, Job, Meant, Notify, Questions};
use crate::helpers::Helpers;
use crate::hooks::{self, Errand, Hooks};
use crate::inbox::Inbox;
use crate::launch::{Environment, Launcher};
use crate::shared_socket::SharedSocket;
use crate::tree::Roster;
use ends::Watch;
use files::{Files, SharedMemory};

/// The number of events that are kept for a slow observer. After that, it misses the oldest.
const OBSERVERS_ROOM: usize = 256;

/// The handling of the output of all programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handling {
    /// Terminal control sequences are removed.
    pub strip_ansi: bool,
    /// The output is repeated in the supervisor's log, if the log level includes it.
    pub echo: bool,
    /// The end of the output is kept for reports of runs that exit unexpectedly.
    pub remember: bool,
    /// The latest output is kept in memory if no file contains it.
    pub recent: bool,
}

/// The outcome of a supervisor run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The supervisor exits with this exit code.
    Exit(u8),
    /// The preparation is complete: the next stage starts.
    Proceed,
    /// The supervisor reads its configuration again and starts again.
    Restart,
}

/// The specification of a removed process, and the sinks of its streams.
type RemovedLogs = (Weak<ProcessSpec>, [Option<spec::Sink>; 2]);

/// The operating system's side of one process: its streams, socket, cgroup and files.
#[derive(Debug)]
struct Slot {
    group: Rc<GroupSpec>,
    spec: Rc<ProcessSpec>,
    /// The sinks of stdout and stderr, once they are known.
    sinks: [Option<spec::Sink>; 2],
    /// The shared socket, as an index into [`World::sockets`].
    socket: Option<usize>,
    stdout: Option<Rc<Relay>>,
    stderr: Option<Rc<Relay>>,
    stdin: Option<Rc<Stdin>>,
    /// The number of writes to its stdin that were rejected because the buffer was full.
    stdin_refused: Cell<u64>,
    cgroup: Option<Cgroup>,
    /// The socket that receives its notifications.
    notify: Option<Rc<Notify>>,
    /// The state of the command that checks its health.
    checker: Rc<Checker>,
    /// The latest main process, and whether it is not yet reaped.
    main: Option<(Pid, bool)>,
    watch: Watch,
    /// The descendants whose exit the supervisor waits for.
    descendants: Rc<Descendants>,
    files: Files,
    /// The processes of its tree that matched in the last count.
    counted: Rc<RefCell<Meant>>,
}

impl Slot {
    /// The name that operators use.
    fn full_name(&self) -> String {
        let (group, name) = (&self.group.name, &self.spec.name);
        if group == name { name.clone() } else { format!("{group}:{name}") }
    }
}

/// The parts of a [`World`].
#[derive(Debug)]
pub struct Parts {
    /// The roster that maps processes to programs.
    pub roster: Rc<Roster>,
    /// The environment that programs inherit.
    pub environment: Environment,
    /// A variable in the environment of the main program identifies this supervisor.
    pub keeps_command: bool,
    /// The handling of output.
    pub handling: Handling,
    /// The directory and names of logs with the name AUTO.
    pub auto_logs: AutoLogs,
    /// The name that events carry.
    pub identifier: String,
    /// The settings for crash reports.
    pub crash: Crash,
    /// The hooks, which send notifications.
    pub hooks: Vec<Rc<HookSpec>>,
    /// The supervisor's own log.
    pub journal: Rc<Journal>,
}

/// Everything that effects act on.
#[derive(Debug)]
pub struct World {
    parts: Parts,
    slots: PerProcess<Slot>,
    sockets: Vec<SharedSocket>,
    /// Sockets that reaped processes had.
    freed: Vec<usize>,
    syslog: Option<Rc<Syslog>>,
    syslog_servers: Vec<Rc<SyslogServer>>,
    /// The directory in which cgroups for programs can be created.
    cgroups: Option<PathBuf>,
    stdout: Rc<Sink>,
    stderr: Rc<Sink>,
    /// The log files. Outputs to the same file share one sink, which rotates the file for all of
    /// them.
    files: RefCell<BTreeMap<Rc<spec::LogFile>, Weak<Sink>>>,
    /// The log files with automatic names of removed processes that may be added again.
    removed_logs: Vec<RemovedLogs>,
    /// The relays that carry the lines of the supervisor's own log.
    voices: Vec<Rc<Relay>>,
    /// Prints listeners' responses that are output to the supervisor's stdout; opened at first use.
    printer: OnceCell<Journal>,
    /// Relays that no task runs yet.
    new_relays: Vec<Rc<Relay>>,
    /// The queue of inputs other than signals, exits and time.
    inbox: Rc<Inbox>,
    launcher: Rc<Launcher>,
    helpers: Rc<Helpers>,
    questions: Questions,
    /// Limits the number of descendants that are watched, for all programs together.
    room: Room,
    readers: Rc<Readers>,
    reserve: Rc<Reserve>,
    /// The processes that were logged last as belonging to no known program.
    told_unknown: Rc<RefCell<BTreeSet<Member>>>,
    crashes: Rc<Crashes>,
    hooks: Rc<Hooks>,
    gpus: Rc<Gpus>,
    shared_memory: SharedMemory,
    /// The processes that started since the last call of [`World::record_run_baseline`].
    begun: Vec<ProcId>,
    /// The memory cgroup that the supervisor runs in.
    memory: memory::Ours,
    /// Answers to effects. The driver takes them before any other input.
    answers: VecDeque<Input>,
    /// The channels of the clients that wait for a reply.
    asked: BTreeMap<RequestId, oneshot::Sender<CommandResult>>,
    /// The channel of observers; opened for the first one, because its room is not small.
    observers: OnceCell<broadcast::Sender<Observed>>,
    end: Option<End>,
}

impl World {
    /// Creates a world without processes.
    pub fn new(parts: Parts) -> Self {
        let reserve = Rc::<Reserve>::default();
        let launcher = Rc::<Launcher>::default();
        let helpers = Rc::new(Helpers::new(Rc::clone(&launcher)));
        let (journal, environment) = (Rc::clone(&parts.journal), parts.environment.clone());
        let inbox = Rc::<Inbox>::default();
        let hooks =
            Hooks::new(&parts.hooks, Rc::clone(&helpers), journal, Rc::clone(&inbox), &environment);
        let gpus = Gpus::new(Rc::clone(&helpers), environment);
        let stdout = Rc::new(Sink::inherited(rustix::stdio::stdout()));
        let stderr = if Sink::are_same(rustix::stdio::stdout(), rustix::stdio::stderr()) {
            Rc::clone(&stdout)
        } else {
            Rc::new(Sink::inherited(rustix::stdio::stderr()))
        };
        Self {
            slots: PerProcess::default(),
            sockets: Vec::new(),
            freed: Vec::new(),
            syslog: None,
            syslog_servers: Vec::new(),
            cgroups: cgroup::own(),
            stdout,
            stderr,
            files: RefCell::default(),
            removed_logs: Vec::new(),
            voices: Vec::new(),
            printer: OnceCell::new(),
            new_relays: Vec::new(),
            inbox,
            hooks,
            helpers,
            launcher,
            questions: Questions::default(),
            room: Room::default(),
            readers: Rc::new(Readers::new(Rc::clone(&reserve))),
            reserve,
            told_unknown: Rc::default(),
            gpus,
            crashes: Crashes::new(parts.crash.clone(), Rc::clone(&parts.journal)),
            shared_memory: SharedMemory::new(Rc::clone(&parts.journal)),
            begun: Vec::new(),
            memory: memory::Ours::default(),
            answers: VecDeque::new(),
            asked: BTreeMap::new(),
            observers: OnceCell::new(),
            end: None,
            parts,
        }
    }

    /// Keeps descriptors for when there are no others.
    pub fn fill_reserve(&self) {
        self.reserve.fill();
    }

    /// Adds a relay that carries the journal's lines from `pipe` to `sink`.
    pub fn add_voice(&mut self, pipe: OwnedFd, sink: &spec::Sink) {
        let voice = Relay::for_journal(self.sink(sink));
        voice.add(pipe, None);
        self.new_relays.push(Rc::clone(&voice));
        self.voices.push(voice);
    }

    /// Closes the printer: no further output of listeners is printed.
    pub(crate) fn finish_printing(&self) {
        if let Some(printer) = self.printer.get() {
            printer.close();
        }
    }

    /// The queue of inputs that the loop passes to the core.
    pub(crate) fn inbox(&self) -> Rc<Inbox> {
        Rc::clone(&self.inbox)
    }

    /// Carries out one effect.
    pub(crate) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn { proc, run } => {
                let answer = match self.spawn(proc) {
                    Ok(pid) => Input::answer(proc, run, Answer::Spawned { pid }),
                    Err(error) => Input::answer(proc, run, Answer::SpawnFailed(error)),
                };
                self.answers.push_back(answer);
            }
            Effect::Signal { target, signal } => self.signal(&target, signal),
            Effect::Suspend { pid } => job::suspend_with(pid),
            Effect::Resume { pid } => job::resume(pid),
            Effect::Census { proc, run } => self.census(proc, run),
            Effect::AwaitEnd { proc, run, members } => self.await_end(proc, run, members),
            Effect::KillTree { proc } => {
                let cgroup = self.slots.get(&proc).and_then(|slot| slot.cgroup.as_ref());
                // If the kernel does not support this, each member still gets its own signal.
                let _ = cgroup.map(|cgroup| self.reserve.with_room(|| cgroup.kill()));
            }
            Effect::Check { proc, run, find_listener } => self.check(proc, run, find_listener),
            Effect::LookAtProgress { proc, run } => self.look_at_progress(proc, run),
            Effect::LookAtLoad { proc, run } => self.look_at_load(proc, run),
            Effect::CountTree { proc, run } => self.count_tree(proc, run),
            Effect::MeasureMemory { proc, run } => self.measure_memory(proc, run),
            Effect::LookAtOutput { proc, run } => {
                let block = self.slots.get(&proc).and_then(Slot::block);
                self.answers.push_back(Input::answer(proc, run, Answer::OutputSeen(block)));
            }
            Effect::Collect { proc, run, unhealthy } => self.collect(proc, run, unhealthy),
            Effect::Connect { proc, run } => self.connect_targets(proc, run),
            Effect::LookAtFiles { proc, run: _ } => self.look_at_files(proc),
            Effect::Tidy { proc, run, occasion } => self.tidy(proc, run, occasion),
            Effect::LookAtDevices { proc, run, users } => self.look_at_devices(proc, run, users),
            Effect::LookAtPort { proc, run, port, after, within } => {
                self.look_at_port(proc, run, port, after, within);
            }
            Effect::Report(run) => self.report(*run),
            Effect::Log(line) => self.parts.journal.line(&line),
            Effect::Emit(event) => self.emit(&event),
            Effect::Notice(notice) => self.show(Observed::Notice(notice)),
            Effect::Tell { proc, envelope } => self.tell(proc, &envelope),
            Effect::Deliver { delivery, alert, dropped, within } => {
                let user = alert.about.process().and_then(|process| self.user_of(process.proc));
                let report = self.crashes.find(|report| hooks::is_about(&alert, report));
                self.deliver(Errand { user, report, delivery, alert, dropped, within });
            }
            Effect::Print { data } => self.print(&data),
            Effect::Reply { id, result } => self.reply(id, result),
            Effect::AddGroup { group, first } => self.add_group(&group, first),
            Effect::RemoveProcesses { procs } => self.remove_processes(&procs),
            Effect::UpdateGroup { group, procs } => self.update_group(&group, &procs),
            Effect::ReopenLogs => self.reopen_logs(),
            Effect::Exit { code } => {
                self.crashes.end(code);
                self.ends(End::Exit(code));
            }
            Effect::Restart => self.ends(End::Restart),
            Effect::Proceed => self.ends(End::Proceed),
        }
    }

    fn reply(&mut self, id: RequestId, result: CommandResult) {
        if let Some(asked) = self.asked.remove(&id) {
            // Sending fails if the client no longer waits; it needs no reply then.
            let _ = asked.send(result);
        }
    }

    fn ends(&mut self, end: End) {
        let checks = |slot: &Slot| slot.spec.health.check.is_some();
        if self.slots.values().any(checks) {
            self.strays().end_all();
        }
        self.end = Some(end);
    }

    /// Takes the oldest answer to an effect that was carried out.
    pub(crate) fn next_answer(&mut self) -> Option<Input> {
        self.answers.pop_front()
    }

    /// Reaps the next child that has exited. Its last output is read first.
    pub(crate) fn next_reaped(&mut self) -> Option<Input> {
        let main_of = |pid| {
            self.slots.iter().find(|(_, slot)| slot.main == Some((pid, true))).map(|of| *of.0)
        };
        let (ended, death) = self.helpers.next_other(|pid, exit| {
            let orphan = main_of(pid).is_none() && exit != Exit::Code(0);
            orphan.then(|| self.death_of_orphan(pid, exit)).flatten()
        })?;
        let Ended { pid, exit, .. } = ended;
        let Some(proc) = main_of(pid) else {
            self.answers.extend(death);
            self.examine_orphan(&ended);
            return Some(Input::Reaped { pid, exit, found: Circumstances::default() });
        };
        self.tell_deaths_before(proc, pid);
        let found = self.examine(proc, &ended);
        self.questions.forget(proc);
        if let Some(slot) = self.slots.get_mut(&proc) {
            slot.main = Some((pid, false));
            slot.stdin = None;
            self.freed.extend(slot.socket);
            for relay in [&slot.stdout, &slot.stderr].into_iter().flatten() {
                relay.pump(pid);
                for voice in &self.voices {
                    voice.follow(relay);
                }
            }
        }
        Some(Input::Reaped { pid, exit, found })
    }

    /// The next program that shares the supervisor's terminal and was suspended (not terminated).
    pub(crate) fn next_suspended(&mut self) -> Option<Input> {
        let inherits = |slot: &Slot| matches!(slot.spec.launch.stdio, spec::Stdio::Inherited);
        if !self.slots.values().any(inherits) {
            return None;
        }
        job::next_stopped().map(|(pid, job)| Input::Suspended { pid, job })
    }

    /// Releases the shared sockets of reaped processes. Call it after the core has handled the
    /// exit: if another process has started in its place, the shared socket stays open for that
    /// process.
    pub(crate) fn release_sockets(&mut self) {
        for socket in std::mem::take(&mut self.freed) {
            self.give_back(Some(socket));
        }
    }

    /// The outcome of the supervisor's run, once the core has ordered it.
    pub(crate) const fn end(&self) -> Option<End> {
        self.end
    }

    /// Takes the new relays, which the driver then runs.
    pub(crate) fn take_new_relays(&mut self) -> Vec<Rc<Relay>> {
        std::mem::take(&mut self.new_relays)
    }

    /// Takes the new jobs, which the driver then runs in its event loop.
    pub(crate) fn take_jobs(&mut self) -> Vec<Job> {
        self.questions.take_jobs()
    }

    /// Registers a request. The returned channel receives its result.
    pub(crate) fn expect(&mut self, id: RequestId) -> oneshot::Receiver<CommandResult> {
        let (asked, answer) = oneshot::channel();
        self.asked.insert(id, asked);
        answer
    }

    /// Forgets a request because its client no longer waits for the result.
    pub(crate) fn forget(&mut self, id: RequestId) {
        self.asked.remove(&id);
    }

    /// The latest crash reports of a process, the oldest first, in the format of the report
    /// files.
    pub fn crash_reports(&self, proc: ProcId) -> Vec<(RunId, Json)> {
        let recent = self.crashes.recent().into_iter();
        let of_proc = recent.filter(|report| report.run.process.proc == proc);
        of_proc.map(|report| (report.run.run, report.json())).collect()
    }

    fn deliver(&mut self, errand: Errand) {
        let hooks = Rc::clone(&self.hooks);
        self.questions.do_beside(hooks.deliver(errand));
    }

    /// The user as which a process runs, if it is not the supervisor's own.
    fn user_of(&self, proc: ProcId) -> Option<User> {
        self.slots.get(&proc)?.spec.launch.user.clone()
    }
}
