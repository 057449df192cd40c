//! `supervisorctl`: turns typed commands into calls to a supervisor, and the results into text and
//! an exit status.
//!
//! ```text
//!   line ─> typed ─> commands ─> Remote (client) ─> the daemon
//!                        └─> render ─> stdout
//! ```
//!
//! The commands do not depend on sockets or terminals, so tests can replace both.

#![forbid(unsafe_code)]

mod address;
mod answer;
mod client;
mod command_line;
mod commands;
mod editor;
mod error;
mod fault;
mod history;
mod input;
mod render;
mod screen;
mod session;
mod shell;
mod typed_ahead;

use std::ffi::{OsStr, OsString};
use std::io::{BufWriter, IsTerminal, Write};

use supervisor_config::{Ctl, CtlRequest, supervisorctl, supervisorctl_flags, tool};
use supervisor_sys::console::{
    FAILURE, SUCCESS, complain, print, program, refuse_as_supervisord, sources,
};
use supervisor_sys::host::ThisHost;
use supervisor_sys::io::stderr::to_stderr;

use self::client::{Client, Credentials};
use self::error::CtlError;
use self::input::Input;
use self::screen::Screen;
use self::session::Session;

/// Runs `supervisorctl` under the program name `called` with these arguments, and returns the exit
/// code.
#[must_use]
pub fn run(called: &OsStr, words: &[OsString]) -> u8 {
    let name = called.to_string_lossy().into_owned();
    let flags = match supervisorctl_flags(words) {
        Ok(CtlRequest::Help) => return print(&tool("supervisorctl").help_with(STATUS_JSON)),
        Ok(CtlRequest::Version) => return print(&tool("supervisorctl").version_text()),
        Ok(CtlRequest::Run(flags)) => flags,
        Err(message) => return refuse_as_supervisord(&name, [message.as_str()]),
    };
    match supervisorctl(flags, &program(called), &sources(), &ThisHost::Starting) {
        Ok(ctl) => deal(ctl),
        Err(errors) => refuse_as_supervisord(&name, errors.messages()),
    }
}

fn deal(ctl: Ctl) -> u8 {
    for warning in &ctl.warnings {
        to_stderr(&format!("WARN: {warning}\n"));
    }
    let credentials = Credentials { username: ctl.username, password: ctl.password };
    let mut client = match Client::new(ctl.serverurl, credentials) {
        Ok(client) => client,
        Err(error) => return complain(&format!("cannot create an event loop: {error}"), ""),
    };
    let stdout = std::io::stdout();
    let mut out: Box<dyn Write> = if stdout.is_terminal() {
        Box::new(BufWriter::new(Screen::new(stdout)))
    } else {
        Box::new(BufWriter::new(stdout))
    };
    let mut session = Session {
        remote: &mut client,
        input: &mut Input::over(std::io::stdin()),
        editor: None,
        out: &mut *out,
        complaints: &mut std::io::stderr(),
        interactive: ctl.interactive,
        status: SUCCESS,
    };
    let done = match &ctl.line {
        None => shell::run(&mut session, &ctl.prompt, ctl.history_file.as_deref(), "status"),
        // supervisor's help announces a shell here, but its program does not open one.
        Some(line) if ctl.interactive => {
            shell::run(&mut session, &ctl.prompt, ctl.history_file.as_deref(), line)
        }
        Some(line) => session.carry_out(line).map(|_| ()),
    };
    let status = if ctl.interactive { SUCCESS } else { session.status };
    match done.and_then(|()| out.flush().map_err(CtlError::StdoutClosed)) {
        Ok(()) => status,
        Err(_) => FAILURE,
    }
}

/// The section on `status --json` in `supervisorctl --help`.
const STATUS_JSON: &str = "
status --json prints an array with an object for each process:
  name, group        what it is called
  statename, state   STOPPED 0, STARTING 10, RUNNING 20, BACKOFF 30,
                     STOPPING 40, EXITED 100, FATAL 200, UNKNOWN 1000
  pid                0 if there is none
  start, stop, now   when it last started and ended, and the daemon's clock;
                     seconds since 1970, 0 for never
  exitstatus         of the last run; 0 if there was none, -1 after a signal
  spawnerr           why it could not be started, or empty
  description        what status prints behind the state
  stdout_logfile, stderr_logfile, logfile
                     where its output is kept, empty if nowhere; logfile is that
                     of stdout once more
Unless the daemon is Python's supervisord, also, null if unknown:
  ready              it is up and should get requests
  health             none (nothing is known), starting, healthy, unhealthy,
                     leaving
  health_reason      why it is unhealthy or not ready yet
  since              time of the last change of state, ready or health
  last_exit, last_failure
                     how and why the latest ended run ended; the class of the
                     latest failure
  restarts           how often it was started again
";
