//! Input that a line editor has read ahead, taken out of the editor.
//!
//! rustyline reads all bytes that a terminal has, and keeps those behind the first line for its next
//! call. It offers no way to take them out, and a call with nothing left would wait for a key. So
//! this module lets it read a terminal on which an end mark is already typed: rustyline returns the
//! lines that it has kept, and then the mark.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, open};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::stdio::{dup2_stdin, dup2_stdout, stdin, stdout};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use rustyline::history::History;
use rustyline::{Editor, Helper};

/// A character for private use, which no keyboard has.
const END_MARK: char = '\u{f8ff}';

/// Input that was typed ahead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TypedAhead {
    /// Lines, and the beginning of a line that is not complete.
    pub(crate) text: String,
    /// It ends with Ctrl-D or Ctrl-C.
    pub(crate) is_end: bool,
}

/// Takes the input that `editor` has read and not returned. Nothing may be buffered for stdout.
pub(crate) fn take<H: Helper, I: History>(editor: &mut Editor<H, I>) -> io::Result<TypedAhead> {
    let _marked = Marked::instead_of_the_terminal()?;
    let mut typed = TypedAhead::default();
    loop {
        match editor.readline("") {
            Ok(line) => match line.strip_suffix(END_MARK) {
                Some(rest) => {
                    typed.text.push_str(rest);
                    return Ok(typed);
                }
                None => typed.text += &(line + "\n"),
            },
            // Ctrl-C discards what was typed before it, as a terminal does.
            Err(ReadlineError::Interrupted) => {
                return Ok(TypedAhead { is_end: true, ..TypedAhead::default() });
            }
            Err(_) => return Ok(TypedAhead { is_end: true, ..typed }),
        }
    }
}

/// A terminal with the end mark in the place of stdin, and the null device in that of stdout. Dropping
/// it brings both back.
struct Marked {
    stdin: OwnedFd,
    stdout: OwnedFd,
    /// The mark is lost if this side of the terminal closes.
    _keyboard: OwnedFd,
}

impl Marked {
    fn instead_of_the_terminal() -> io::Result<Self> {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = open(&*ptsname(&keyboard, Vec::new())?, flags, Mode::empty())?;
        // Raw, as rustyline makes it: a change of the mode would discard no input then.
        let mut modes = tcgetattr(&terminal)?;
        modes.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &modes)?;
        rustix::io::write(&keyboard, format!("{END_MARK}\r").as_bytes())?;
        let null = open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        let marked = Self {
            stdin: fcntl_dupfd_cloexec(stdin(), 3)?,
            stdout: fcntl_dupfd_cloexec(stdout(), 3)?,
            _keyboard: keyboard,
        };
        dup2_stdin(&terminal)?;
        dup2_stdout(&null)?;
        Ok(marked)
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        // Nothing can be done about an error; the copies are open.
        let _ = (dup2_stdin(&self.stdin), dup2_stdout(&self.stdout));
    }
}
