//! The byte stream of a connection. It records progress and detects that the client has left.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendAncillaryBuffer, SendFlags};
use supervisor_sys::either::either;
use supervisor_sys::io::watch::Watched;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits::connections::{Activity, Phase};

/// A connection's socket that records its progress.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    socket: Rc<Watched<OwnedFd>>,
    activity: Rc<Activity>,
    /// No byte has been read yet.
    fresh: Rc<Cell<bool>>,
}

fn would_block<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

impl Stream {
    pub(super) fn new(socket: OwnedFd, activity: &Rc<Activity>) -> io::Result<Self> {
        let socket = Rc::new(Watched::for_both(socket)?);
        Ok(Self { socket, activity: Rc::clone(activity), fresh: Rc::new(Cell::new(true)) })
    }

    /// Waits until the connection's slot is needed, or until its client has disconnected without
    /// waiting for a response. hyper checks neither while it builds a response.
    ///
    /// A client that closes only its writing side, for example `nc -N`, still waits for a response.
    /// On TCP, a client that closes both sides looks the same until bytes are sent. A client that
    /// follows a stream shows its end only by closing its writing side.
    pub(super) async fn is_to_close(&self) {
        let mut silent = false;
        loop {
            let left = match self.activity.phase() {
                Phase::Transfer => false,
                Phase::Answering | Phase::Ordering => silent && self.is_deaf(),
                Phase::Streaming => silent,
            };
            if left || self.activity.is_evicted() {
                return;
            }
            if silent {
                self.activity.changed().await;
            } else {
                silent = either(self.socket.read_closed(), self.activity.changed()).await.is_some();
            }
        }
    }

    /// Whether the client has closed both sides.
    fn is_deaf(&self) -> bool {
        let mut polled = [PollFd::new(self.socket.get(), PollFlags::empty())];
        let now = Timespec::default();
        poll(&mut polled, Some(&now)).is_ok() && polled[0].revents().contains(PollFlags::HUP)
    }

    fn note(&self, passed: io::Result<usize>) -> io::Result<usize> {
        if passed.as_ref().is_ok_and(|bytes| *bytes > 0) {
            self.activity.progresses();
        }
        passed
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buffer.initialize_unfilled();
        let mut read = |socket: &OwnedFd| Ok(rustix::io::read(socket, &mut *room)?);
        // Most heads arrive with their connection. If the read waited for the event loop, other
        // connections could have closed this one in the meantime.
        let read = match self.fresh.replace(false).then(|| read(self.socket.get())) {
            Some(read) if !would_block(&read) => read,
            Some(_) | None => ready!(self.socket.poll_read(context, read)),
        };
        buffer.advance(self.note(read)?);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let send = |socket: &OwnedFd| {
            let mut nothing = SendAncillaryBuffer::default();
            Ok(rustix::net::sendmsg(socket, pieces, &mut nothing, SendFlags::NOSIGNAL)?)
        };
        let sent = match send(self.socket.get()) {
            sent if would_block(&sent) => ready!(self.socket.poll_write(context, send)),
            sent => sent,
        };
        Poll::Ready(self.note(sent))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = rustix::net::shutdown(self.socket.get(), rustix::net::Shutdown::Write);
        Poll::Ready(Ok(done?))
    }
}
