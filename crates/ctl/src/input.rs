//! Reads commands of a user or a script. It is the only reader of standard input.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::termios::{self, LocalModes, OptionalActions, Termios};

use supervisor_sys::io::watch::Watched;

/// Maximum length of a line, in bytes. A longer line is split.
const LONGEST_LINE: usize = 1 << 20;

/// Size of one read, in bytes.
const PIECE: usize = 4096;

/// Reads lines from a descriptor.
pub(crate) struct Input {
    from: Box<dyn AsFd>,
    /// Bytes that were read and not yet returned.
    pending: Vec<u8>,
    ended: bool,
}

/// The terminal modes before a change.
#[must_use]
pub(crate) struct Hidden(Option<Termios>);

impl Input {
    /// Creates a reader of this descriptor.
    pub(crate) fn over(from: impl AsFd + 'static) -> Self {
        Self { from: Box::new(from), pending: Vec::new(), ended: false }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.from.as_fd()
    }

    /// The next line without its line break; `None` after the last line.
    pub(crate) fn line(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.take_line() {
                return Some(line);
            }
            // A terminal can deliver more input after its end.
            if std::mem::take(&mut self.ended) {
                return None;
            }
            self.fill();
        }
    }

    /// Like `line`, for callers that also wait for other events. Dropping the future loses no
    /// input.
    pub(crate) async fn next_line(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.take_line() {
                return Some(line);
            }
            if std::mem::take(&mut self.ended) {
                return None;
            }
            // A file is always readable, and the event loop cannot wait for it.
            if let Ok(watched) = Watched::for_reading(self.fd())
                && let Some(ready) = watched.readable().await
                && !has_something(self.fd())
            {
                // Ctrl-C has discarded the typed input; a read would wait for more.
                ready.spend();
                continue;
            }
            self.fill();
        }
    }

    /// Returns text to the input: the next read yields it first. `is_end`: the input ends after it.
    pub(crate) fn put_back(&mut self, text: &str, is_end: bool) {
        self.pending.extend_from_slice(text.as_bytes());
        self.ended = is_end;
    }

    /// Drops the input that was read and not used.
    pub(crate) fn discard(&mut self) {
        self.pending.clear();
        self.ended = false;
    }

    /// Turns the echo of typed characters off, if the input is a terminal.
    pub(crate) fn hide(&self) -> Hidden {
        let shown = termios::tcgetattr(self.fd()).ok();
        if let Some(mut hidden) = shown.clone() {
            hidden.local_modes.remove(LocalModes::ECHO);
            let _ = termios::tcsetattr(self.fd(), OptionalActions::Flush, &hidden);
        }
        Hidden(shown)
    }

    /// Delivers each key at once and without echo, also Ctrl-C.
    pub(crate) fn keys_at_once(&self) -> Hidden {
        self.change(|modes| modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG))
    }

    /// Delivers whole lines with echo again, and lets Ctrl-C interrupt.
    pub(crate) fn lines_again(&self) -> Hidden {
        self.change(|modes| modes.insert(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG))
    }

    fn change(&self, change: impl FnOnce(&mut LocalModes)) -> Hidden {
        let before = termios::tcgetattr(self.fd()).ok();
        if let Some(mut changed) = before.clone() {
            change(&mut changed.local_modes);
            let _ = termios::tcsetattr(self.fd(), OptionalActions::Now, &changed);
        }
        Hidden(before)
    }

    /// The bytes that the user types, as soon as there are any; empty if there are none within this
    /// time. `None`: the input has ended.
    pub(crate) fn keys(&mut self, within: Duration) -> Option<Vec<u8>> {
        if self.pending.is_empty() {
            let timeout = Timespec::try_from(within).ok()?;
            let mut asked = [PollFd::new(&self.from, PollFlags::IN)];
            match rustix::event::poll(&mut asked, Some(&timeout)) {
                Ok(0) | Err(Errno::INTR) => return Some(Vec::new()),
                Ok(_) => self.fill(),
                Err(_) => return None,
            }
        }
        if std::mem::take(&mut self.ended) { None } else { Some(std::mem::take(&mut self.pending)) }
    }

    /// Restores the terminal modes.
    pub(crate) fn show(&self, Hidden(shown): Hidden) {
        if let Some(shown) = shown {
            let _ = termios::tcsetattr(self.fd(), OptionalActions::Now, &shown);
        }
    }

    /// Reads once, which returns the available bytes of a terminal or a pipe.
    fn fill(&mut self) {
        let mut piece = [0; PIECE];
        match rustix::io::read(self.fd(), &mut piece) {
            Ok(0) => self.ended = true,
            Ok(length) => self.pending.extend_from_slice(&piece[..length]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // An error counts as the end of the input.
            Err(_) => self.ended = true,
        }
    }

    fn take_line(&mut self) -> Option<String> {
        let (length, end) = match self.pending.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at, at + 1),
            None if self.pending.len() >= LONGEST_LINE
                || (self.ended && !self.pending.is_empty()) =>
            {
                (self.pending.len(), self.pending.len())
            }
            None => return None,
        };
        let line = String::from_utf8_lossy(&self.pending[..length]).into_owned();
        self.pending.drain(..end);
        Some(line)
    }
}

fn has_something(fd: BorrowedFd<'_>) -> bool {
    let mut asked = [PollFd::new(&fd, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut asked, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_one_by_one_and_the_last_needs_no_line_break() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&writer, b"one\n\ntwo").unwrap();
        drop(writer);
        let mut input = Input::over(reader);
        assert_eq!(input.line().as_deref(), Some("one"));
        assert_eq!(input.line().as_deref(), Some(""));
        assert_eq!(input.line().as_deref(), Some("two"));
        assert_eq!(input.line(), None);
    }
}
