//! The core against a hostile kernel, twenty thousand times.
//!
//! The kernel reuses pids at once, lets processes die whenever it likes, answers late
//! and in any order, lets SIGKILL take its time, and orphans children. Whatever it
//! does: nobody is signalled who isn't ours, nothing is started after a request to
//! stop, deadlines lie in the future, and the end comes, only when nobody is left.
//!
//! `SEED=n cargo test -p supervisor-core --test simulation` repeats one run.

#![expect(clippy::unwrap_used, reason = "a simulation that fails is a failed test")]

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::ids::{Member, Pid, ProcId, RunId};
use supervisor_core::input::{Exit, SpawnError, SpawnErrorKind};
use supervisor_core::line::Line;
use supervisor_core::signal::Signal;
use supervisor_core::spec::{
    Autorestart, Command, GroupSpec, HealthSpec, Launch, ProcessSpec, RetryRule, SignalRule, Sink,
    Spec, Stdio, WhenDone,
};
use supervisor_core::time::{Mono, Now, Wall};
use supervisor_core::{Effect, Input, Supervisor, Target};

#[test]
fn whatever_the_kernel_does_the_promises_hold() {
    let chosen = std::env::vars().find(|(name, _)| name == "SEED");
    let seeds = chosen.map_or(0..20_000, |(_, seed)| {
        let seed = seed.parse().unwrap();
        seed..seed + 1
    });
    for seed in seeds {
        Kernel::new(seed).play();
    }
}

/// Steps in which anything may happen; then a stop is asked for.
const CHAOS: usize = 60;

/// Steps in which everything must have ended after that.
const PATIENCE: usize = 2_000;

/// Ticks at one moment after which nothing may be due any more.
const DUE_TICKS: usize = 4;

struct Kernel {
    seed: u64,
    random: u64,
    core: Supervisor,
    now: Mono,
    /// Living processes, and those that have ended and were not reaped yet.
    table: BTreeMap<i32, Entry>,
    starts: u64,
    /// Answers that the core waits for.
    owed: Vec<Owed>,
    asked_to_stop: bool,
    ended: bool,
    due_ticks: usize,
    log: Vec<String>,
}

#[derive(Clone, Debug)]
struct Entry {
    proc: ProcId,
    start: u64,
    main: bool,
    stubborn: bool,
    /// It got this signal, which takes effect at some time.
    fate: Option<Signal>,
    dead: Option<Exit>,
}

#[derive(Clone, Copy, Debug)]
enum Owed {
    Spawn(ProcId, RunId),
    Census(ProcId, RunId),
}

impl Kernel {
    fn new(seed: u64) -> Self {
        let mut kernel = Self {
            seed,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            core: Supervisor::new(Spec {
                groups: Vec::new(),
                signals: SignalRule::StopOrForward,
                when_done: WhenDone::Stay,
                prestop_delay: Duration::ZERO,
            }),
            now: Mono::ZERO,
            table: BTreeMap::new(),
            starts: 0,
            owed: Vec::new(),
            asked_to_stop: false,
            ended: false,
            due_ticks: 0,
            log: Vec::new(),
        };
        let spec = kernel.spec();
        kernel.core = Supervisor::new(spec);
        kernel
    }

    fn play(mut self) {
        self.give(Input::Boot);
        for _ in 0..CHAOS {
            if self.ended {
                return;
            }
            self.step();
        }
        self.stop();
        for _ in 0..PATIENCE {
            if self.ended {
                return;
            }
            self.step();
        }
        self.fail("it does not end");
    }

    /// One thing that can happen at this moment.
    fn step(&mut self) {
        match self.below(12) {
            0..=2 if !self.owed.is_empty() => self.answer(),
            3 | 4 => self.reap(),
            5 => self.fate(),
            6 if self.below(3) == 0 => self.die(),
            7 if self.below(2) == 0 => self.orphan(),
            8 if self.below(15) == 0 => self.stop(),
            9 if self.below(4) == 0 => {
                let signal = [Signal::HUP, Signal::USR1, Signal::WINCH][self.below(3)];
                self.give(Input::Signalled(signal));
            }
            10 => self.wait(),
            _ => self.give(Input::Tick),
        }
    }

    fn stop(&mut self) {
        self.asked_to_stop = true;
        self.give(Input::Signalled(Signal::TERM));
    }

    /// Answers something that was asked, not always the oldest.
    fn answer(&mut self) {
        let which = self.below(self.owed.len());
        match self.owed.remove(which) {
            Owed::Spawn(proc, run) if self.below(6) == 0 => {
                let kind = [SpawnErrorKind::Transient, SpawnErrorKind::NotFound][self.below(2)];
                let error = SpawnError { kind, message: "no".to_owned() };
                self.give(Input::SpawnFailed { proc, run, error });
            }
            Owed::Spawn(proc, run) => {
                let pid = self.born(proc, true);
                // It may be dead before anybody looks.
                if self.below(4) == 0 {
                    self.table.get_mut(&pid).unwrap().dead = Some(Exit::Code(1));
                }
                self.give(Input::Spawned { proc, run, pid: Pid(pid) });
            }
            Owed::Census(proc, run) => {
                let members = self
                    .table
                    .iter()
                    .filter(|(_, entry)| entry.proc == proc && !entry.main && entry.dead.is_none());
                let members =
                    members.map(|(pid, entry)| Member { pid: Pid(*pid), start: entry.start });
                let members = members.collect();
                self.give(Input::Census { proc, run, members });
            }
        }
    }

    /// Buries somebody; the pid is free at once.
    fn reap(&mut self) {
        let dead: Vec<i32> = self
            .table
            .iter()
            .filter(|(_, entry)| entry.dead.is_some())
            .map(|(pid, _)| *pid)
            .collect();
        if let Some(pid) = self.one_of(&dead) {
            let exit = self.table.remove(&pid).unwrap().dead.unwrap();
            self.give(Input::Reaped { pid: Pid(pid), exit, oom: false });
        }
    }

    /// Lets a signal have its effect.
    fn fate(&mut self) {
        let marked: Vec<i32> = self
            .table
            .iter()
            .filter(|(_, entry)| entry.fate.is_some())
            .map(|(pid, _)| *pid)
            .collect();
        if let Some(pid) = self.one_of(&marked) {
            let entry = self.table.get_mut(&pid).unwrap();
            let signal = entry.fate.take().unwrap();
            if entry.dead.is_none() && !(entry.stubborn && signal != Signal::KILL) {
                entry.dead = Some(Exit::Signal { signal, core_dumped: false });
            }
        }
    }

    /// Somebody dies unasked.
    fn die(&mut self) {
        let living = self.living();
        if let Some(pid) = self.one_of(&living) {
            let code = [0, 1, 7][self.below(3)];
            self.table.get_mut(&pid).unwrap().dead = Some(Exit::Code(code));
        }
    }

    /// A living process has a child, which stays in the tree whatever happens to it.
    fn orphan(&mut self) {
        let living = self.living();
        if let Some(parent) = self.one_of(&living) {
            let proc = self.table[&parent].proc;
            self.born(proc, false);
        }
    }

    /// Time passes, often exactly to the deadline.
    fn wait(&mut self) {
        let step = Duration::from_millis(self.below(3_000) as u64);
        self.now = match self.core.next_deadline() {
            Some(deadline) if self.below(2) == 0 => deadline.max(self.now),
            _ => self.now + step,
        };
        // Exits come before time, as in the real loop.
        while self.table.values().any(|entry| entry.dead.is_some()) && !self.ended {
            self.reap();
        }
        self.give(Input::Tick);
    }

    fn give(&mut self, input: Input) {
        if self.ended {
            return;
        }
        let tick = input == Input::Tick;
        self.log.push(format!("{} {input:?}", self.now));
        for effect in self.core.handle(Now::new(self.now, Wall::default()), input) {
            self.log.push(format!("    {effect:?}"));
            self.carry_out(effect);
        }
        let due = tick && self.core.next_deadline().is_some_and(|at| at <= self.now);
        self.due_ticks = if due { self.due_ticks + 1 } else { 0 };
        match self.due_ticks {
            0 => {}
            // One tick may set a deadline that is due at once: a stop that waits for nothing.
            1..=DUE_TICKS => self.give(Input::Tick),
            _ => self.fail("a deadline stays due: the loop would spin"),
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn { proc, run } => {
                if self.asked_to_stop {
                    self.fail("something is started after a request to stop");
                }
                let mut others = self.table.values().filter(|entry| entry.proc == proc);
                if others.any(|entry| entry.main || entry.dead.is_none()) {
                    self.fail("a second copy is started beside the first or its leftovers");
                }
                self.owed.push(Owed::Spawn(proc, run));
            }
            Effect::Census { proc, run } => self.owed.push(Owed::Census(proc, run)),
            Effect::Signal { target: Target::Process(pid) | Target::Group(pid), signal } => {
                let main = self.table.get_mut(&pid.0).filter(|entry| entry.main);
                match main {
                    Some(entry) => doom(entry, signal),
                    None => self.fail("a stranger is signalled"),
                }
            }
            Effect::Signal { target: Target::Member(member), signal } => {
                // Who has another start time is spared by the world.
                let entry = self.table.get_mut(&member.pid.0);
                if let Some(entry) = entry.filter(|entry| entry.start == member.start) {
                    doom(entry, signal);
                }
            }
            Effect::KillTree { proc } => {
                for entry in self.table.values_mut().filter(|entry| entry.proc == proc) {
                    doom(entry, Signal::KILL);
                }
            }
            Effect::Check { .. }
            | Effect::LookAtProgress { .. }
            | Effect::CountTree { .. }
            | Effect::Collect { .. }
            | Effect::Tidy { .. } => self.fail("nobody asked for that"),
            Effect::Log(Line::Bug { what }) => self.fail(&what),
            Effect::Log(_)
            | Effect::Emit(_)
            | Effect::Report(_)
            | Effect::AddGroup { .. }
            | Effect::RemoveGroup { .. }
            | Effect::Tell { .. }
            | Effect::Reply { .. }
            | Effect::ReopenLogs => {}
            Effect::Exit { .. } | Effect::Restart | Effect::Proceed => {
                self.ended = true;
                // SIGKILL may take longer here than the core's patience: then it says so.
                let given_up = self.log.iter().any(|line| line.contains("Unkillable"));
                if !self.living().is_empty() && !given_up {
                    self.fail("it ends and somebody is left");
                }
            }
        }
    }

    fn born(&mut self, proc: ProcId, main: bool) -> i32 {
        let pid = (100..).find(|pid| !self.table.contains_key(pid)).unwrap();
        self.starts += 1;
        let stubborn = self.below(3) == 0;
        let entry = Entry { proc, start: self.starts, main, stubborn, fate: None, dead: None };
        self.table.insert(pid, entry);
        pid
    }

    fn living(&self) -> Vec<i32> {
        self.table.iter().filter(|(_, entry)| entry.dead.is_none()).map(|(pid, _)| *pid).collect()
    }

    fn one_of(&mut self, pids: &[i32]) -> Option<i32> {
        if pids.is_empty() { None } else { Some(pids[self.below(pids.len())]) }
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 33).unwrap() % end
    }

    fn spec(&mut self) -> Spec {
        let processes = 1 + self.below(3);
        let groups = (0..processes).map(|number| {
            let process = self.process(number);
            let name = process.name.clone();
            GroupSpec { name, priority: 999, processes: vec![Rc::new(process)], pool: None }
        });
        let groups = groups.collect();
        let (signals, when_done) = [
            (SignalRule::StopOrForward, WhenDone::Exit),
            (SignalRule::StopOrForward, WhenDone::Stay),
            (SignalRule::Supervisord, WhenDone::Stay),
            (
                SignalRule::StopOrForward,
                WhenDone::Proceed { within: Duration::from_secs(self.below(40) as u64) },
            ),
        ][self.below(4)];
        Spec { groups, signals, when_done, prestop_delay: Duration::ZERO }
    }

    fn process(&mut self, number: usize) -> ProcessSpec {
        let name = format!("p{number}");
        let consecutive = RetryRule::Consecutive { reset_after: Duration::from_secs(5) };
        let rules = [Autorestart::Always, Autorestart::Unexpected, Autorestart::Never];
        ProcessSpec {
            name: name.clone(),
            priority: 999,
            autostart: self.below(8) > 0,
            startsecs: Duration::from_secs(self.below(3) as u64),
            startretries: u32::try_from(self.below(4)).unwrap(),
            autorestart: rules[self.below(3)],
            exitcodes: vec![0],
            stopsignal: Signal::TERM,
            stopwaitsecs: Duration::from_secs(self.below(5) as u64),
            stopasgroup: self.below(2) == 0,
            killasgroup: self.below(2) == 0,
            retry: [RetryRule::FailedStarts, consecutive][self.below(2)],
            essential: self.below(2) == 0,
            // Without it leftovers would stay, which is what supervisord does.
            killtree: true,
            tidy: None,
            health: HealthSpec::default(),
            launch: Launch {
                command: Command::Argv(vec![name.clone().into()]),
                environment: Vec::new(),
                directory: None,
                umask: None,
                user: None,
                stdio: Stdio::Captured { stdout: Sink::Discard.into(), stderr: None },
                shown: name,
                serverurl: None,
                socket: None,
                die_with_supervisor: true,
            },
        }
    }

    fn fail(&self, what: &str) -> ! {
        panic!("SEED={}: {what}\n{}", self.seed, self.log.join("\n"));
    }
}

/// SIGKILL outdoes what came before it.
fn doom(entry: &mut Entry, signal: Signal) {
    if signal == Signal::KILL || entry.fate.is_none() {
        entry.fate = Some(signal);
    }
}
