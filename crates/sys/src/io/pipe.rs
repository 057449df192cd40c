//! Inspects a pipe from its reading end.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};

/// Whether a writer to this pipe would block. The number of bytes does not show this, because a
/// page with one short line may be full for the next writer. The function therefore opens the
/// writing end and polls it.
pub fn is_full(pipe: BorrowedFd<'_>) -> bool {
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    // Without O_NONBLOCK the opening could wait for a reader, which is us.
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(end) = rustix::fs::open(path, flags, Mode::empty()) else { return is_nearly_full(pipe) };
    let mut ends = [PollFd::new(&end, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut ends, Some(&at_once)) {
        Ok(_) => !ends[0].revents().contains(PollFlags::OUT),
        Err(_) => is_nearly_full(pipe),
    }
}

/// Estimates the same by the number of bytes, if there is no `/proc` or no descriptor left.
fn is_nearly_full(pipe: BorrowedFd<'_>) -> bool {
    let held = rustix::io::ioctl_fionread(pipe).unwrap_or(0);
    let size = rustix::pipe::fcntl_getpipe_size(pipe.as_fd()).unwrap_or(usize::MAX) as u64;
    held > 0 && held.saturating_add(rustix::pipe::PIPE_BUF as u64) > size
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    fn filled(piece: &[u8]) -> (OwnedFd, OwnedFd) {
        let (read, write) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        while rustix::io::write(&write, piece).is_ok() {}
        (read, write)
    }

    #[test]
    fn a_pipe_is_full_when_its_writer_has_to_wait() {
        let (read, write) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        assert!(!is_full(read.as_fd()));
        rustix::io::write(&write, &[0; 60_000]).unwrap();
        assert!(!is_full(read.as_fd()));
        // Of pieces of 3000 bytes each takes a page.
        for piece in [&[0; 4096][..], &[0; 3000], &[0; 1]] {
            let (read, _write) = filled(piece);
            assert!(is_full(read.as_fd()), "{}", piece.len());
        }
        let (read, _write) = filled(&[0; 4096]);
        assert!(is_nearly_full(read.as_fd()));
    }

    #[test]
    fn checking_a_pipe_does_not_change_it() {
        let (read, write) = filled(&[0; 4096]);
        assert!(is_full(read.as_fd()));
        drop(write);
        let mut all = Vec::new();
        std::io::Read::read_to_end(&mut std::fs::File::from(read), &mut all).unwrap();
        assert_eq!(all.len(), 65_536);
    }
}
