//! How long a client may take: a connection may be idle for hours while there are places
//! left, half a request may not.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use supervisor_sys::either::either;
use supervisor_sys::io::watch::Watched;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::places::Turns;

/// How long a head may take from its first byte on; the first one of a connection from its
/// beginning, since whoever opens one has something to ask.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(20);

/// How long a connection to the status port may be idle: it has no password, and whoever
/// asks there can connect again.
pub(crate) const STATUS_IDLE_TIME: Duration = Duration::from_secs(60);

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing has come of the next request.
    Idle,
    /// Something has come of its head.
    Head,
    /// A request is being answered.
    Busy,
}

/// What is known of a connection's progress.
#[derive(Debug)]
pub(crate) struct Pace {
    phase: Cell<Phase>,
    /// Requests whose head was whole.
    heads: Cell<u64>,
    /// The last bytes that came.
    tail: Cell<u32>,
    /// Whether the latest request has a body.
    has_body: Cell<bool>,
    /// How long it may be idle, if not for ever.
    idle_time: Option<Duration>,
    /// Its place among those that are idle.
    turn: Cell<u64>,
    turns: Rc<Turns>,
    /// Its place is needed.
    unseated: Cell<bool>,
    ending: Cell<bool>,
    changed: Notify,
    line: RefCell<Line>,
    line_changed: Notify,
}

/// Why a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// A head took too long.
    Head,
    /// It was idle for too long, or another needs its place.
    Idle,
}

/// A second descriptor of a connection, by which it shows that its client has gone while
/// he is being answered: hyper does not look then.
#[derive(Debug, Default)]
enum Line {
    #[default]
    NotWanted,
    Wanted(Sign),
    Here(Sign, OwnedFd),
    Watched,
}

/// How it shows that a client has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// He will say nothing more: for the client of a stream that has no end, the only sign
    /// there is on TCP until the next piece is sent.
    Silent,
    /// He won't listen either. Who has only ended his side, as `nc -N` does, waits for his
    /// answer.
    Deaf,
}

impl Pace {
    /// That of a connection which may be idle so long.
    pub(super) fn new(idle_time: Option<Duration>, turns: Rc<Turns>) -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Head),
            heads: Cell::new(0),
            tail: Cell::new(0),
            has_body: Cell::new(false),
            idle_time,
            turn: Cell::new(0),
            turns,
            unseated: Cell::new(false),
            ending: Cell::new(false),
            changed: Notify::new(),
            line: RefCell::default(),
            line_changed: Notify::new(),
        })
    }

    /// A head is whole.
    pub(crate) fn asked(&self, has_body: bool) {
        self.heads.set(self.heads.get() + 1);
        self.has_body.set(has_body);
        self.enter(Phase::Busy);
    }

    /// A request was answered, as far as we are concerned.
    pub(crate) fn answered(&self) {
        self.want(Line::NotWanted);
        self.turn.set(self.turns.next());
        // The beginning of the next head may have come with the last one, and wait in
        // hyper's buffer. What came behind a body can't be told from it.
        let begun = !self.has_body.get() && !self.is_between_heads();
        self.enter(if begun { Phase::Head } else { Phase::Idle });
    }

    /// A request is whole, and its answer may have to wait.
    pub(crate) fn waits(&self) {
        self.want(Line::Wanted(Sign::Deaf));
    }

    /// A stream is about to be sent, which may have nothing to say for hours.
    pub(crate) fn streams(&self) {
        self.want(Line::Wanted(Sign::Silent));
    }

    /// When it became idle, in the order of all; nothing while it isn't.
    pub(super) fn idle_since(&self) -> Option<u64> {
        (self.phase.get() == Phase::Idle).then_some(self.turn.get())
    }

    /// Its place is needed, unless a request comes at this moment.
    pub(super) fn unseat(&self) {
        self.unseated.set(true);
        self.changed.notify_one();
    }

    pub(super) const fn is_unseated(&self) -> bool {
        self.unseated.get()
    }

    /// Waits until a client that is being answered has gone.
    pub(crate) async fn hung_up(&self) {
        loop {
            match self.take_line() {
                Some((sign, here)) => {
                    if either(shows(sign, here), self.line_is_done()).await.is_some() {
                        return;
                    }
                }
                None => self.line_changed.notified().await,
            }
        }
    }

    /// The line, if it is here and not watched yet.
    fn take_line(&self) -> Option<(Sign, OwnedFd)> {
        let mut line = self.line.borrow_mut();
        match std::mem::take(&mut *line) {
            Line::Here(sign, here) => {
                *line = Line::Watched;
                Some((sign, here))
            }
            other @ (Line::NotWanted | Line::Wanted(_) | Line::Watched) => {
                *line = other;
                None
            }
        }
    }

    async fn line_is_done(&self) {
        while matches!(*self.line.borrow(), Line::Watched) {
            self.line_changed.notified().await;
        }
    }

    fn want(&self, line: Line) {
        *self.line.borrow_mut() = line;
        self.line_changed.notify_one();
    }

    fn offer(&self, line: BorrowedFd<'_>) {
        let mut wanted = self.line.borrow_mut();
        // Without one it is noticed when there is something to send.
        if let (Line::Wanted(sign), Ok(line)) = (&*wanted, line.try_clone_to_owned()) {
            *wanted = Line::Here(*sign, line);
            self.line_changed.notify_one();
        }
    }

    /// From now on streams end.
    pub(crate) fn end(&self) {
        self.ending.set(true);
    }

    pub(crate) const fn is_ending(&self) -> bool {
        self.ending.get()
    }

    /// Waits until a head takes too long, or the next one doesn't begin in time. Where any
    /// time will do none is counted, so an idle connection wakes nobody.
    pub(crate) async fn overdue(&self) -> Overdue {
        loop {
            if self.unseated.get() {
                return Overdue::Idle;
            }
            let (phase, heads) = (self.phase.get(), self.heads.get());
            let moved =
                || self.phase.get() != phase || self.heads.get() != heads || self.unseated.get();
            let (time, overdue) = match phase {
                Phase::Head => (Some(HEAD_TIME), Overdue::Head),
                Phase::Idle => (self.idle_time, Overdue::Idle),
                Phase::Busy => (None, Overdue::Idle),
            };
            match time {
                Some(time) if timeout(time, self.until(moved)).await.is_err() => return overdue,
                Some(_) => {}
                None => self.until(moved).await,
            }
        }
    }

    async fn until(&self, reached: impl Fn() -> bool) {
        while !reached() {
            self.changed.notified().await;
        }
    }

    fn read(&self, bytes: &[u8]) {
        let last = bytes.iter().skip(bytes.len().saturating_sub(size_of::<u32>()));
        self.tail.set(last.fold(self.tail.get(), |tail, byte| tail << 8 | u32::from(*byte)));
        // Some clients send an empty line more than they should.
        let begins = bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
        if begins && self.phase.get() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    /// Whether what has come ends with an empty line, as heads do.
    fn is_between_heads(&self) -> bool {
        let [_, before, ..] = self.tail.get().to_be_bytes();
        let [.., last_but_one, last] = self.tail.get().to_be_bytes();
        let line_before = if last_but_one == b'\r' { before } else { last_but_one };
        last == b'\n' && line_before == b'\n'
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        // Whoever needs a place must find another.
        if phase != Phase::Idle && self.unseated.replace(false) {
            self.turns.tell();
        }
        self.changed.notify_one();
    }
}

/// Waits until a client has gone.
async fn shows(sign: Sign, line: OwnedFd) {
    match sign {
        Sign::Silent => {
            let Ok(watched) = Watched::for_reading(line) else { return };
            while let Some(ready) = watched.readable().await {
                if ready.is_closed() {
                    return;
                }
                ready.spend();
            }
        }
        Sign::Deaf => {
            // It is noticed when the answer is sent.
            let Ok(watched) = Watched::for_writing(line) else { return pending().await };
            while let Some(ready) = watched.writable().await {
                if ready.is_finished() {
                    return;
                }
                ready.spend();
            }
        }
    }
}

/// A stream whose progress is noted.
#[derive(Debug)]
pub(crate) struct Paced<S> {
    stream: S,
    pace: Rc<Pace>,
}

impl<S> Paced<S> {
    pub(crate) const fn new(stream: S, pace: Rc<Pace>) -> Self {
        Self { stream, pace }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let paced = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut paced.stream).poll_read(context, buffer);
        paced.pace.read(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl<S: AsyncWrite + AsFd + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pace.offer(self.stream.as_fd());
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn pace(idle_time: Option<Duration>) -> Rc<Pace> {
        Pace::new(idle_time, Rc::default())
    }

    /// Whether, and why, it is overdue within a day of a clock that needs no time.
    fn overdue(pace: &Pace) -> Option<Overdue> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { timeout(DAY, pace.overdue()).await.ok() })
    }

    #[test]
    fn a_connection_that_was_used_may_be_idle() {
        let pace = pace(None);
        pace.read(b"GET / HTTP/1.1\r\n\r\n");
        pace.asked(false);
        pace.answered();
        assert_eq!(overdue(&pace), None);
        // Some clients send an empty line more than they should.
        pace.read(b"\r\n");
        assert_eq!(overdue(&pace), None);
    }

    #[test]
    fn where_strangers_ask_it_may_be_for_a_while() {
        let pace = pace(Some(STATUS_IDLE_TIME));
        pace.read(b"GET / HTTP/1.1\n\n");
        pace.asked(false);
        assert_eq!(overdue(&pace), None);
        pace.answered();
        assert_eq!(overdue(&pace), Some(Overdue::Idle));
    }

    #[test]
    fn an_answer_may_take_its_time() {
        let pace = pace(None);
        pace.asked(true);
        pace.read(b"more of the body");
        assert_eq!(overdue(&pace), None);
        pace.answered();
        assert_eq!(overdue(&pace), None);
    }

    #[test]
    fn a_head_may_not() {
        let pace = pace(None);
        assert_eq!(overdue(&pace), Some(Overdue::Head), "nothing comes");
        pace.read(b"GET / HTTP/1.1\r\n\r\n");
        pace.asked(false);
        pace.answered();
        pace.read(b"\r\nP");
        assert_eq!(overdue(&pace), Some(Overdue::Head), "half of the second comes");
    }

    #[test]
    fn nor_may_one_that_began_with_the_one_before() {
        for rest in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nX: y\r"] {
            let pace = pace(None);
            pace.read(format!("GET / HTTP/1.1\r\n\r\n{rest}").as_bytes());
            pace.asked(false);
            pace.answered();
            assert_eq!(overdue(&pace), Some(Overdue::Head), "{rest:?}");
        }
    }

    #[test]
    fn who_is_idle_makes_room_and_who_asks_does_not() {
        let pace = pace(None);
        pace.asked(true);
        assert_eq!(pace.idle_since(), None);
        pace.answered();
        assert!(pace.idle_since().is_some());
        pace.unseat();
        assert_eq!(overdue(&pace), Some(Overdue::Idle));
        pace.read(b"GET");
        pace.asked(false);
        assert!(!pace.is_unseated());
        assert_eq!(overdue(&pace), None);
    }
}
