//! Descriptors that the event loop watches.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// An object with a descriptor, watched until this is dropped.
#[derive(Debug)]
pub struct Watched<T: AsFd>(AsyncFd<Borrow<T>>);

#[derive(Debug)]
struct Borrow<T>(T);

impl<T: AsFd> AsRawFd for Borrow<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// A readiness event. Dropping it has no effect; call [`Ready::spend`] before waiting for the next
/// event.
#[derive(Debug)]
pub struct Ready<'a, T: AsFd>(AsyncFdReadyGuard<'a, Borrow<T>>);

impl<T: AsFd> Watched<T> {
    /// Watches a descriptor for reading.
    pub fn for_reading(owner: T) -> io::Result<Self> {
        Self::watch(owner, Interest::READABLE)
    }

    /// Watches a descriptor for writing. Fails for regular files, which cannot be watched.
    pub fn for_writing(owner: T) -> io::Result<Self> {
        Self::watch(owner, Interest::WRITABLE)
    }

    /// Watches a descriptor for reading and writing.
    pub fn for_both(owner: T) -> io::Result<Self> {
        Self::watch(owner, Interest::READABLE | Interest::WRITABLE)
    }

    fn watch(owner: T, interest: Interest) -> io::Result<Self> {
        // SAFETY: the descriptor stays open and the same as long as it is watched:
        // it belongs to `owner`, which moves into the watch, and `AsFd` promises
        // that it is valid while its owner lives.
        let watched = unsafe { AsyncFd::register_with_interest(Borrow(owner), interest) };
        watched.map(Self).map_err(|error| error.into_parts().1)
    }

    /// The watched object.
    pub fn get(&self) -> &T {
        &self.0.get_ref().0
    }

    /// Reads if there are bytes; otherwise returns an error of kind `WouldBlock`.
    pub fn poll_read<R>(
        &self,
        context: &mut Context<'_>,
        mut read: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let mut readable = ready!(self.0.poll_read_ready(context))?;
            if let Ok(result) = readable.try_io(|watched| read(&watched.get_ref().0)) {
                return Poll::Ready(result);
            }
        }
    }

    /// Writes if there is space; otherwise returns an error of kind `WouldBlock`.
    pub fn poll_write<R>(
        &self,
        context: &mut Context<'_>,
        mut write: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let mut writable = ready!(self.0.poll_write_ready(context))?;
            if let Ok(result) = writable.try_io(|watched| write(&watched.get_ref().0)) {
                return Poll::Ready(result);
            }
        }
    }

    /// Waits until the other end is closed for writing, even if there are unread bytes.
    pub async fn read_closed(&self) {
        // That is all an interest in what is urgent waits for besides.
        while let Ok(mut seen) = self.0.ready(Interest::PRIORITY).await {
            if seen.ready().is_read_closed() {
                return;
            }
            seen.clear_ready_matching(tokio::io::Ready::PRIORITY);
        }
    }

    /// Waits until there are bytes to read. `None`: the event loop is ending.
    pub async fn readable(&self) -> Option<Ready<'_, T>> {
        self.0.readable().await.ok().map(Ready)
    }

    /// Like [`Self::readable`], with a third of its memory: for an object that only one task reads.
    pub async fn readable_by_one(&self) -> Option<Ready<'_, T>> {
        poll_fn(|context| self.0.poll_read_ready(context)).await.ok().map(Ready)
    }

    /// Waits until there is space for writing. `None`: the event loop is ending.
    pub async fn writable(&self) -> Option<Ready<'_, T>> {
        self.0.writable().await.ok().map(Ready)
    }
}

impl<T: AsFd> Ready<'_, T> {
    /// Whether the reader at the other end has closed it.
    pub fn is_finished(&self) -> bool {
        self.0.ready().is_write_closed()
    }

    /// Marks the readiness as used up.
    pub fn spend(mut self) {
        self.0.clear_ready();
    }
}
