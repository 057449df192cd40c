//! The pipe into which one run writes.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use supervisor_core::ids::Pid;

use super::super::tail::Tail;

#[derive(Debug)]
pub(super) struct Source {
    pub(super) pipe: OwnedFd,
    /// The process that writes into it; `None`: the supervisor.
    pub(super) pid: Option<Pid>,
    /// The number of bytes that are still read, because a newer pipe has followed; `None`: all.
    pub(super) left: Cell<Option<u64>>,
    /// The end of the output; `None`: it is not needed, or was already taken.
    pub(super) tail: RefCell<Option<Tail>>,
}

impl Source {
    pub(super) fn unread(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.pipe).unwrap_or(0)
    }

    /// The capacity of the pipe, which the program may have changed.
    pub(super) fn room(&self) -> u64 {
        rustix::pipe::fcntl_getpipe_size(&self.pipe).map_or(PIPE_SIZE, |size| size as u64)
    }

    /// Whether the pipe's present content is all that will be read.
    pub(super) const fn is_last(&self) -> bool {
        self.left.get().is_some()
    }

    pub(super) fn gave(&self, bytes: usize) {
        self.left.set(self.left.get().map(|left| left.saturating_sub(bytes as u64)));
    }
}

/// The usual capacity of a pipe.
const PIPE_SIZE: u64 = 64 * 1024;

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
