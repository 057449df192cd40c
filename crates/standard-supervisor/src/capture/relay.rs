//! Carries bytes from pipes to a sink, one pipe after another.
//!
//! A program that is started again gets a new pipe. What its last run wrote comes
//! out first, however long the sink takes.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use supervisor_core::line::Level;
use tokio::sync::Notify;

use super::journal::Journal;
use super::sink::{Held, Moved, Sink};
use crate::sys::watch::Watched;

/// Bytes after which others get their turn.
const TURN: usize = 1024 * 1024;

/// A way from pipes to a sink.
#[derive(Debug)]
pub(crate) struct Relay {
    sink: Rc<Sink>,
    sources: RefCell<VecDeque<Rc<Source>>>,
    held: RefCell<Held>,
    changed: Notify,
    closing: Cell<bool>,
    /// Told once when output can't be delivered.
    complaints: Option<Complaints>,
}

#[derive(Debug)]
struct Complaints {
    about: String,
    to: Rc<Journal>,
    made: Cell<bool>,
}

#[derive(Debug)]
struct Source {
    pipe: OwnedFd,
    /// Its writer is gone: what is in it is all that will come.
    last: Cell<bool>,
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

/// Why carrying stopped for now.
enum Pause {
    SourceEmpty,
    SinkFull,
    TurnOver,
    End,
}

impl Relay {
    /// A relay for the output called `about`; troubles with it go to the journal.
    pub(crate) fn new(sink: Rc<Sink>, about: String, journal: &Rc<Journal>) -> Rc<Self> {
        let made = Cell::new(false);
        Self::with(sink, Some(Complaints { about, to: Rc::clone(journal), made }))
    }

    /// A relay for the journal itself, which has nobody to tell.
    pub(crate) fn for_journal(sink: Rc<Sink>) -> Rc<Self> {
        Self::with(sink, None)
    }

    fn with(sink: Rc<Sink>, complaints: Option<Complaints>) -> Rc<Self> {
        Rc::new(Self {
            sink,
            sources: RefCell::default(),
            held: RefCell::default(),
            changed: Notify::new(),
            closing: Cell::new(false),
            complaints,
        })
    }

    /// Adds the pipe of a new run. Its predecessors end with what is in them.
    pub(crate) fn add(&self, pipe: OwnedFd) {
        self.retire();
        self.sources.borrow_mut().push_back(Rc::new(Source { pipe, last: Cell::new(false) }));
        self.changed.notify_one();
    }

    /// Moves at once what can be moved without waiting.
    pub(crate) fn pump(&self) {
        if let Some(source) = self.front() {
            while let Pause::TurnOver = self.carry_some(&source) {}
        }
    }

    /// Lets [`Self::run`] end when everything has been carried.
    pub(crate) fn close(&self) {
        self.retire();
        self.closing.set(true);
        self.changed.notify_one();
    }

    /// Carries on until closed.
    pub(crate) async fn run(self: Rc<Self>) {
        loop {
            match self.front() {
                Some(source) => {
                    self.carry_all(&source).await;
                    self.sources.borrow_mut().pop_front();
                }
                None if self.closing.get() => return,
                None => self.changed.notified().await,
            }
        }
    }

    fn front(&self) -> Option<Rc<Source>> {
        self.sources.borrow().front().cloned()
    }

    fn retire(&self) {
        for source in self.sources.borrow().iter() {
            source.last.set(true);
        }
    }

    async fn carry_all(&self, source: &Rc<Source>) {
        let Ok(readable) = Watched::for_reading(Rc::clone(source)) else {
            return;
        };
        loop {
            let ready = either(readable.readable(), self.changed.notified()).await;
            loop {
                match self.carry_some(source) {
                    Pause::End => return,
                    Pause::SourceEmpty if source.last.get() => return,
                    Pause::SourceEmpty => break,
                    Pause::SinkFull => self.sink.writable().await,
                    Pause::TurnOver => tokio::task::yield_now().await,
                }
            }
            if let Some(Some(ready)) = ready {
                ready.spend();
            }
        }
    }

    fn carry_some(&self, source: &Source) -> Pause {
        let mut held = self.held.borrow_mut();
        let mut moved = 0;
        while moved < TURN {
            match self.sink.draw(source.pipe.as_fd(), &mut held) {
                Moved::Bytes(bytes) => moved += bytes.max(1),
                Moved::SourceEmpty => return Pause::SourceEmpty,
                Moved::SinkFull => return Pause::SinkFull,
                Moved::End => return Pause::End,
                Moved::Lost(error) => self.complain(&error),
            }
        }
        Pause::TurnOver
    }

    fn complain(&self, error: &io::Error) {
        if let Some(Complaints { about, to, made }) = &self.complaints
            && !made.replace(true)
        {
            to.say(Level::Warn, &format!("cannot write {about}: {error}; output is being dropped"));
        }
    }
}

/// Waits for whichever comes first; the value is that of the left one.
async fn either<A: Future, B: Future>(a: A, b: B) -> Option<A::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|context| {
        if let Poll::Ready(value) = a.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        b.as_mut().poll(context).map(|_| None)
    })
    .await
}
