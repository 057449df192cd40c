//! How long a client may take: a connection may be idle for hours, half a request may not.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::sys::watch::Watched;

/// How long a head may take from its first byte on; the first one of a connection from its
/// beginning, since whoever opens one has something to ask.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(20);

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
    ending: Cell<bool>,
    changed: Notify,
    line: RefCell<Line>,
    line_is_here: Notify,
}

/// A descriptor by which it shows that a client has gone while it is sent a stream. While
/// it has said something that is not read yet, hyper does not notice.
#[derive(Debug, Default)]
enum Line {
    #[default]
    NotWanted,
    Wanted,
    Here(OwnedFd),
}

impl Pace {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Head),
            heads: Cell::new(0),
            ending: Cell::new(false),
            changed: Notify::new(),
            line: RefCell::default(),
            line_is_here: Notify::new(),
        })
    }

    /// A head is whole.
    pub(crate) fn asked(&self) {
        self.heads.set(self.heads.get() + 1);
        self.enter(Phase::Busy);
    }

    /// A request was answered, as far as we are concerned.
    pub(crate) fn answered(&self) {
        self.enter(Phase::Idle);
    }

    /// A stream is about to be sent, which may have nothing to say for hours.
    pub(crate) fn streams(&self) {
        *self.line.borrow_mut() = Line::Wanted;
    }

    /// Waits until a client that is sent a stream has gone.
    pub(crate) async fn hung_up(&self) {
        let line = loop {
            let line = self.line.replace(Line::NotWanted);
            match line {
                Line::Here(line) => break line,
                Line::NotWanted | Line::Wanted => *self.line.borrow_mut() = line,
            }
            self.line_is_here.notified().await;
        };
        let Ok(watched) = Watched::for_reading(line) else { return };
        while let Some(ready) = watched.readable().await {
            if ready.is_closed() {
                return;
            }
            ready.spend();
        }
    }

    fn offer(&self, line: BorrowedFd<'_>) {
        let mut wanted = self.line.borrow_mut();
        // Without one it is noticed when there is something to send.
        if let (Line::Wanted, Ok(line)) = (&*wanted, line.try_clone_to_owned()) {
            *wanted = Line::Here(line);
            self.line_is_here.notify_one();
        }
    }

    /// From now on streams end.
    pub(crate) fn end(&self) {
        self.ending.set(true);
    }

    pub(crate) const fn is_ending(&self) -> bool {
        self.ending.get()
    }

    /// Waits until a head takes too long. While none has begun no time is counted, so an
    /// idle connection wakes nobody.
    pub(crate) async fn overdue(&self) {
        loop {
            self.until(|| self.phase.get() == Phase::Head).await;
            let heads = self.heads.get();
            let done = || self.phase.get() != Phase::Head || self.heads.get() != heads;
            if timeout(HEAD_TIME, self.until(done)).await.is_err() {
                return;
            }
        }
    }

    async fn until(&self, reached: impl Fn() -> bool) {
        while !reached() {
            self.changed.notified().await;
        }
    }

    fn read(&self, bytes: &[u8]) {
        // Some clients send an empty line more than they should.
        let begins = bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
        if begins && self.phase.get() == Phase::Idle {
            self.enter(Phase::Head);
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.changed.notify_one();
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

    /// Whether it is overdue within a day of a clock that needs no time.
    fn is_overdue(pace: &Pace) -> bool {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { timeout(DAY, pace.overdue()).await.is_ok() })
    }

    #[test]
    fn a_connection_that_was_used_may_be_idle() {
        let pace = Pace::new();
        pace.asked();
        pace.answered();
        assert!(!is_overdue(&pace));
        // Some clients send an empty line more than they should.
        pace.read(b"\r\n");
        assert!(!is_overdue(&pace));
    }

    #[test]
    fn an_answer_may_take_its_time() {
        let pace = Pace::new();
        pace.asked();
        pace.read(b"more of the body");
        assert!(!is_overdue(&pace));
    }

    #[test]
    fn a_head_may_not() {
        let pace = Pace::new();
        assert!(is_overdue(&pace), "nothing comes");
        pace.asked();
        pace.answered();
        pace.read(b"\r\nP");
        assert!(is_overdue(&pace), "half of the second comes");
    }
}
