//! Carries bytes from pipes to a sink, one pipe after another.
//!
//! A program that restarts gets a new pipe. The output of its previous run is written first,
//! however long the sink takes.

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

/// The number of bytes that must be written after a loss before another loss is reported. A full
/// disk sometimes has a little space, and reports would fill it.
const TELL_AGAIN: u64 = 64 * 1024;

/// The maximum number of runs whose output waits for its reader. Each needs a pipe.
const RUNS: usize = 8;

/// Carries bytes from pipes to a sink.
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
    /// The number of bytes carried so far, and how many of them were lost.
    carried: Cell<u64>,
    lost: Cell<u64>,
    /// The number of times that the sink was full.
    stalls: Cell<u64>,
    /// The time since which the sink has taken nothing, if it is full.
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
    /// A relay for a process's output. Errors go to the supervisor's log.
    pub(crate) fn new(sink: Rc<Sink>, filter: Filter, memory: Memory) -> Rc<Self> {
        let about = format!("the {} of {}", filter.channel.name(), filter.name);
        let complaints =
            Complaints { about, to: Rc::clone(&filter.journal), last: Cell::new(None) };
        let filter = (!filter.is_idle()).then(|| Box::new(RefCell::new(filter)));
        Self::with(sink, filter, memory, Some(complaints))
    }

    /// A relay for the supervisor's log itself, whose errors cannot be logged.
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

    /// Opens or reopens the log file, if the sink is one.
    pub(crate) fn reopen(&self) {
        if let Err(error) = self.sink.reopen() {
            self.complain(&error);
        }
    }

    /// Adds the pipe of a new run. The pipes of earlier runs end with their present content.
    pub(crate) fn add(&self, pipe: OwnedFd, pid: Option<Pid>) {
        self.retire();
        self.make_room();
        let tail = RefCell::new(self.remembers.then(|| Tail::new(self.recent.clone())));
        let source = Source { pipe, pid, left: Cell::new(None), tail };
        self.sources.borrow_mut().push_back(Rc::new(source));
        self.changed.notify_one();
    }

    /// The end of the output of `pid`, which has exited, including output that was not read yet.
    /// Call it once per run.
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

    /// Moves the output of `pid`, which has exited, as far as possible without waiting. Output that
    /// other processes write in the meantime is not awaited, because it may never end.
    pub(crate) fn pump(&self, pid: Pid) {
        while self.front().is_some_and(|source| source.pid != Some(pid)) && self.passes() {}
        let end = self.carried.get() + self.backlog();
        let Some(source) = self.front() else { return };
        while self.carried.get() < end && matches!(self.carry_some(&source), Pause::TurnOver) {}
        if source.pid == Some(pid) && self.backlog() == 0 && self.finish(&source) {
            self.changed.notify_one();
        }
    }

    /// Lets the present output of `other` go first if both have the same sink. Otherwise nothing
    /// shows the order.
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

    /// Lets [`Self::run`] return when everything has been carried.
    pub(crate) fn close(&self) {
        self.retire();
        self.closing.set(true);
        self.changed.notify_one();
    }

    /// The counters of the stream.
    pub(crate) fn flow(&self) -> Flow {
        let (carried, lost) = (self.carried.get(), self.lost.get());
        let syslog_lost =
            self.filter.as_ref().map_or(0, |filter| filter.borrow().syslog_lost.get());
        Flow { carried, lost, waiting: self.backlog(), stalls: self.stalls.get(), syslog_lost }
    }

    /// The time for which the reader has stalled, if that blocks `pid` because its pipe is full.
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

    /// Moves all output of the first run, if it has exited and that needs no waiting. Returns
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

    /// Removes a source that is complete, so that the next one follows.
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

    /// Limits all sources to the present content of their pipes, because a process that outlives
    /// its run may write forever.
    fn retire(&self) {
        let mut held = if self.filter.is_none() { self.held() } else { 0 };
        for source in self.sources.borrow().iter() {
            let all = source.unread() + std::mem::take(&mut held);
            source.left.set(Some(source.left.get().unwrap_or(all)));
        }
    }

    /// Drops the oldest waiting source if there are too many, but not the one that is being moved.
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
