//! From a valid configuration to the exit code.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use supervisor_config::{Config, Record};
use supervisor_core::Supervisor;
use supervisor_core::ids::Pid;
use supervisor_core::level::Level;
use supervisor_core::spec::Sink;

use crate::capture::journal::{Journal, Style};
use crate::capture::log_file::LogFile;
use crate::cli::FAILURE;
use crate::clock::Clock;
use crate::driver::Driver;
use crate::files::{self, OwnFile};
use crate::launch::Environment;
use crate::sys::reap;
use crate::sys::signal::Signals;
use crate::tree::{MARK, Roster};
use crate::world::World;

/// Runs what `config` asks for to its end.
pub(crate) fn supervise(
    config: Config,
    environment: Environment,
    signals: Signals,
    clock: Clock,
) -> u8 {
    match prepare(config, environment, signals, clock) {
        Ok((driver, rest)) => run(driver, rest),
        Err(message) => {
            let _ = io::stderr().write_all(format!("ERROR: {message}\n").as_bytes());
            FAILURE
        }
    }
}

/// What can be done when the program has been started.
struct Rest {
    journal: Rc<Journal>,
    notes: Vec<(Level, String)>,
    record: Option<Record>,
    pidfile: Option<std::path::PathBuf>,
    files: Vec<OwnFile>,
}

/// Everything that must be there before the program is started, or without which
/// it must not be.
fn prepare(
    config: Config,
    environment: Environment,
    signals: Signals,
    clock: Clock,
) -> Result<(Driver, Rest), String> {
    let runs_once = config.runs_once();
    let notes = notes(&config);
    let Config { spec, supervisord, record, .. } = config;
    let style = if runs_once { Style::Complaints } else { Style::Records(supervisord.loglevel) };
    let journal = Rc::new(Journal::new(style));
    let mut world = World::new(&spec, roster(&environment), environment, Rc::clone(&journal));
    world.say_on(&Sink::Stderr).map_err(|error| format!("cannot make a pipe: {error}"))?;
    match supervisord.logfile {
        Sink::Discard | Sink::Stderr => {}
        Sink::Stdout => {
            let said = world.say_on(&Sink::Stdout);
            said.map_err(|error| format!("cannot make a pipe: {error}"))?;
        }
        Sink::File(file) => {
            let path = file.path.clone();
            let open = LogFile::open(file);
            journal.also_to(open.map_err(|error| cannot_write("the log", &path, &error))?);
        }
    }
    let mut rest =
        Rest { journal: Rc::clone(&journal), notes, record, pidfile: None, files: vec![] };
    if !runs_once {
        rest.pidfile = supervisord.pidfile;
    }
    if let Some(record) = rest.record.take_if(|record| record.chosen_by_user) {
        put_where_asked(&record)?;
    }
    let core = Supervisor::new(spec);
    Ok((Driver { core, world, journal, signals: Rc::new(signals), clock }, rest))
}

fn run(mut driver: Driver, mut rest: Rest) -> u8 {
    reap::adopt_orphans();
    driver.boot();
    rest.announce();
    let ended = driver.run();
    for file in rest.files {
        file.remove();
    }
    match ended {
        Ok(code) => code,
        Err(error) => {
            rest.journal.say(Level::Critical, &format!("cannot make an event loop: {error}"));
            FAILURE
        }
    }
}

impl Rest {
    fn announce(&mut self) {
        for (level, note) in &self.notes {
            self.journal.say(*level, note);
        }
        let pid = std::process::id();
        self.journal.say(Level::Info, &format!("supervisord started with pid {pid}"));
        if let Some(path) = self.pidfile.take()
            && !files::is_taken(&path)
        {
            self.put("the pidfile", &path, 0o644, format!("{pid}\n").as_bytes());
        }
        if let Some(record) = self.record.take() {
            let taken = files::is_taken(&record.path);
            let path = if taken { files::with_pid(&record.path) } else { record.path.clone() };
            self.put("the configuration", &path, 0o600, record.text().as_bytes());
        }
    }

    fn put(&mut self, what: &str, path: &Path, mode: u32, content: &[u8]) {
        match OwnFile::put(path, mode, content) {
            Ok(file) => self.files.push(file),
            Err(error) => self.journal.say(Level::Warn, &cannot_write(what, path, &error)),
        }
    }
}

/// What reading the configuration gave to say, as supervisord says it.
fn notes(config: &Config) -> Vec<(Level, String)> {
    let included = config.included.iter().map(|path| {
        (Level::Info, format!("Included extra file \"{}\" during parsing", path.display()))
    });
    let warnings = config.warnings.iter().map(|warning| (Level::Warn, warning.clone()));
    warnings.chain(included).collect()
}

/// A record that somebody asked for is kept when we end; without it nothing starts.
fn put_where_asked(record: &Record) -> Result<(), String> {
    let path = &record.path;
    if path == Path::new("/dev/null") {
        return Ok(());
    }
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let put = folder.and_then(|()| OwnFile::put(path, 0o600, record.text().as_bytes()));
    match put {
        Ok(_kept) => Ok(()),
        Err(error) => {
            let message = cannot_write("the configuration", path, &error);
            Err(format!("{message} (SUPERVISOR_CONFIG_PATH names it; a writable path would do)"))
        }
    }
}

fn cannot_write(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot write {what} to {}: {error}", path.display())
}

fn roster(environment: &[(OsString, OsString)]) -> Roster {
    let inherited = environment.iter().find(|(name, _)| name == OsStr::new(MARK));
    let inherited = inherited.and_then(|(_, value)| value.clone().into_string().ok());
    let own = Pid(std::process::id().cast_signed());
    // Unique since boot, together with the pid: nobody starts twice in a nanosecond.
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Roster::new(own, format!("{own}.{}.{}", now.tv_sec, now.tv_nsec), inherited)
}
