//! Random steps.

use std::time::Duration;

use supervisor_core::command::{Command, Which};
use supervisor_core::event::Channel;
use supervisor_core::health::CheckFailure;
use supervisor_core::ids::{Member, Pid, ProcId, RequestId};
use supervisor_core::input::{Exit, Job, Notification, SpawnError, SpawnErrorKind};
use supervisor_core::signal::Signal;
use supervisor_core::spec::SignalRule;
use supervisor_core::spec::start::HostPort;
use supervisor_core::{Answer, Input, Unreached};

use crate::model::process::Phase;
use crate::play::{Case, Owed};
use crate::{checks, places, specs};

/// Number of answered questions to remember.
const REMEMBERED: usize = 30;

/// Number of friendly rounds after which the system must have settled.
const ROUNDS: usize = 1200;

impl Case {
    /// Takes a random step.
    pub(crate) fn step(&mut self) {
        if self.updates && !self.ends && self.random.one_in(5) {
            return self.update_anything();
        }
        match self.random.below(24) {
            0..=4 => self.answer(),
            5 => self.answer_again(),
            6 | 7 => {
                let unreaped = self.kernel.unreaped();
                if let Some(pid) = self.random.any(&unreaped) {
                    self.reap(pid);
                }
            }
            8 | 9 => {
                let doomed = self.kernel.doomed();
                if let Some(pid) = self.random.any(&doomed) {
                    self.kernel.strike(pid, self.now);
                }
            }
            10 if self.random.one_in(2) => self.die(),
            10 if self.random.one_in(4) => self.stop(),
            11 => self.birth(),
            12 => self.signal(),
            13 | 14 if !self.ends || self.random.one_in(6) => self.order(),
            15 => self.notify(),
            16 | 17 => self.speak(),
            18 => self.write(),
            19 | 20 => self.wait(),
            21 => self.tick(),
            22 if self.random.one_in(8) => {
                let secs = self.random.secs(0, 10_000);
                let ahead = self.wall_ahead;
                self.wall_ahead =
                    if self.random.one_in(2) { ahead + secs } else { ahead.saturating_sub(secs) };
            }
            22 if self.random.one_in(6) => self.flap(),
            _ => self.now = self.now + Duration::from_millis(self.random.below(300) as u64),
        }
    }

    /// Lets a program exit right after its start several times, without leftover processes.
    fn flap(&mut self) {
        let spawns = self.owed.iter().filter_map(|owed| match owed {
            Owed::Spawn(proc, _) => Some(*proc),
            _ => None,
        });
        let spawns: Vec<ProcId> = spawns.collect();
        let Some(proc) = self.random.any(&spawns) else { return };
        for _ in 0..20 {
            let mine = |owed: &Owed| match owed {
                Owed::Spawn(id, _)
                | Owed::Census(id, _)
                | Owed::Tidy(id, _)
                | Owed::Port(id, ..)
                | Owed::Devices(id, ..) => *id == proc,
                _ => false,
            };
            match self.owed.iter().position(mine) {
                Some(at) => {
                    let owed = self.owed.remove(at);
                    self.answer_with(owed, true);
                    let process = self.model.procs.get(&proc);
                    if let Some(alive) = process.and_then(|process| process.alive()) {
                        let pid = alive.pid;
                        self.kernel.end(pid, Exit::Code(1));
                        self.reap(pid);
                    }
                }
                None => {
                    self.now = self.now + Duration::from_millis(self.random.below(100) as u64);
                    self.tick();
                }
            }
            if self.is_over() {
                return;
            }
        }
    }

    /// Answers a random question.
    fn answer(&mut self) {
        if self.owed.is_empty() {
            return;
        }
        let which = self.random.below(self.owed.len());
        // Rarely, answer too early that awaited processes have exited: the core must not be harmed.
        if self.waits_for_ends(&self.owed[which]) && self.random.below(6) > 0 {
            return;
        }
        let owed = self.owed.remove(which);
        let needed = matches!(owed, Owed::Spawn(..) | Owed::Census(..));
        // Sometimes drop a question without an answer, because the core has a deadline for it.
        if !needed && self.random.one_in(8) {
            return;
        }
        if self.given.len() < REMEMBERED && !matches!(owed, Owed::Spawn(..)) {
            self.given.push(owed);
        }
        self.answer_with(owed, false);
    }

    /// Repeats an earlier answer, also about another run.
    fn answer_again(&mut self) {
        let given = self.given.clone();
        if let Some(owed) = self.random.any(&given) {
            self.answer_with(owed, false);
        }
    }

    fn waits_for_ends(&self, owed: &Owed) -> bool {
        let Owed::End(proc, _) = owed else { return false };
        let members = self.awaited.get(proc).into_iter().flatten();
        let lives =
            |member: &Member| self.kernel.member(*member).is_some_and(|entry| entry.dead.is_none());
        members.copied().any(|member| lives(&member))
    }

    fn answer_with(&mut self, owed: Owed, kind: bool) {
        let random = &mut self.random;
        let input = match owed {
            Owed::Spawn(proc, run) if !kind && random.one_in(6) => {
                let kinds = [SpawnErrorKind::Transient, SpawnErrorKind::NotFound];
                let error = SpawnError::new(random.pick(&kinds), "no".to_owned());
                Input::answer(proc, run, Answer::SpawnFailed(error))
            }
            Owed::Spawn(proc, run) => {
                let pid = self.kernel.start(proc, random);
                // The process may exit before the core knows its pid.
                if !kind && random.one_in(4) {
                    self.kernel.end(pid, Exit::Code(1));
                }
                Input::answer(proc, run, Answer::Spawned { pid })
            }
            Owed::Census(proc, run) if !kind && random.one_in(8) => {
                Input::answer(proc, run, Answer::CensusFailed)
            }
            Owed::Census(proc, run) => {
                let (main, members) = (self.kernel.main_traits(proc), self.kernel.census(proc));
                Input::answer(proc, run, Answer::Census { main, members })
            }
            Owed::Load(proc, run) => {
                let seen = random.below(5) > 0;
                let requests = seen.then(|| random.below(2) as u64);
                Input::answer(proc, run, Answer::LoadSeen { requests })
            }
            Owed::End(proc, run) => Input::answer(proc, run, Answer::TreeEnded),
            Owed::Check(proc, run) => Input::answer(proc, run, checks::checked(kind, random)),
            Owed::Progress(proc, run) => {
                Input::answer(proc, run, checks::progressed(self.now, kind, random))
            }
            Owed::Tree(proc, run) => Input::answer(proc, run, checks::tree(kind, random)),
            Owed::Memory(proc, run) => Input::answer(proc, run, checks::memory(kind, random)),
            Owed::Output(proc, run) => Input::answer(proc, run, checks::output(kind, random)),
            Owed::Deliver(delivery) => {
                Input::Delivered { delivery, sent: kind || self.random.one_in(2) }
            }
            Owed::Collect(proc, run) => Input::answer(proc, run, Answer::Collected),
            Owed::Connect(proc, run) => {
                let target = HostPort { host: "head".to_owned(), port: 6379 };
                let failure = random.pick(&[CheckFailure::Refused, CheckFailure::TimedOut]);
                let fails = !kind && random.one_in(2);
                let result = if fails { Err(Unreached { target, failure }) } else { Ok(()) };
                Input::answer(proc, run, Answer::Connected(result))
            }
            Owed::Tidy(proc, run) => Input::answer(proc, run, Answer::Tidied),
            Owed::Devices(proc, run, users) => {
                Input::answer(proc, run, places::devices(users, kind, random))
            }
            Owed::Port(proc, run, after) => {
                Input::answer(proc, run, places::port(after, kind, random))
            }
        };
        self.give(input);
    }

    /// Lets a random process exit.
    fn die(&mut self) {
        let living = self.kernel.living();
        if let Some(pid) = self.random.any(&living) {
            let exits = [
                Exit::Code(0),
                Exit::Code(0),
                Exit::Code(1),
                Exit::Code(7),
                Exit::Signal { signal: Signal::KILL, core_dumped: false },
            ];
            self.kernel.end(pid, self.random.pick(&exits));
        }
    }

    /// Suspends a random process.
    fn stop(&mut self) {
        let living = self.kernel.living();
        if let Some(pid) = self.random.any(&living) {
            self.kernel.stop(pid);
            let job = self.random.pick(&[Job::Controlled, Job::Alone, Job::Unattended]);
            self.give(Input::Suspended { pid, job });
        }
    }

    /// Lets a random process fork, or starts an unrelated one.
    fn birth(&mut self) {
        let living = self.kernel.living();
        if self.random.one_in(6) {
            self.kernel.stranger(&mut self.random);
        } else if let Some(parent) = self.random.any(&living)
            && !(self.ends && self.random.below(3) > 0)
        {
            self.kernel.fork(parent, &mut self.random);
        }
    }

    fn signal(&mut self) {
        // Send more stop signals near the end of the case.
        let rare = self.random.one_in(if self.ends { 3 } else { 12 });
        let signals = if rare {
            [Signal::TERM, Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP]
        } else {
            [Signal::USR1, Signal::USR2, Signal::WINCH, Signal::RTMIN, Signal::CONT]
        };
        let signal = self.random.pick(&signals);
        let often = self.signals == SignalRule::Supervisord || self.random.one_in(3);
        if rare || often {
            self.give(Input::Signalled(signal));
        }
    }

    fn order(&mut self) {
        let command = match self.random.below(27) {
            0..=4 => {
                let unstartable = self.unstartable();
                Command::Start { which: self.which(), wait: self.random.one_in(2), unstartable }
            }
            5 | 6 => {
                let (which, wait) = (self.which(), self.random.one_in(2));
                Command::RestartPrograms { which, wait, unstartable: self.unstartable() }
            }
            7 if self.random.one_in(2) => {
                let which = self.which();
                Command::RestartRolling { which, unstartable: self.unstartable() }
            }
            7..=11 => Command::Stop { which: self.which(), wait: self.random.one_in(2) },
            12 => {
                let signals = [Signal::HUP, Signal::USR1, Signal::KILL, Signal::CONT];
                Command::Signal { which: self.which(), signal: self.random.pick(&signals) }
            }
            13 => {
                let groups: Vec<_> =
                    self.model.groups.iter().map(|group| group.spec.clone()).collect();
                Command::Reread(specs::changed(&mut self.random, &groups))
            }
            14..=16 => Command::AddGroup(self.group_name()),
            17 | 18 => Command::RemoveGroup(self.group_name()),
            19 | 20 => Command::RemoteEvent { kind: "k".to_owned(), data: "d".to_owned() },
            21 if self.asked > 0 => {
                let id = RequestId(self.random.below(self.asked) as u64);
                return self.give(Input::RequestGone { id });
            }
            24..=26 => return self.update(),
            22 if self.random.one_in(6) => Command::Shutdown,
            23 if self.random.one_in(8) => Command::Restart,
            _ => return,
        };
        self.request(command);
    }

    pub(crate) fn request(&mut self, command: Command) {
        let id = RequestId(self.asked as u64);
        self.asked += 1;
        self.give(Input::Request { id, command });
    }

    pub(crate) fn unstartable(&mut self) -> Vec<(ProcId, SpawnError)> {
        let procs: Vec<_> = self.model.procs.keys().copied().collect();
        let error = SpawnError::new(SpawnErrorKind::NotFound, "gone".to_owned());
        let picked = self.random.any(&procs).filter(|_| self.random.one_in(6));
        picked.map(|proc| (proc, error)).into_iter().collect()
    }

    pub(crate) fn which(&mut self) -> Which {
        match self.random.below(8) {
            0 => Which::All,
            1 | 2 => Which::Group(self.group_name()),
            3 if self.random.one_in(4) => Which::Process(ProcId(99)),
            _ => {
                let procs: Vec<_> = self.model.procs.keys().copied().collect();
                self.random.any(&procs).map_or(Which::All, Which::Process)
            }
        }
    }

    pub(crate) fn group_name(&mut self) -> String {
        format!("g{}", self.random.below(6))
    }

    /// Sends an `sd_notify` message of a process, also of one that is not running.
    fn notify(&mut self) {
        let procs: Vec<_> = self.model.procs.keys().copied().collect();
        let Some(proc) = self.random.any(&procs) else { return };
        if self.random.one_in(3) {
            let right = self.model.procs[&proc].alive().map(|alive| alive.pid);
            let pid = right.filter(|_| self.random.below(3) > 0).unwrap_or(Pid(99));
            return self.give(Input::ReadyLogged { proc, pid });
        }
        let random = &mut self.random;
        let said = Notification {
            ready: random.one_in(2),
            stopping: random.one_in(8),
            watchdog: random.one_in(2),
            watchdog_every: random.one_in(8).then(|| random.secs(1, 5)),
            // A case would not end with endless extensions.
            extend: (!self.ends && random.one_in(4)).then(|| random.secs(1, 6)),
            status: random.one_in(4).then(|| "busy".to_owned()),
        };
        self.give(Input::Notified { proc, said });
    }

    /// Reports the output of a listener, or that an event cannot be sent to it.
    fn speak(&mut self) {
        let procs: Vec<_> = self.voices.keys().copied().collect();
        let Some(proc) = self.random.any(&procs) else { return };
        let Some(voice) = self.voices.get_mut(&proc) else { return };
        if let Some(serial) = voice.closes() {
            let serial = if self.random.one_in(4) { serial + 1 } else { serial };
            return self.give(Input::TellFailed { proc, serial });
        }
        let data = voice.piece(&mut self.random);
        let Some(pid) = self.model.procs[&proc].alive().map(|alive| alive.pid) else { return };
        // Sometimes report output of an earlier run.
        if self.random.one_in(12) {
            self.give(Input::ListenerSaid { proc, pid: Pid(99), data: b"x".to_vec() });
        }
        self.give(Input::ListenerSaid { proc, pid, data });
    }

    fn write(&mut self) {
        let procs: Vec<_> = self.model.procs.keys().copied().collect();
        let Some(proc) = self.random.any(&procs).filter(|_| self.random.one_in(3)) else { return };
        let (pid, data) = (Pid(100), b"text".to_vec());
        let input = if self.random.one_in(2) {
            Input::Logged { proc, pid, channel: Channel::Stdout, data }
        } else {
            Input::Communicated { proc, pid, channel: Channel::Stderr, data }
        };
        self.give(input);
    }

    /// Advances the time, often exactly to the next deadline.
    fn wait(&mut self) {
        let step = Duration::from_millis(self.random.below(3_000) as u64);
        self.now = match self.core.next_deadline() {
            Some(deadline) if self.random.below(3) > 0 => deadline.max(self.now),
            Some(_) | None => self.now + step,
        };
        self.tick();
    }

    /// Makes the kernel friendly and checks that everything settles.
    pub(crate) fn calm_down(&mut self) {
        self.kernel.turn_kind();
        for _ in 0..ROUNDS {
            if self.is_over() || self.round() {
                break;
            }
        }
        if !self.is_over() && !self.model.is_ending() {
            self.model.check_calm(&self.core);
        }
    }

    /// Plays a friendly round. Returns whether the system has settled.
    fn round(&mut self) -> bool {
        while !self.owed.is_empty() && !self.is_over() {
            let owed = self.owed.remove(0);
            if !self.waits_for_ends(&owed) {
                self.answer_with(owed, true);
            }
        }
        self.kernel.turn_kind();
        for pid in self.kernel.doomed() {
            self.kernel.strike(pid, self.now);
        }
        for pid in self.kernel.unreaped() {
            self.reap(pid);
        }
        let procs: Vec<_> = self.model.procs.keys().copied().collect();
        for proc in procs {
            self.tell_of_itself(proc);
            self.speak_properly(proc);
        }
        if self.owed.is_empty() && self.model.is_calm() {
            return true;
        }
        // Watchdog messages arrive every second, before they are due.
        if let Some(deadline) = self.core.next_deadline() {
            self.now = deadline.max(self.now).min(self.now + Duration::from_secs(1));
        }
        self.tick();
        false
    }

    fn tell_of_itself(&mut self, proc: ProcId) {
        let Some(Phase::Alive(alive)) = self.model.procs.get(&proc).map(|proc| proc.phase) else {
            return;
        };
        if alive.stop.is_none() {
            let said = Notification { ready: true, watchdog: true, ..Notification::default() };
            self.give(Input::Notified { proc, said });
            self.give(Input::ReadyLogged { proc, pid: alive.pid });
        }
    }

    fn speak_properly(&mut self, proc: ProcId) {
        for _ in 0..2 {
            let Some(voice) = self.voices.get_mut(&proc) else { return };
            if let Some(serial) = voice.closes() {
                self.give(Input::TellFailed { proc, serial });
            }
            let Some(voice) = self.voices.get_mut(&proc) else { return };
            voice.behave();
            let data = std::mem::take(&mut voice.written);
            let pid = self.model.procs[&proc].alive().map(|alive| alive.pid);
            if let Some(pid) = pid.filter(|_| !data.is_empty()) {
                self.give(Input::ListenerSaid { proc, pid, data });
            }
        }
    }
}
