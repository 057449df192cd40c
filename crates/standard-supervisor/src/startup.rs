//! Steps before programs start, with a command and with a file.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_config::{Config, Supervisord};
use supervisor_core::ids::Pid;
use supervisor_core::level::Level;
use supervisor_core::spec::Sink;

use supervisor_daemon::capture::journal::{Journal, Style};
use supervisor_daemon::capture::log_file::LogFile;
use supervisor_daemon::capture::syslog::Syslog;
use supervisor_daemon::tree::{MARK, Roster};

/// A journal that writes where `supervisord` says. What names one of our own streams is
/// left to the caller, who knows what they are for.
pub(crate) fn journal(supervisord: &Supervisord, style: Style) -> Result<Rc<Journal>, String> {
    let journal = Journal::new(style, supervisord.log_format);
    match &supervisord.logfile.sink {
        Sink::Discard | Sink::Stdout | Sink::Stderr | Sink::Auto { .. } => {}
        Sink::File(file) => {
            let mut log = LogFile::new(Rc::new(file.clone()));
            log.reopen().map_err(|error| cannot_write("the log", &file.path, &error))?;
            journal.also_to(log);
        }
    }
    if supervisord.logfile.syslog {
        journal.also_to_syslog(Syslog::of_system().map_err(|error| {
            format!(
                "cannot connect to \
         syslog: {error}"
            )
        })?);
    }
    Ok(Rc::new(journal))
}

/// The supervisor's own log, if that is a file.
pub(crate) fn log_path(supervisord: &Supervisord) -> Option<PathBuf> {
    match &supervisord.logfile.sink {
        Sink::File(file) => Some(file.path.clone()),
        Sink::Discard | Sink::Stdout | Sink::Stderr | Sink::Auto { .. } => None,
    }
}

/// A pipe for the journal's lines.
pub(crate) fn voice(journal: &Journal) -> Result<OwnedFd, String> {
    journal.open_pipe().map_err(|error| format!("cannot create a pipe: {error}"))
}

/// Notes from reading the configuration, in supervisord's form.
pub(crate) fn notes(config: &Config) -> Vec<(Level, String)> {
    let included = config.included.iter().map(|path| {
        (Level::Info, format!("Included extra file \"{}\" during parsing", path.display()))
    });
    let warnings = config.warnings.iter().map(|warning| (Level::Warn, warning.clone()));
    warnings.chain(included).chain(config.notes.iter().cloned()).collect()
}

/// The table that assigns processes to the programs of this supervisor.
pub(crate) fn roster(environment: &[(OsString, OsString)]) -> Rc<Roster> {
    let inherited = environment.iter().find(|(name, _)| name == OsStr::new(MARK));
    let inherited = inherited.and_then(|(_, value)| value.clone().into_string().ok());
    let own = Pid(std::process::id().cast_signed());
    // Unique since boot, together with the pid: nobody starts twice in a nanosecond.
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let instance = format!("{own}.{}.{}", now.tv_sec, now.tv_nsec);
    Rc::new(Roster::new(own, instance, inherited))
}

/// The one way to say that a file can't be written.
pub(crate) fn cannot_write(what: &str, path: &Path, error: &dyn Display) -> String {
    format!("cannot write {what} to {}: {error}", path.display())
}

/// The one way to say that there is no event loop.
pub(crate) fn no_event_loop(error: &io::Error) -> String {
    format!("cannot create an event loop: {error}")
}
