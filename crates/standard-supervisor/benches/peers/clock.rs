//! The harness's clock, the same that the probe reads.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

/// A moment of CLOCK_MONOTONIC, in nanoseconds: comparable between processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::Monotonic);
        Self(time.tv_sec * 1_000_000_000 + time.tv_nsec)
    }

    pub(crate) fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// Zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

/// A moment by which something must have happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    start: Moment,
    patience: Duration,
}

impl Deadline {
    pub(crate) fn within(patience: Duration) -> Self {
        Self { start: Moment::now(), patience }
    }

    /// Waits until one of `fds` is ready or the deadline has passed; says which of them are ready.
    pub(crate) fn wait<const N: usize>(
        &self,
        fds: [rustix::fd::BorrowedFd<'_>; N],
    ) -> rustix::io::Result<[bool; N]> {
        let mut fds = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        loop {
            let left = self.patience.saturating_sub(Moment::now().since(self.start));
            let left = Timespec::try_from(left).map_err(|_| rustix::io::Errno::INVAL)?;
            match poll(&mut fds, Some(&left)) {
                Ok(_) => return Ok(fds.map(|fd| !fd.revents().is_empty())),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
