//! Carries bytes from pipes to a sink, one pipe after another.
//!
//! A program that is started again gets a new pipe. What its last run wrote comes
//! out first, however long the sink takes.

mod carry;
mod pace;
mod source;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::ids::Pid;
use supervisor_core::level::Level;
use supervisor_sys::io::counters::Flow;
use supervisor_sys::io::pipe;
use supervisor_sys::io::recent::Recent;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::filter::Filter;
use super::journal::Journal;
use super::peek;
use super::sink::Sink;
use super::tail::Tail;
use carry::Pause;
use source::Source;

/// Bytes that must have come through since the last loss before another one is told. A
/// full disk has a little room now and then, and complaints would fill it.
const TELL_AGAIN: u64 = 64 * 1024;

/// Runs of which output waits for its reader at most: of each there is a pipe.
const RUNS: usize = 8;

/// A way from pipes to a sink.
#[derive(Debug)]
pub(crate) struct Relay {
    sink: Rc<Sink>,
    /// The filter that output passes; `None`: output passes unchanged.
    filter: Option<Box<RefCell<Filter>>>,
    /// The end of each run's output is kept until the supervisor takes it for a report.
    remembers: bool,
    /// The buffer of the latest output, for operators.
    recent: Option<Rc<Recent>>,
    /// The last output of the run whose pipe was closed before the supervisor took that output.
    ended: RefCell<Option<(Pid, Tail)>>,
    sources: RefCell<VecDeque<Rc<Source>>>,
    /// Bytes that were read and could not be delivered yet.
    held: RefCell<Vec<u8>>,
    /// With a filter: bytes of the program's output that were read and are not yet counted as
    /// carried, because the filtered output has not been delivered completely.
    owed: Cell<usize>,
    changed: Notify,
    closing: Cell<bool>,
    /// Bytes carried so far, and how many of them were lost on the way.
    carried: Cell<u64>,
    lost: Cell<u64>,
    /// How often the sink took no more.
    stalls: Cell<u64>,
    /// Since when it has taken nothing, if it takes no more.
    still_since: Cell<Option<Instant>>,
    progress: Notify,
    /// Relays with the positions that they must reach before this one continues.
    behind: RefCell<Vec<(Rc<Self>, u64)>>,
    /// Reports that output can't be delivered.
    complaints: Option<Complaints>,
}

/// The parts of the output that are kept in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// The end of each run's output, until the supervisor takes it for a report.
    pub(crate) of_runs: bool,
    /// The latest output, for operators.
    pub(crate) recent: bool,
}

#[derive(Debug)]
struct Complaints {
    about: String,
    to: Rc<Journal>,
    /// The number of bytes that were relayed when output was last dropped.
    last: Cell<Option<u64>>,
}

impl Relay {
    /// A relay for a process's output; troubles with it go to the journal.
    pub(crate) fn new(sink: Rc<Sink>, filter: Filter, memory: Memory) -> Rc<Self> {
        let about = format!("the {} of {}", filter.channel.name(), filter.name);
        let complaints =
            Complaints { about, to: Rc::clone(&filter.journal), last: Cell::new(None) };
        let filter = (!filter.is_idle()).then(|| Box::new(RefCell::new(filter)));
        Self::with(sink, filter, memory, Some(complaints))
    }

    /// A relay for the journal itself, which has nobody to tell.
    pub(crate) fn for_journal(sink: Rc<Sink>) -> Rc<Self> {
        Self::with(sink, None, Memory::default(), None)
    }

    fn with(
        sink: Rc<Sink>,
        filter: Option<Box<RefCell<Filter>>>,
        memory: Memory,
        complaints: Option<Complaints>,
    ) -> Rc<Self> {
        let Memory { of_runs, recent } = memory;
        Rc::new(Self {
            sink,
            filter,
            remembers: of_runs || recent,
            recent: recent.then(Rc::default),
            ended: RefCell::default(),
            sources: RefCell::default(),
            held: RefCell::default(),
            owed: Cell::new(0),
            changed: Notify::new(),
            closing: Cell::new(false),
            carried: Cell::new(0),
            lost: Cell::new(0),
            stalls: Cell::new(0),
            still_since: Cell::new(None),
            progress: Notify::new(),
            behind: RefCell::default(),
            complaints,
        })
    }

    /// Opens the log file, if it is one, or opens it again.
    pub(crate) fn reopen(&self) {
        if let Err(error) = self.sink.reopen() {
            self.complain(&error);
        }
    }

    /// Adds the pipe of a new run. Its predecessors end with what is in them.
    pub(crate) fn add(&self, pipe: OwnedFd, pid: Option<Pid>) {
        self.retire();
        self.make_room();
        let tail = RefCell::new(self.remembers.then(|| Tail::new(self.recent.clone())));
        let source = Source { pipe, pid, left: Cell::new(None), tail };
        self.sources.borrow_mut().push_back(Rc::new(source));
        self.changed.notify_one();
    }

    /// The end of what `pid`, which has ended, wrote, also if nobody has read it yet. To be
    /// asked once.
    pub(crate) fn last_of(&self, pid: Pid) -> Option<Tail> {
        let sources = self.sources.borrow();
        let Some(source) = sources.iter().find(|source| source.pid == Some(pid)) else {
            let ended = self.ended.borrow_mut().take_if(|(ended, _)| *ended == pid);
            return ended.map(|(_, tail)| tail);
        };
        let mut tail = source.tail.take()?;
        // A pipe that can't be looked into is as good as empty.
        let unseen = peek::at_all(source.as_fd(), |bytes| tail.add(bytes)).unwrap_or(0);
        tail.miss(unseen);
        tail.end();
        Some(tail)
    }

    /// `pid` has ended. Moves at once what is there and can be moved without waiting. What
    /// others write meanwhile is not waited for either: they may never stop.
    pub(crate) fn pump(&self, pid: Pid) {
        while self.front().is_some_and(|source| source.pid != Some(pid)) && self.passes() {}
        let end = self.carried.get() + self.backlog();
        let Some(source) = self.front() else { return };
        while self.carried.get() < end && matches!(self.carry_some(&source), Pause::TurnOver) {}
        if source.pid == Some(pid) && self.backlog() == 0 && self.finish(&source) {
            self.changed.notify_one();
        }
    }

    /// Lets all that is on its way through `other` at present go first, if it goes to
    /// the same place; elsewhere nobody could tell the order.
    pub(crate) fn follow(&self, other: &Rc<Self>) {
        let waiting = other.backlog();
        if waiting > 0 && Rc::ptr_eq(&self.sink, &other.sink) {
            let mut behind = self.behind.borrow_mut();
            behind.retain(|(known, _)| !Rc::ptr_eq(known, other));
            behind.push((Rc::clone(other), other.carried.get() + waiting));
        }
    }

    /// The latest output, if it is kept in memory.
    pub(crate) const fn recent(&self) -> Option<&Rc<Recent>> {
        self.recent.as_ref()
    }

    /// Lets [`Self::run`] end when everything has been carried.
    pub(crate) fn close(&self) {
        self.retire();
        self.closing.set(true);
        self.changed.notify_one();
    }

    /// What came of all that was written so far.
    pub(crate) fn flow(&self) -> Flow {
        let (carried, lost) = (self.carried.get(), self.lost.get());
        let syslog_lost =
            self.filter.as_ref().map_or(0, |filter| filter.borrow().syslog_lost.get());
        Flow { carried, lost, waiting: self.backlog(), stalls: self.stalls.get(), syslog_lost }
    }

    /// How long its reader has taken nothing, if `pid` can't go on writing for that: its pipe
    /// is full.
    pub(crate) fn blocks(&self, pid: Pid) -> Option<Duration> {
        let still_since = match self.ahead() {
            Some(other) => other.still_since.get(),
            None => self.still_since.get(),
        };
        let sources = self.sources.borrow();
        let source = sources.iter().find(|source| source.pid == Some(pid))?;
        let still = still_since?.elapsed();
        pipe::is_full(source.as_fd()).then_some(still)
    }

    /// Bytes that were written and have not been carried.
    fn backlog(&self) -> u64 {
        let unread: u64 = self.sources.borrow().iter().map(|source| source.unread()).sum();
        unread + self.held()
    }

    /// Bytes of the program's output that were read and have not been carried.
    fn held(&self) -> u64 {
        match self.filter {
            Some(_) => self.owed.get() as u64,
            None => self.held.borrow().len() as u64,
        }
    }

    fn ahead(&self) -> Option<Rc<Self>> {
        let mut behind = self.behind.borrow_mut();
        behind.retain(|(other, mark)| other.carried.get() < *mark && other.backlog() > 0);
        behind.first().map(|(other, _)| Rc::clone(other))
    }

    fn front(&self) -> Option<Rc<Source>> {
        self.sources.borrow().front().cloned()
    }

    fn is_front(&self, source: &Rc<Source>) -> bool {
        self.sources.borrow().front().is_some_and(|front| Rc::ptr_eq(front, source))
    }

    /// Carries all of the run whose turn it is, if it is over and that needs no waiting;
    /// whether it did.
    fn passes(&self) -> bool {
        let Some(source) = self.front().filter(|source| source.is_last()) else { return false };
        loop {
            match self.carry_some(&source) {
                Pause::TurnOver => {}
                Pause::Behind(_) | Pause::SinkFull => return false,
                Pause::End | Pause::SourceEmpty if self.finish(&source) => {}
                Pause::End | Pause::SourceEmpty => break,
            }
        }
        self.done_with(&source);
        true
    }

    /// The next one's turn has come, unless it had already.
    fn done_with(&self, source: &Rc<Source>) {
        if !self.is_front(source) {
            return;
        }
        if let Some(ended) = source.pid.zip(source.tail.take()) {
            *self.ended.borrow_mut() = Some(ended);
        }
        self.sources.borrow_mut().pop_front();
        self.progress.notify_waiters();
    }

    /// From now on only what is in the pipes comes: who holds one beyond the end of its run
    /// may write for ever.
    fn retire(&self) {
        let mut held = if self.filter.is_none() { self.held() } else { 0 };
        for source in self.sources.borrow().iter() {
            let all = source.unread() + std::mem::take(&mut held);
            source.left.set(Some(source.left.get().unwrap_or(all)));
        }
    }

    /// Gives up what has waited longest, if too much does, but not what is on its way.
    fn make_room(&self) {
        // Runs may be over sooner than it is our turn to carry what they wrote.
        while self.sources.borrow().len() >= RUNS && self.passes() {}
        let mut sources = self.sources.borrow_mut();
        while sources.len() >= RUNS
            && let Some(source) = sources.remove(1)
        {
            self.lose(usize::try_from(source.unread()).unwrap_or(usize::MAX));
            let why = format!("its reader consumed no output of the last {RUNS} runs");
            self.complain(&io::Error::other(why));
        }
    }

    fn lose(&self, bytes: usize) {
        add(&self.carried, bytes);
        add(&self.lost, bytes);
    }

    fn complain(&self, error: &io::Error) {
        let Some(Complaints { about, to, last }) = &self.complaints else { return };
        let through = self.carried.get() - self.lost.get();
        if last.replace(Some(through)).is_none_or(|before| through - before >= TELL_AGAIN) {
            to.say(Level::Warn, &format!("cannot write {about}: {error}; output is being dropped"));
        }
    }
}

fn add(count: &Cell<u64>, more: usize) {
    count.set(count.get() + more as u64);
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
