//! The supervisor's end of a process's stdin. Nothing waits for the process to read.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use rustix::io::Errno;

use crate::io::watch::Watched;

/// The maximum number of bytes that wait for the process to read them.
const ROOM: usize = 1024 * 1024;

/// Interval for retrying a full pipe that cannot be watched because the user may have no more
/// watches.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// A pipe, and the bytes that did not fit into it yet.
#[derive(Debug)]
pub struct Stdin {
    pipe: OwnedFd,
    queue: RefCell<VecDeque<u8>>,
    closed: Cell<bool>,
}

/// The reason why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotWrite {
    /// The process has closed its stdin.
    Closed,
    /// The process has not read the earlier bytes.
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
    /// Takes the writing end of a pipe in non-blocking mode.
    pub fn new(pipe: OwnedFd) -> Rc<Self> {
        Rc::new(Self { pipe, queue: RefCell::default(), closed: Cell::new(false) })
    }

    /// Writes all of `bytes`, now or when there is space. `broken` is called if the process closes
    /// its end before all bytes are written. Call it within the event loop.
    pub fn write(
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

    /// Writes as much as fits. Returns whether everything was written.
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
        let watched = loop {
            match Watched::for_writing(Rc::clone(&self)) {
                Ok(watched) => break watched,
                Err(_) => tokio::time::sleep(TRY_AGAIN).await,
            }
            match self.flush() {
                Ok(true) => return,
                Ok(false) => {}
                Err(_) => return broken(),
            }
        };
        while let Some(ready) = watched.writable().await {
            match self.flush() {
                Ok(true) => return,
                Ok(false) => ready.spend(),
                Err(_) => return broken(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    #[test]
    fn waiting_stdin_is_written_if_the_pipe_cannot_be_watched() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let written = async {
            let (read, write) = pipe_with(PipeFlags::NONBLOCK).unwrap();
            let stdin = Stdin::new(write);
            // The system watches a descriptor for us once only.
            let _watched = Watched::for_writing(Rc::clone(&stdin)).unwrap();
            let nobody_closed_it = || unreachable!("it is open");
            stdin.write(&[b'x'; 100_000], nobody_closed_it).unwrap();
            stdin.write(b"and more", nobody_closed_it).unwrap();
            let mut came = Vec::new();
            let readable = Watched::for_reading(read).unwrap();
            while came.len() < 100_008 {
                let ready = readable.readable().await.unwrap();
                let mut some = [0; 4096];
                match rustix::io::read(readable.get(), &mut some) {
                    Ok(count) => came.extend_from_slice(&some[..count]),
                    Err(error) => {
                        assert_eq!(error, Errno::AGAIN);
                        ready.spend();
                    }
                }
            }
            came.split_off(100_000)
        };
        // The test fails instead of waiting forever.
        let bounded = async { tokio::time::timeout(Duration::from_secs(30), written).await.ok() };
        let rest = tokio::task::LocalSet::new().block_on(&runtime, bounded);
        assert_eq!(rest.as_deref(), Some(&b"and more"[..]));
    }
}
