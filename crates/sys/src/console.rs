//! Output of a command line, and its exit codes.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use supervisor_config::Sources;

use crate::io::errno;
use crate::io::stderr::to_stderr;
use crate::process::nested;

/// The exit code after success.
pub const SUCCESS: u8 = 0;

/// The exit code after an error at the start.
pub const FAILURE: u8 = 1;

/// supervisord's exit code after an error in its arguments or configuration.
pub const BAD_USAGE: u8 = 2;

/// The path of the running program. If it was called by a plain name, that is the name itself.
#[must_use]
pub fn program(called: &OsStr) -> PathBuf {
    let called = PathBuf::from(called);
    let named = called.components().count() > 1;
    if named { called } else { std::env::current_exe().unwrap_or(called) }
}

/// Prints errors in arguments or the configuration with supervisord's messages.
#[must_use]
pub fn refuse_as_supervisord<'a>(called: &str, messages: impl IntoIterator<Item = &'a str>) -> u8 {
    for message in messages {
        to_stderr(&format!("Error: {message}\n"));
    }
    to_stderr(&format!("For help, use {called} -h\n"));
    BAD_USAGE
}

/// The arguments, environment and files that can configure this process.
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

/// Prints `text` on stdout. Returns the exit code, which shows whether it could be written.
#[must_use]
pub fn print(text: &str) -> u8 {
    let mut stdout = std::io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => SUCCESS,
        // The reader has closed its end on purpose, so this prints no error.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => FAILURE,
        Err(error) => complain(&format!("cannot write to stdout: {}", errno::words(&error)), ""),
    }
}

/// Prints an error and the usage on stderr. Returns [`FAILURE`].
#[must_use]
pub fn complain(error: &dyn Display, usage: &str) -> u8 {
    to_stderr(&format!("ERROR: {error}\n{usage}"));
    FAILURE
}
