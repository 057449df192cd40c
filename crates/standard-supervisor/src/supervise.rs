//! Command mode, from a valid configuration to the exit code.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_config::{Config, Record};
use supervisor_core::Supervisor;
use supervisor_core::level::Level;
use supervisor_core::spec::Sink;

use crate::capture::auto_log;
use crate::capture::journal::{Journal, Style};
use crate::cli::FAILURE;
use crate::clock::Clock;
use crate::driver::Driver;
use crate::files::{self, OwnFile};
use crate::launch::Environment;
use crate::own_process::{settle_in, take_umask};
use crate::shared_socket;
use crate::startup::{self, cannot_write};
use crate::sys::reap;
use crate::sys::signal::Signals;
use crate::world::{End, Handling, World};

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
    pidfile: Option<PathBuf>,
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
    let mut notes = startup::notes(&config);
    let Config { mut spec, supervisord, mut record, .. } = config;
    notes.extend(settle_in(&supervisord)?);
    let style = if runs_once { Style::Complaints } else { Style::Records(supervisord.loglevel) };
    let journal = startup::journal(&supervisord, style)?;
    if auto_log::is_wanted(&spec) {
        auto_log::prepare(&mut spec, &supervisord, &journal);
    }
    shared_socket::try_all(&spec, &journal)?;
    take_umask(&supervisord);
    let handling = Handling { strip_ansi: supervisord.strip_ansi, echo: false };
    let roster = startup::roster(&environment);
    let mut world = World::new(&spec, roster, environment, handling, Rc::clone(&journal));
    world.add_voice(startup::voice(&journal)?, &Sink::Stderr);
    if supervisord.logfile.sink == Sink::Stdout {
        world.add_voice(startup::voice(&journal)?, &Sink::Stdout);
    }
    if let Some(record) = record.take_if(|record| record.chosen_by_user) {
        put_where_asked(&record)?;
    }
    let pidfile = supervisord.pidfile.filter(|_| !runs_once);
    let rest = Rest { journal: Rc::clone(&journal), notes, record, pidfile, files: Vec::new() };
    let core = Supervisor::new(spec);
    let signals = Rc::new(signals);
    Ok((Driver { core, world, journal, signals, clock, announced: false }, rest))
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
        Ok(End::Exit(code)) => code,
        // Nobody can ask for that here.
        Ok(End::Restart) => FAILURE,
        Err(error) => {
            rest.journal.say(Level::Critical, &startup::no_event_loop(&error));
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
        // Nobody asked for these: what is another's, or can't be, is no trouble.
        if let Some(path) = self.pidfile.take()
            && path != Path::new("/dev/null")
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
