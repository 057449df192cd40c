//! What is said on stderr while there is no journal.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::capture::pour::pour;

/// How long somebody who has stderr open may take to read on, before the rest is dropped.
const READER_PATIENCE: Duration = Duration::from_secs(1);

/// Says `text`. Nobody to tell if that fails.
pub(crate) fn to_stderr(text: &str) {
    let stderr = rustix::stdio::stderr();
    let patience = Timespec::try_from(READER_PATIENCE).ok();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let mut asked = [PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::OUT)];
        if rustix::event::poll(&mut asked, patience.as_ref()) == Ok(0) {
            return;
        }
        match pour(rest, stderr.as_fd()) {
            Ok(said) => rest = &rest[said..],
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
