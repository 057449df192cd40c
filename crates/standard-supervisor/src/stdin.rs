//! Our end of a process's stdin. Nothing waits for the process to read.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::io::Errno;

use crate::sys::watch::Watched;

/// Bytes that wait for the process to read them at most.
const ROOM: usize = 1024 * 1024;

/// A pipe, and what found no room in it yet.
#[derive(Debug)]
pub(crate) struct Stdin {
    pipe: OwnedFd,
    queue: RefCell<VecDeque<u8>>,
    closed: Cell<bool>,
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CannotWrite {
    /// The process has closed it.
    Closed,
    /// It does not read what it was given before.
    Full,
}

impl fmt::Display for CannotWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("its stdin is closed"),
            Self::Full => write!(f, "it has not read the {ROOM} bytes that it was given before"),
        }
    }
}

impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Stdin {
    /// Takes the end of a pipe that never makes us wait.
    pub(crate) fn new(pipe: OwnedFd) -> Rc<Self> {
        Rc::new(Self { pipe, queue: RefCell::default(), closed: Cell::new(false) })
    }

    /// Writes all of `bytes`, now or when there is room. `broken` is called if the
    /// process closes its end before it was given all of it. To be called within the
    /// event loop.
    pub(crate) fn write(
        self: &Rc<Self>,
        bytes: &[u8],
        broken: impl FnOnce() + 'static,
    ) -> Result<(), CannotWrite> {
        let idle = self.queue.borrow().is_empty();
        if self.closed.get() {
            return Err(CannotWrite::Closed);
        }
        // One message of any size is taken: it has been bounded elsewhere.
        if !idle && self.queue.borrow().len() + bytes.len() > ROOM {
            return Err(CannotWrite::Full);
        }
        self.queue.borrow_mut().extend(bytes);
        if idle {
            match self.flush() {
                Ok(true) => {}
                Ok(false) => {
                    tokio::task::spawn_local(Rc::clone(self).flush_later(broken));
                }
                Err(_) => return Err(CannotWrite::Closed),
            }
        }
        Ok(())
    }

    /// Writes what there is room for; whether that was all.
    fn flush(&self) -> io::Result<bool> {
        let mut queue = self.queue.borrow_mut();
        while !queue.is_empty() {
            match rustix::io::write(&self.pipe, queue.as_slices().0) {
                Ok(written) => drop(queue.drain(..written)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => {
                    self.closed.set(true);
                    queue.clear();
                    return Err(error.into());
                }
            }
        }
        Ok(true)
    }

    async fn flush_later(self: Rc<Self>, broken: impl FnOnce()) {
        let Ok(watched) = Watched::for_writing(Rc::clone(&self)) else { return broken() };
        while let Some(ready) = watched.writable().await {
            match self.flush() {
                Ok(true) => return,
                Ok(false) => ready.spend(),
                Err(_) => return broken(),
            }
        }
    }
}
