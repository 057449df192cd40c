//! Descriptors that the event loop watches.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// Something with a descriptor, watched as long as this lives.
#[derive(Debug)]
pub struct Watched<T: AsFd>(AsyncFd<Borrow<T>>);

#[derive(Debug)]
struct Borrow<T>(T);

impl<T: AsFd> AsRawFd for Borrow<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// What was seen. Dropping it changes nothing; to wait for the next change after
/// using up this one, it must be spent.
#[derive(Debug)]
pub struct Ready<'a, T: AsFd>(AsyncFdReadyGuard<'a, Borrow<T>>);

impl<T: AsFd> Watched<T> {
    /// Watches for something to read.
    pub fn for_reading(owner: T) -> io::Result<Self> {
        Self::watch(owner, Interest::READABLE)
    }

    /// Watches for room to write. Fails for files, which can't be waited for.
    pub fn for_writing(owner: T) -> io::Result<Self> {
        Self::watch(owner, Interest::WRITABLE)
    }

    /// Watches for both.
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

    /// What is watched.
    pub fn get(&self) -> &T {
        &self.0.get_ref().0
    }

    /// Reads when there is something; an error of kind `WouldBlock` says that there is not.
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

    /// Writes when there is room; an error of kind `WouldBlock` says that there is not.
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

    /// Waits until the other end will say nothing more, whatever there is still to read.
    pub async fn read_closed(&self) {
        // That is all an interest in what is urgent waits for besides.
        while let Ok(mut seen) = self.0.ready(Interest::PRIORITY).await {
            if seen.ready().is_read_closed() {
                return;
            }
            seen.clear_ready_matching(tokio::io::Ready::PRIORITY);
        }
    }

    /// Waits until there is something to read. `None`: the event loop is ending.
    pub async fn readable(&self) -> Option<Ready<'_, T>> {
        self.0.readable().await.ok().map(Ready)
    }

    /// As [`Self::readable`], with a third of its memory: for something that only one task reads.
    pub async fn readable_by_one(&self) -> Option<Ready<'_, T>> {
        poll_fn(|context| self.0.poll_read_ready(context)).await.ok().map(Ready)
    }

    /// Waits until there is room to write. `None`: the event loop is ending.
    pub async fn writable(&self) -> Option<Ready<'_, T>> {
        self.0.writable().await.ok().map(Ready)
    }
}

impl<T: AsFd> Ready<'_, T> {
    /// Whether nobody reads at the other end.
    pub fn is_finished(&self) -> bool {
        self.0.ready().is_write_closed()
    }

    /// Notes that what was seen has been used up.
    pub fn spend(mut self) {
        self.0.clear_ready();
    }
}
