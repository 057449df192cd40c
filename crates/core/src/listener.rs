//! Pools of event listeners: which events they get, in which order, and their results.
//!
//! ```text
//!   spawned                 READY\n              an event is sent
//!   ───────> Acknowledged ──────────> Ready ──────────────────────> Busy
//!                 ^                                                  │
//!                 └───────────────── RESULT n\n… ────────────────────┘
//!          anything else, at any time ──> Unknown, until it is started again
//! ```
//!
//! The protocol is supervisord's
//! [event listener protocol](https://supervisord.org/events.html#event-listener-notification-protocol).
//! An event that a listener rejects, or has not answered when it exits, returns to its own pool.
//! After a rejection, the listener gets no event for a while, because it would reject the same
//! event at once, thousands of times per second. During a shutdown, listeners get a short time for
//! the waiting events.

mod result;

use std::collections::{BTreeSet, VecDeque};
use std::mem;
use std::rc::Rc;
use std::time::Duration;

use crate::effect::Effect;
use crate::envelope::Envelope;
use crate::event::{Event, EventType, Named};
use crate::ids::ProcId;
use crate::info::PoolInfo;
use crate::line::Line;
use crate::process::Transition;
use crate::spec::{PoolSpec, ResultHandler};
use crate::time::Mono;

use result::{ParsedResult, next_result, take};

/// A listener sends this when it is ready for an event.
const READY: &[u8] = b"READY\n";

/// Pause of a listener after it rejects an event. Like the restart delay, it grows with each
/// consecutive rejection, up to [`LONGEST_REJECTED_PAUSE`].
pub const REJECTED_PAUSE: Duration = Duration::from_secs(1);
/// Upper limit of the pause.
pub const LONGEST_REJECTED_PAUSE: Duration = Duration::from_secs(10);

/// Time for the waiting events before the listeners are stopped.
pub const LISTENER_DRAIN: Duration = Duration::from_secs(1);

/// The result of a listener that accepts the event.
const OK: &[u8] = b"OK";

/// A pool of listeners. Each event goes to one of them.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    name: Rc<str>,
    subscribed: BTreeSet<EventType>,
    handler: ResultHandler,
    room: usize,
    /// Events that wait, the oldest first; never more than `room`.
    waiting: VecDeque<Rc<Envelope>>,
    next_serial: u64,
    /// Events that were dropped because the pool was full.
    lost: u64,
    /// The pool delivers its waiting events until then, before its listeners are stopped.
    drains_until: Option<Mono>,
    listeners: Vec<Listener>,
}

#[derive(Clone, Debug)]
struct Listener {
    named: Rc<Named>,
    state: ListenerState,
    /// Consecutive rejections.
    rejected: u32,
    /// The listener gets no event until then.
    rests_until: Option<Mono>,
}

/// The protocol state of a listener. `said` is output that is not yet a complete token.
#[derive(Clone, Debug)]
enum ListenerState {
    Acknowledged { said: Vec<u8> },
    Ready,
    Busy { envelope: Rc<Envelope>, said: Vec<u8> },
    Unknown,
}

impl ListenerState {
    const NEW: Self = Self::Acknowledged { said: Vec::new() };

    const fn name(&self) -> &'static str {
        match self {
            Self::Acknowledged { .. } => "ACKNOWLEDGED",
            Self::Ready => "READY",
            Self::Busy { .. } => "BUSY",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl Pool {
    pub(crate) fn new(
        name: &str,
        spec: &PoolSpec,
        members: impl Iterator<Item = Rc<Named>>,
    ) -> Self {
        Self {
            name: name.into(),
            subscribed: spec.events.clone(),
            handler: spec.handler,
            room: spec.buffer_size,
            waiting: VecDeque::new(),
            next_serial: 0,
            lost: 0,
            drains_until: None,
            listeners: members.map(Listener::new).collect(),
        }
    }

    /// Replaces the listeners. Those that continue keep their state. When a removed one exited, its
    /// unanswered event returned to the queue.
    pub(crate) fn set_listeners(&mut self, members: impl Iterator<Item = Rc<Named>>) {
        let mut old = mem::take(&mut self.listeners);
        let kept = |named: Rc<Named>| {
            let at = old.iter().position(|listener| listener.named.proc == named.proc);
            at.map_or_else(|| Listener::new(named), |at| old.swap_remove(at))
        };
        self.listeners = members.map(kept).collect();
    }

    /// Whether the pool subscribes to events of this type.
    pub(crate) fn wants(&self, kind: EventType) -> bool {
        self.subscribed.iter().any(|subscribed| kind.is_a(*subscribed))
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A summary for operators.
    pub(crate) fn info(&self) -> PoolInfo<'_> {
        let (name, waiting) = (&*self.name, self.waiting.len());
        PoolInfo { name, waiting, room: self.room, lost: self.lost }
    }

    /// Adds an event to the queue.
    pub(crate) fn accept(&mut self, event: Rc<Event>, serial: u64, cx: &mut Transition<'_>) {
        self.make_room(cx);
        let (pool, pool_serial) = (Rc::clone(&self.name), self.next_serial);
        self.next_serial = next_serial(self.next_serial);
        self.waiting.push_back(Rc::new(Envelope { serial, pool, pool_serial, event }));
    }

    /// Sends waiting events to listeners that are ready.
    pub(crate) fn dispatch(
        &mut self,
        is_running: impl Fn(ProcId) -> bool,
        cx: &mut Transition<'_>,
    ) {
        for listener in &mut self.listeners {
            listener.rests_until = listener.rests_until.filter(|until| cx.now < *until);
        }
        while !self.waiting.is_empty() {
            let ready = self.listeners.iter_mut().find(|listener| {
                matches!(listener.state, ListenerState::Ready)
                    && listener.rests_until.is_none()
                    && is_running(listener.named.proc)
            });
            let Some(listener) = ready else { return };
            let Some(envelope) = self.waiting.pop_front() else { return };
            let (serial, name) = (envelope.serial, listener.named.name.clone());
            let proc = listener.named.proc;
            cx.effects.push(Effect::Tell { proc, envelope: Rc::clone(&envelope) });
            listener.state = ListenerState::Busy { envelope, said: Vec::new() };
            cx.log(Line::EventSent { serial, name });
        }
    }

    /// Whether to delay the stop of the listeners: events are waiting or in `emitted`, and a
    /// listener can still receive them.
    pub(crate) fn drains(
        &mut self,
        emitted: &[Effect],
        is_running: impl Fn(ProcId) -> bool,
        now: Mono,
    ) -> bool {
        let up = || self.listeners.iter().filter(|listener| is_running(listener.named.proc));
        let hears = up().any(|listener| !matches!(listener.state, ListenerState::Unknown));
        let comes = emitted
            .iter()
            .any(|effect| matches!(effect, Effect::Emit(event) if self.wants(event.kind())));
        let busy = up().any(|listener| matches!(listener.state, ListenerState::Busy { .. }));
        let until = self.drains_until.unwrap_or(now + LISTENER_DRAIN);
        let drains = hears && (comes || busy || !self.waiting.is_empty()) && now < until;
        self.drains_until = drains.then_some(until);
        drains
    }

    /// Ends the delay, because the listeners don't stop now.
    pub(crate) const fn drains_no_more(&mut self) {
        self.drains_until = None;
    }

    /// When the pool has something to do without input from a listener.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        let rests = self.listeners.iter().filter_map(|listener| listener.rests_until);
        let rests = rests.filter(|_| !self.waiting.is_empty());
        rests.chain(self.drains_until).min()
    }

    /// Handles the exit of a listener. An unanswered event returns to the queue. The next run must
    /// send READY first.
    pub(crate) fn ended(&mut self, proc: ProcId, cx: &mut Transition<'_>) {
        let Some(listener) = self.listener(proc) else { return };
        (listener.rejected, listener.rests_until) = (0, None);
        match mem::replace(&mut listener.state, ListenerState::NEW) {
            ListenerState::Busy { envelope, .. } => self.keep(envelope, cx),
            ListenerState::Acknowledged { .. } | ListenerState::Ready | ListenerState::Unknown => {}
        }
    }

    /// Handles a failed write: the listener gets no events until its next run.
    pub(crate) fn tell_failed(&mut self, proc: ProcId, serial: u64, cx: &mut Transition<'_>) {
        let Some(listener) = self.listener(proc) else { return };
        match &listener.state {
            ListenerState::Busy { envelope, .. } if envelope.serial == serial => {
                let envelope = Rc::clone(envelope);
                listener.state = ListenerState::Unknown;
                let name = listener.named.name.clone();
                cx.log(Line::ListenerDeaf { name, serial });
                self.keep(envelope, cx);
            }
            ListenerState::Busy { .. }
            | ListenerState::Acknowledged { .. }
            | ListenerState::Ready
            | ListenerState::Unknown => {}
        }
    }

    /// Takes output of a listener.
    pub(crate) fn said(&mut self, proc: ProcId, data: &[u8], cx: &mut Transition<'_>) {
        let handler = self.handler;
        let Some(listener) = self.listener(proc) else { return };
        let mut rejected = None;
        let mut rest = data;
        while !rest.is_empty() {
            let (next, result) = listener.hear(&mut rest, handler, cx);
            let Some(next) = next else { break };
            listener.note_answer(&next, result.is_some(), cx.now);
            rejected = result.or(rejected);
            listener.enter(next, cx);
        }
        if let Some(envelope) = rejected {
            self.keep(envelope, cx);
        }
    }

    fn listener(&mut self, proc: ProcId) -> Option<&mut Listener> {
        self.listeners.iter_mut().find(|listener| listener.named.proc == proc)
    }

    /// Returns an event to the front of the queue.
    fn keep(&mut self, envelope: Rc<Envelope>, cx: &mut Transition<'_>) {
        self.make_room(cx);
        let (pool, serial) = (self.name.to_string(), envelope.serial);
        self.waiting.push_front(envelope);
        let (waiting, room) = (self.waiting.len(), self.room);
        cx.log(Line::EventKept { pool, serial, waiting, room });
    }

    fn make_room(&mut self, cx: &mut Transition<'_>) {
        if self.waiting.len() >= self.room
            && let Some(lost) = self.waiting.pop_front()
        {
            self.lost += 1;
            cx.log(Line::EventLost { pool: self.name.to_string(), serial: lost.serial });
        }
    }
}

impl Listener {
    const fn new(named: Rc<Named>) -> Self {
        Self { named, state: ListenerState::NEW, rejected: 0, rests_until: None }
    }

    /// After an answer, begins a pause if the listener rejected the event.
    fn note_answer(&mut self, next: &ListenerState, rejected: bool, now: Mono) {
        if let (ListenerState::Busy { .. }, ListenerState::Acknowledged { .. }) =
            (&self.state, next)
        {
            self.rejected = if rejected { self.rejected.saturating_add(1) } else { 0 };
            let pause = REJECTED_PAUSE.saturating_mul(self.rejected).min(LONGEST_REJECTED_PAUSE);
            self.rests_until = rejected.then(|| now + pause);
        }
    }

    /// Parses the next token of the listener's output. Returns the new state, if it changes, and
    /// the event that the listener rejected.
    fn hear(
        &mut self,
        rest: &mut &[u8],
        handler: ResultHandler,
        cx: &mut Transition<'_>,
    ) -> (Option<ListenerState>, Option<Rc<Envelope>>) {
        let name = || self.named.name.clone();
        match &mut self.state {
            ListenerState::Unknown => {
                *rest = &[];
                (None, None)
            }
            ListenerState::Ready => (Some(ListenerState::Unknown), None),
            ListenerState::Acknowledged { said } => {
                let mut said = mem::take(said);
                let missing = READY.len().saturating_sub(said.len());
                take(&mut said, rest, missing);
                if said == READY {
                    (Some(ListenerState::Ready), None)
                } else if READY.starts_with(&said) {
                    (Some(ListenerState::Acknowledged { said }), None)
                } else {
                    (Some(ListenerState::Unknown), None)
                }
            }
            ListenerState::Busy { envelope, said } => {
                let (envelope, mut said) = (Rc::clone(envelope), mem::take(said));
                match next_result(&mut said, rest) {
                    ParsedResult::Incomplete { .. } => {
                        (Some(ListenerState::Busy { envelope, said }), None)
                    }
                    ParsedResult::Complete { content } => {
                        let content = &said[content..];
                        if handler == ResultHandler::Output {
                            cx.effects.push(Effect::Print { data: output(content) });
                        }
                        if content == OK || handler == ResultHandler::Output {
                            cx.log(Line::EventProcessed { name: name() });
                            return (Some(ListenerState::NEW), None);
                        }
                        cx.log(Line::EventRejected { name: name() });
                        (Some(ListenerState::NEW), Some(envelope))
                    }
                    ParsedResult::Bad { line } => {
                        let said = visible(&said[..line]);
                        cx.log(Line::BadResult { name: name(), said });
                        (Some(ListenerState::Unknown), Some(envelope))
                    }
                }
            }
        }
    }

    fn enter(&mut self, next: ListenerState, cx: &mut Transition<'_>) {
        let (from, to) = (self.state.name(), next.name());
        self.state = next;
        if from != to {
            let name = self.named.name.clone();
            cx.log(Line::ListenerState { name, from, to });
            if let ListenerState::Unknown = self.state {
                cx.log(Line::ListenerUnknown { name: self.named.name.clone() });
            }
        }
    }
}

/// Turns a PROCESS_LOG event that a listener returned into lines with the process and the channel
/// in front. Returns any other answer unchanged.
fn output(content: &[u8]) -> Vec<u8> {
    let (prefix, data) = log_event(content).unwrap_or((String::new(), content));
    let mut out = Vec::with_capacity(content.len());
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(line);
    }
    // Another process's line may follow.
    if !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    out
}

/// Splits a [log event](https://supervisord.org/events.html#process-log-event-type) into a line
/// prefix and the data.
fn log_event(content: &[u8]) -> Option<(String, &[u8])> {
    let line = content.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&content[..line]).ok()?;
    let token = |wanted: &str| {
        let mut tokens = head.split(' ').filter_map(|token| token.split_once(':'));
        tokens.find(|(name, _)| *name == wanted).map(|(_, value)| value)
    };
    let prefix = format!("{} {} | ", token("processname")?, token("channel")?);
    Some((prefix, &content[line + 1..]))
}

/// Text for a log, without terminal control characters.
fn visible(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let each =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(each).collect()
}

/// The next serial. It wraps to 0 before it exceeds a signed 64-bit integer of a client.
pub(crate) const fn next_serial(serial: u64) -> u64 {
    if serial >= i64::MAX as u64 { 0 } else { serial + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_a_listener_is_logged_without_control_characters() {
        assert_eq!(visible("é\u{1b}[2J\u{9b}x".as_bytes()), "é\\u{1b}[2J\\u{9b}x");
    }
}
