//! The pipe that one run writes into.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use supervisor_core::ids::Pid;

use super::super::tail::Tail;

#[derive(Debug)]
pub(super) struct Source {
    pub(super) pipe: OwnedFd,
    /// The process that writes into it; `None`: the supervisor does.
    pub(super) pid: Option<Pid>,
    /// Bytes that are still taken from it, since another has followed; `None`: all.
    pub(super) left: Cell<Option<u64>>,
    /// The end of what came; `None`: it is not asked for, or has been already.
    pub(super) tail: RefCell<Option<Tail>>,
}

impl Source {
    pub(super) fn unread(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.pipe).unwrap_or(0)
    }

    /// Bytes that the pipe has room for, which its program may have changed.
    pub(super) fn room(&self) -> u64 {
        rustix::pipe::fcntl_getpipe_size(&self.pipe).map_or(PIPE_SIZE, |size| size as u64)
    }

    /// Whether what is in it is all that will come.
    pub(super) const fn is_last(&self) -> bool {
        self.left.get().is_some()
    }

    pub(super) fn gave(&self, bytes: usize) {
        self.left.set(self.left.get().map(|left| left.saturating_sub(bytes as u64)));
    }
}

/// What a pipe usually has room for.
const PIPE_SIZE: u64 = 64 * 1024;

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
