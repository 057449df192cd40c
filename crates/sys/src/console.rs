//! What a command line prints, and the exit codes it ends with.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use supervisor_config::Sources;

use crate::io::errno;
use crate::io::stderr::to_stderr;
use crate::process::nested;

/// The exit code of what went as it should.
pub const SUCCESS: u8 = 0;

/// The exit code of what could not even begin.
pub const FAILURE: u8 = 1;

/// The exit code of supervisord for what could not even begin.
pub const BAD_USAGE: u8 = 2;

/// The path of the running program: as it was called, if that names a place.
#[must_use]
pub fn program(called: &OsStr) -> PathBuf {
    let called = PathBuf::from(called);
    let named = called.components().count() > 1;
    if named { called } else { std::env::current_exe().unwrap_or(called) }
}

/// supervisord's way to say that something is wrong with what it was given.
#[must_use]
pub fn refuse_as_supervisord<'a>(called: &str, messages: impl IntoIterator<Item = &'a str>) -> u8 {
    for message in messages {
        to_stderr(&format!("Error: {message}\n"));
    }
    to_stderr(&format!("For help, use {called} -h\n"));
    BAD_USAGE
}

/// Everything that this process was started with and that can configure it.
#[must_use]
pub fn sources() -> Sources {
    let environment: Vec<_> = std::env::vars_os().collect();
    Sources {
        keeper: nested::keeper(&environment),
        environment,
        hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        temp_dir: std::env::temp_dir(),
        uid: rustix::process::getuid().as_raw(),
    }
}

/// Prints `text` on stdout and returns the exit code that says whether that was possible.
#[must_use]
pub fn print(text: &str) -> u8 {
    let mut stdout = std::io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => SUCCESS,
        // Who reads no further has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => FAILURE,
        Err(error) => complain(&format!("cannot write to stdout: {}", errno::words(&error)), ""),
    }
}

/// Prints an error, and how the program is used, on stderr; returns [`FAILURE`].
#[must_use]
pub fn complain(error: &dyn Display, usage: &str) -> u8 {
    to_stderr(&format!("ERROR: {error}\n{usage}"));
    FAILURE
}
