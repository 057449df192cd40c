//! The events that event listeners must get.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::event::{Event, Period};
use supervisor_core::ids::ProcId;
use supervisor_core::line::Line;
use supervisor_core::spec::{PoolSpec, ResultHandler};
use supervisor_core::time::{Mono, Now};
use supervisor_core::{Effect, LISTENER_DRAIN, StateName};

use super::Model;
use super::process::Proc;
use crate::invariants::hold;

/// The longest first line of a result, without the newline.
const LONGEST_LINE: usize = 64;

/// The longest result.
const LONGEST_ANSWER: usize = 1024 * 1024;

pub(crate) struct Pool {
    spec: PoolSpec,
    told: u64,
    waiting: VecDeque<Letter>,
    ears: Vec<(ProcId, Ear)>,
    rests: BTreeMap<ProcId, Rest>,
    /// When its listeners became the next to stop.
    pub(crate) turn_since: Option<Mono>,
}

/// The pause of a listener after rejections.
#[derive(Clone, Copy, Default)]
struct Rest {
    rejected: u32,
    until: Option<Mono>,
}

/// An event in a pool.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    serial: u64,
    pool_serial: u64,
}

/// The protocol state of a listener. `heard`: its output since.
#[derive(Clone, Debug)]
enum Ear {
    Silent { heard: Vec<u8> },
    Ready,
    Busy { letter: Letter, heard: Vec<u8> },
    Deaf,
}

#[derive(Default)]
pub(crate) struct Clock {
    passed: [Option<u64>; 3],
    next: Option<Mono>,
}

/// Events that were delivered, kept and dropped in one turn.
#[derive(Debug, Default, PartialEq, Eq)]
struct Post {
    told: Vec<(ProcId, u64, u64)>,
    lost: Vec<u64>,
}

impl Pool {
    pub(crate) fn new(spec: &PoolSpec, members: &[ProcId]) -> Self {
        let ears = members.iter().map(|proc| (*proc, Ear::NEW)).collect();
        Self {
            spec: spec.clone(),
            told: 0,
            waiting: VecDeque::new(),
            ears,
            rests: BTreeMap::new(),
            turn_since: None,
        }
    }

    /// Replaces the listeners; those that continue are in the state that they were in.
    pub(crate) fn set_members(&mut self, members: &[ProcId]) {
        let mut old: BTreeMap<ProcId, Ear> = std::mem::take(&mut self.ears).into_iter().collect();
        let ear = |id: &ProcId| (*id, old.remove(id).unwrap_or(Ear::NEW));
        self.ears = members.iter().map(ear).collect();
        self.rests.retain(|id, _| members.contains(id));
    }

    fn wants(&self, event: &Event) -> bool {
        self.spec.events.iter().any(|subscribed| event.kind().is_a(*subscribed))
    }

    fn ear(&mut self, proc: ProcId) -> Option<&mut Ear> {
        self.ears.iter_mut().find(|(other, _)| *other == proc).map(|(_, ear)| ear)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a listener could get an event.
    pub(crate) fn has_ready(&self) -> bool {
        self.ears.iter().any(|(proc, ear)| {
            matches!(ear, Ear::Ready)
                && self.rests.get(proc).is_none_or(|rest| rest.until.is_none())
        })
    }

    /// Whether `proc` can receive events, and whether it has an unanswered one.
    fn hears(&self, proc: ProcId) -> (bool, bool) {
        let ear = self.ears.iter().find(|(id, _)| *id == proc).map(|(_, ear)| ear);
        match ear {
            Some(Ear::Busy { .. }) => (true, true),
            Some(Ear::Silent { .. } | Ear::Ready) => (true, false),
            Some(Ear::Deaf) | None => (false, false),
        }
    }

    /// When the first pause ends, if events are waiting.
    fn due(&self) -> Option<Mono> {
        let rests = self.rests.values().filter_map(|rest| rest.until);
        rests.filter(|_| !self.waiting.is_empty()).min()
    }

    fn make_room(&mut self, post: &mut Post) {
        while self.waiting.len() >= self.spec.buffer_size {
            post.lost.extend(self.waiting.pop_front().map(|letter| letter.serial));
        }
    }

    /// Takes back an event that a listener has not handled. Returns the serials of dropped events.
    fn take_back(&mut self, letter: Letter) -> Vec<u64> {
        let mut post = Post::default();
        self.make_room(&mut post);
        self.waiting.push_front(letter);
        post.lost
    }
}

impl Ear {
    const NEW: Self = Self::Silent { heard: Vec::new() };

    /// Takes one byte of output. Returns the event that it rejects.
    fn hear(&mut self, byte: u8, handler: ResultHandler, printed: &mut usize) -> Option<Letter> {
        match self {
            Self::Silent { heard } => {
                heard.push(byte);
                if heard == b"READY\n" {
                    *self = Self::Ready;
                } else if !b"READY\n".starts_with(heard) {
                    *self = Self::Deaf;
                }
                None
            }
            Self::Ready => {
                *self = Self::Deaf;
                None
            }
            Self::Deaf => None,
            Self::Busy { letter, heard } => {
                heard.push(byte);
                let next = match understood(heard) {
                    Answer::Incomplete => return None,
                    Answer::Ok | Answer::Rejected if handler == ResultHandler::Output => {
                        *printed += 1;
                        *self = Self::NEW;
                        return None;
                    }
                    Answer::Ok => {
                        *self = Self::NEW;
                        return None;
                    }
                    Answer::Rejected => Self::NEW,
                    Answer::Nonsense => Self::Deaf,
                };
                let letter = letter.clone();
                *self = next;
                Some(letter)
            }
        }
    }
}

enum Answer {
    Incomplete,
    Ok,
    Rejected,
    Nonsense,
}

fn understood(heard: &[u8]) -> Answer {
    let mut lines = heard.splitn(2, |byte| *byte == b'\n');
    let (line, rest) = (lines.next().unwrap(), lines.next());
    if line.len() > LONGEST_LINE {
        return Answer::Nonsense;
    }
    let Some(rest) = rest else { return Answer::Incomplete };
    let line = String::from_utf8_lossy(line);
    let length = line.strip_prefix("RESULT ").and_then(|text| text.trim().parse::<usize>().ok());
    match length {
        Some(length) if length <= LONGEST_ANSWER => {
            if rest.len() < length {
                Answer::Incomplete
            } else if rest == b"OK" {
                Answer::Ok
            } else {
                Answer::Rejected
            }
        }
        Some(_) | None => Answer::Nonsense,
    }
}

impl Model {
    /// Takes the output of a listener.
    pub(crate) fn said(&mut self, proc: ProcId, data: &[u8], now: Mono) {
        let Some(pool) = self.pool_of(proc) else { return };
        let (handler, mut printed) = (pool.spec.handler, 0);
        let mut rest = pool.rests.get(&proc).copied().unwrap_or_default();
        let Some(ear) = pool.ear(proc) else { return };
        let mut rejected = Vec::new();
        for byte in data {
            let was_busy = matches!(ear, Ear::Busy { .. });
            let letter = ear.hear(*byte, handler, &mut printed);
            if was_busy && matches!(ear, Ear::Silent { .. }) {
                rest.rejected = if letter.is_some() { rest.rejected + 1 } else { 0 };
                let secs = u64::from(rest.rejected.min(10));
                rest.until = letter.is_some().then(|| now + Duration::from_secs(secs));
            }
            rejected.extend(letter);
        }
        pool.rests.insert(proc, rest);
        let lost: Vec<u64> =
            rejected.into_iter().flat_map(|letter| pool.take_back(letter)).collect();
        self.printed += printed;
        self.lost.extend(lost);
    }

    /// Notes the exit of a listener.
    pub(crate) fn fell_silent(&mut self, proc: ProcId) {
        let Some(pool) = self.pool_of(proc) else { return };
        pool.rests.remove(&proc);
        let Some(ear) = pool.ear(proc) else { return };
        if let Ear::Busy { letter, .. } = std::mem::replace(ear, Ear::NEW) {
            let lost = pool.take_back(letter);
            self.lost.extend(lost);
        }
    }

    /// Notes that an event cannot be sent to a listener.
    pub(crate) fn went_deaf(&mut self, proc: ProcId, serial: u64) {
        let Some(pool) = self.pool_of(proc) else { return };
        let Some(ear) = pool.ear(proc) else { return };
        if let Ear::Busy { letter, .. } = ear
            && letter.serial == serial
        {
            let letter = letter.clone();
            *ear = Ear::Deaf;
            let lost = pool.take_back(letter);
            self.lost.extend(lost);
        }
    }

    fn pool_of(&mut self, proc: ProcId) -> Option<&mut Pool> {
        let mut groups = self.groups.iter_mut();
        groups.find(|group| group.members.contains(&proc)).and_then(|group| group.pool.as_mut())
    }

    pub(crate) fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.groups.iter().filter_map(|group| group.pool.as_ref())
    }

    /// Checks the events of this turn.
    pub(crate) fn check_post(&mut self, effects: &[Effect], now: Now) {
        self.only_ready_listeners_get_events(effects);
        let prints = effects.iter().filter(|effect| matches!(effect, Effect::Print { .. })).count();
        let answers = std::mem::take(&mut self.printed);
        hold!(prints == answers, PrintsEachAnswer, "{prints} and not {answers}");
        let mut post = Post { lost: std::mem::take(&mut self.lost), ..Post::default() };
        self.check_ticks(effects, now);
        for effect in effects {
            if let Effect::Emit(event) = effect {
                self.offer(event, &mut post);
            }
        }
        self.dispatch(now.mono, &mut post);
        let mut seen = Post::default();
        for effect in effects {
            match effect {
                Effect::Tell { proc, envelope } => {
                    seen.told.push((*proc, envelope.serial, envelope.pool_serial));
                }
                Effect::Log(Line::EventLost { serial, .. }) => seen.lost.push(*serial),
                _ => {}
            }
        }
        hold!(seen.lost == post.lost, LosesOnlyByOverflow, "{seen:?} and not {post:?}");
        hold!(seen.told == post.told, TellsInOrder, "{seen:?} and not {post:?}");
    }

    fn only_ready_listeners_get_events(&self, effects: &[Effect]) {
        let mut told = Vec::new();
        for effect in effects {
            let Effect::Tell { proc, envelope } = effect else { continue };
            let group = self.groups.iter().find(|group| group.members.contains(proc));
            let ears = group.and_then(|group| group.pool.as_ref()).map(|pool| &pool.ears);
            let ready = ears.is_some_and(|ears| {
                ears.iter().any(|(id, ear)| id == proc && matches!(ear, Ear::Ready))
            });
            let running =
                self.procs.get(proc).is_some_and(|proc| proc.state_name() == StateName::Running);
            let fits = ready && running && !told.contains(proc);
            hold!(fits, TellsTheReady, "{proc:?} gets event {}", envelope.serial);
            told.push(*proc);
        }
    }

    fn offer(&mut self, event: &Rc<Event>, post: &mut Post) {
        let serial = self.next_serial;
        let pools = self.groups.iter_mut().filter_map(|group| group.pool.as_mut());
        for pool in pools.filter(|pool| pool.wants(event)) {
            self.next_serial = after(serial);
            pool.make_room(post);
            let pool_serial = pool.told;
            pool.told = after(pool.told);
            pool.waiting.push_back(Letter { serial, pool_serial });
        }
    }

    fn dispatch(&mut self, now: Mono, post: &mut Post) {
        let procs = &self.procs;
        let running =
            |proc: ProcId| procs.get(&proc).is_some_and(|p| p.state_name() == StateName::Running);
        for pool in self.groups.iter_mut().filter_map(|group| group.pool.as_mut()) {
            for rest in pool.rests.values_mut() {
                rest.until = rest.until.filter(|until| now < *until);
            }
            for (proc, ear) in &mut pool.ears {
                let rests = pool.rests.get(proc).is_some_and(|rest| rest.until.is_some());
                if matches!(ear, Ear::Ready)
                    && !rests
                    && running(*proc)
                    && let Some(letter) = pool.waiting.pop_front()
                {
                    post.told.push((*proc, letter.serial, letter.pool_serial));
                    *ear = Ear::Busy { letter, heard: Vec::new() };
                }
            }
        }
    }

    fn check_ticks(&mut self, effects: &[Effect], now: Now) {
        let ticks: Vec<_> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Emit(event) => match &**event {
                    Event::Tick { period, when } => Some((*period, when.secs())),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let expected = if self.pools().next().is_some() { self.ticks(now) } else { Vec::new() };
        hold!(ticks == expected, TicksAsTheWallSays, "{ticks:?} and not {expected:?}");
    }

    fn ticks(&mut self, now: Now) -> Vec<(Period, u64)> {
        let mut due = Vec::new();
        let mut next = None;
        for (at, period) in Period::ALL.into_iter().enumerate() {
            let when = now.wall.secs() / period.secs() * period.secs();
            let event = Event::Tick { period, when: now.wall };
            let wanted = self.pools().any(|pool| pool.wants(&event));
            let before = self.clock.passed[at].replace(when);
            if wanted && before.is_some_and(|before| before != when) {
                due.push((period, when));
            }
            if wanted {
                let end = Duration::from_secs(when + period.secs());
                let left = now.mono + (end - now.wall.since_epoch());
                next = Some(next.map_or(left, |other: Mono| other.min(left)));
            }
        }
        self.clock.next = next;
        due
    }

    /// When pauses or the wait for listeners end.
    pub(crate) fn pools_due(&self) -> Option<Mono> {
        self.pools().filter_map(Pool::due).chain(self.drained_at).min()
    }

    /// Whether the listeners, which are the next to stop, still have time for waiting events. They
    /// have one second.
    pub(super) fn drains(&mut self, members: &[ProcId], effects: &[Effect], now: Mono) -> bool {
        self.drained_at = None;
        let first = members.first();
        let procs = &self.procs;
        for group in self
            .groups
            .iter_mut()
            .filter(|group| !first.is_some_and(|first| group.members.contains(first)))
        {
            if let Some(pool) = &mut group.pool {
                pool.turn_since = None;
            }
        }
        let mut groups = self.groups.iter_mut();
        let group = groups.find(|group| first.is_some_and(|first| group.members.contains(first)));
        let Some(pool) = group.and_then(|group| group.pool.as_mut()) else { return false };
        let since = *pool.turn_since.get_or_insert(now);
        // Listeners that stop in this turn because of the shutdown were up before.
        let stopped_now = &self.stopped;
        let up = |id: &&ProcId| {
            let Some(alive) = procs.get(id).and_then(Proc::alive) else { return false };
            alive.up_at.is_some() && (alive.stop.is_none() || stopped_now.contains(id))
        };
        let ears = pool.ears.iter().map(|(id, _)| id).filter(up).map(|id| pool.hears(*id));
        let (hears, busy) = ears.fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1));
        let waits = busy || !pool.waiting.is_empty();
        let comes =
            effects.iter().any(|effect| matches!(effect, Effect::Emit(event) if pool.wants(event)));
        let within = hears && now < since + LISTENER_DRAIN && !self.hurry;
        let stopped = members.iter().any(|id| self.stopped.contains(id));
        let early = stopped && within && waits;
        hold!(!early, ListenersMayEnd, "{members:?} are stopped, whose turn came at {since}");
        let drains = within && (waits || comes) && !stopped;
        self.drained_at = drains.then(|| since + LISTENER_DRAIN);
        drains
    }

    /// When the next tick event is due.
    pub(crate) fn tick_due(&self) -> Option<Mono> {
        self.clock.next.filter(|_| self.pools().next().is_some())
    }
}

/// The serial number after this one.
const fn after(serial: u64) -> u64 {
    if serial >= i64::MAX as u64 { 0 } else { serial + 1 }
}
