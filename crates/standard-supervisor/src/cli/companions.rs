//! `echo_supervisord_conf` and `pidproxy`.

use std::ffi::OsString;

use supervisor_config::{Asked, echo_supervisord_conf_flags, pidproxy_flags, tool};
use supervisor_sys::console::{FAILURE, SUCCESS, complain, print};
use supervisor_sys::io::stderr::to_stderr;
use supervisor_sys::process::signal::Signals;

use crate::pidproxy::{self, Refusal};

/// `echo_supervisord_conf`; returns the exit code.
pub(crate) fn echo_supervisord_conf(words: &[OsString]) -> u8 {
    let tool = tool("echo_supervisord_conf");
    match echo_supervisord_conf_flags(words) {
        Ok(Asked::Run(())) => print(&supervisor_config::sample()),
        Ok(Asked::Help) => print(&tool.help()),
        Ok(Asked::Version) => print(&tool.version_text()),
        Err(error) => complain(&error, &tool.usage_text()),
    }
}

/// `pidproxy`; returns the exit code.
pub(crate) fn pidproxy(words: &[OsString]) -> u8 {
    let signals = Signals::take_over();
    let tool = tool("pidproxy");
    let words = match pidproxy_flags(words) {
        Ok(Asked::Run(words)) => words,
        Ok(Asked::Help) => return print(&tool.help()),
        Ok(Asked::Version) => return print(&tool.version_text()),
        Err(error) => return complain(&error, &tool.usage_text()),
    };
    let [pidfile, command @ ..] = &words[..] else { return pidproxy_usage() };
    if command.is_empty() {
        return pidproxy_usage();
    }
    let say = |message: &str| to_stderr(&format!("{message}\n"));
    let signals = match signals {
        Ok(signals) => signals,
        Err(error) => return complain(&format!("cannot watch for signals: {error}"), ""),
    };
    match pidproxy::pidproxy(&signals, pidfile.as_ref(), command, say) {
        Ok(()) => SUCCESS,
        Err(Refusal { message, code }) => {
            to_stderr(&format!("pidproxy: {message}\n"));
            code
        }
    }
}

/// On stdout and with 1, as supervisor's.
fn pidproxy_usage() -> u8 {
    let _ = print("Usage: pidproxy <pidfile name> <command> [<cmdarg1> ...]\n");
    FAILURE
}
