//! Lines on stderr while there is no journal.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::io::write_without_blocking::write_without_blocking;

/// Time limit for a stalled reader of stderr. After that, the rest of the text is dropped.
const READER_PATIENCE: Duration = Duration::from_secs(1);

/// Writes `text` to stderr. A failure cannot be reported.
pub fn to_stderr(text: &str) {
    let stderr = rustix::stdio::stderr();
    let patience = Timespec::try_from(READER_PATIENCE).ok();
    say(text, stderr.as_fd(), || {
        let mut asked = [PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::OUT)];
        rustix::event::poll(&mut asked, patience.as_ref())
    });
}

/// Writes `text` to `to`. `is_ready` waits until `to` accepts bytes; 0: it did not for too long.
fn say(text: &str, to: BorrowedFd<'_>, is_ready: impl Fn() -> Result<usize, Errno>) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let written = match is_ready() {
            Ok(0) => return,
            Ok(_) => write_without_blocking(rest, to),
            // With a limit of no descriptors at all nothing can be polled.
            Err(Errno::INVAL) => rustix::io::write(to, rest),
            Err(error) => Err(error),
        };
        match written {
            Ok(said) => rest = &rest[said..],
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stderr_that_cannot_be_polled_is_written() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        say("text", writer.as_fd(), || Err(Errno::INVAL));
        drop(writer);
        let mut read = [0; 8];
        assert_eq!(rustix::io::read(&reader, &mut read), Ok(4));
        assert_eq!(&read[..4], b"text");
    }
}
