//! `echo_supervisord_conf` and `pidproxy`.

use std::ffi::OsString;

use supervisor_config::pidproxy as pidproxy_tool;
use supervisor_sys::console::{FAILURE, SUCCESS, complain, print};
use supervisor_sys::io::stderr::to_stderr;
use supervisor_sys::process::signal::Signals;

use crate::pidproxy::{self, Refusal};

/// `echo_supervisord_conf`; returns the exit code.
pub(crate) fn echo_supervisord_conf(words: &[OsString]) -> u8 {
    const USAGE: &str = "usage: echo_supervisord_conf > FILE\n";
    match words.first() {
        None => print(&supervisor_config::sample()),
        Some(word) if word == "-h" || word == "--help" || word == "-?" => print(USAGE),
        Some(word) => complain(&format!("unknown argument {word:?}"), USAGE),
    }
}

/// `pidproxy`; returns the exit code.
pub(crate) fn pidproxy(words: Vec<OsString>) -> u8 {
    let signals = Signals::take_over();
    let mut words = words.into_iter();
    let (pidfile, command) = (words.next(), words.collect::<Vec<_>>());
    // In front of a command it is the name of a file, as any word is.
    if command.is_empty() && pidfile.as_ref().is_some_and(|word| word == "--help") {
        return print(&pidproxy_tool().help());
    }
    let Some(pidfile) = pidfile.filter(|_| !command.is_empty()) else {
        // On stdout and with 1, as supervisor's.
        let _ = print("Usage: pidproxy <pidfile name> <command> [<cmdarg1> ...]\n");
        return FAILURE;
    };
    let say = |message: &str| to_stderr(&format!("{message}\n"));
    let signals = match signals {
        Ok(signals) => signals,
        Err(error) => return complain(&format!("cannot watch for signals: {error}"), ""),
    };
    match pidproxy::pidproxy(&signals, pidfile.as_ref(), &command, say) {
        Ok(()) => SUCCESS,
        Err(Refusal { message, code }) => {
            to_stderr(&format!("pidproxy: {message}\n"));
            code
        }
    }
}
