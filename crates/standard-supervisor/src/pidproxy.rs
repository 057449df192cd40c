//! `pidproxy PIDFILE COMMAND [ARG…]`: stands in for a server that goes into the background
//! by itself and leaves its process id in a file, so that it can be supervised.
//!
//! It runs the command, passes signals on to the process in the file, and ends when the
//! command does, or once it has passed on a signal that ends a process. See
//! [supervisor's description](https://supervisord.org/subprocess.html#pidproxy-program).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::event::{PollFd, PollFlags, poll};
use supervisor_core::ids::Pid;
use supervisor_core::signal::Signal;

use supervisor_sys::io::errno;
use supervisor_sys::io::log_piece;
use supervisor_sys::process::reap;
use supervisor_sys::process::signal::{Signals, send};
use supervisor_sys::process::start::spawn::with_usual_signals;

/// Signals that are passed on, and whether one of them is also our end.
const PASSED_ON: [(Signal, bool); 6] = [
    (Signal::TERM, true),
    (Signal::HUP, false),
    (Signal::INT, true),
    (Signal::USR1, false),
    (Signal::USR2, false),
    (Signal::QUIT, true),
];

/// Exit codes of a shell for a command that isn't there, or can't be executed.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// Bytes of a pidfile that are looked at.
const LONGEST_PID: u64 = 64;

/// Why the command could not be run: what to say, and the exit code that says it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) code: u8,
}

/// Runs `command`, whose server writes its process id to `pidfile`. `say` is told what
/// goes wrong meanwhile.
pub(crate) fn pidproxy(
    signals: &Signals,
    pidfile: &Path,
    command: &[OsString],
    mut say: impl FnMut(&str),
) -> Result<(), Refusal> {
    let child = start(command)?;
    loop {
        let mut watched = [PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
        // Interrupted or not: whatever there is will be found.
        let _ = poll(&mut watched, None);
        while let Some(signal) = signals.next() {
            if signal == Signal::CHLD {
                while let Some(reap::Ended { pid, .. }) = reap::next() {
                    if pid == child {
                        return Ok(());
                    }
                }
            } else if let Some((_, ends)) = PASSED_ON.iter().find(|(known, _)| *known == signal) {
                match pass_on(signal, pidfile) {
                    Ok(()) if *ends => return Ok(()),
                    Ok(()) => {}
                    Err(message) => say(&message),
                }
            }
        }
    }
}

fn start(command: &[OsString]) -> Result<Pid, Refusal> {
    let word = command.first().map(OsString::as_os_str).unwrap_or_default();
    let mut started = Command::new(absolute(word));
    started.args(command.get(1..).unwrap_or_default());
    let child = with_usual_signals(&mut started).spawn().map_err(|error| Refusal {
        message: format!("cannot run {}: {}", word.display(), errno::words(&error)),
        code: if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE },
    })?;
    Ok(Pid(child.id().cast_signed()))
}

/// A path is made absolute, as in supervisor's; a name alone is searched in PATH.
fn absolute(word: &OsStr) -> PathBuf {
    let path = PathBuf::from(word);
    if path.components().count() > 1 { std::path::absolute(&path).unwrap_or(path) } else { path }
}

fn pass_on(signal: Signal, pidfile: &Path) -> Result<(), String> {
    // Only a file: anything else might make us wait.
    let text = log_piece::from(pidfile, 0, LONGEST_PID).ok();
    let text = text.map(|piece| String::from_utf8_lossy(&piece.bytes).into_owned());
    let pid = text.and_then(|text| text.trim().parse().ok());
    match pid {
        // Zero and less would reach whole groups of processes.
        Some(pid @ 1..) => send(Pid(pid), signal)
            .map_err(|error| format!("cannot send {signal} to {pid}: {}", errno::words(&error))),
        Some(_) | None => Err(format!("Can't read child pidfile {}!", pidfile.display())),
    }
}
