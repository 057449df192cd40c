//! Command mode, from a valid configuration to the exit code.

use std::cell::Cell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_config::{Config, Record, Server, Sources, Supervisord, command_mode};
use supervisor_core::Supervisor;
use supervisor_core::level::Level;
use supervisor_core::spec::{Sink, Spec};
use supervisor_sys::clock::Clock;
use supervisor_sys::console::FAILURE;
use supervisor_sys::host::ThisHost;
use supervisor_sys::io::files::{self, OwnFile};
use supervisor_sys::io::stderr::to_stderr;
use supervisor_sys::process::reap;
use supervisor_sys::process::signal::Signals;

use crate::capture::auto_log::{self, AutoLogs};
use crate::capture::journal::{Journal, Style};
use crate::control::{About, Control};
use crate::driver::Driver;
use crate::engine::Engine;
use crate::http::{self, Door};
use crate::operated::{Counting, Operated};
use crate::own_process::{settle_in, take_umask};
use crate::shared_socket;
use crate::startup::{self, cannot_write};
use crate::world::{End, Handling, Parts, World};

/// What was asked for, as it was given.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) command: Vec<OsString>,
    pub(crate) sources: Sources,
}

/// Runs what `config`, which is what `asked` means, asks for to its end, through all
/// restarts.
pub(crate) fn supervise(config: Config, asked: Asked, signals: Signals, clock: Clock) -> u8 {
    let (asked, signals) = (Rc::new(asked), Rc::new(signals));
    let service = Service { asked, signals, clock, next_serial: Cell::new(0) };
    let mut ended = service.once(config, Start::First);
    loop {
        match ended {
            Ok(End::Exit(code)) => return code,
            Ok(End::Restart) => {}
            // Nobody can ask for that here.
            Ok(End::Proceed) => return FAILURE,
            Err(messages) => {
                for message in messages {
                    to_stderr(&format!("ERROR: {message}\n"));
                }
                return FAILURE;
            }
        }
        // Files that it includes may say something else by now.
        ended = service
            .asked
            .config(ThisHost::Starting)
            .and_then(|config| service.once(config, Start::Again));
    }
}

/// What outlives a restart.
struct Service {
    asked: Rc<Asked>,
    signals: Rc<Signals>,
    clock: Clock,
    /// The serial of the next event: counted through all restarts.
    next_serial: Cell<u64>,
}

/// What is done for the first start only: a process takes its limits and its user once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    First,
    Again,
}

/// What can be done when the program has been started.
struct Rest {
    journal: Rc<Journal>,
    notes: Vec<(Level, String)>,
    record: Option<Record>,
    pidfile: Option<PathBuf>,
    files: Vec<OwnFile>,
    servers: Vec<Server>,
    doors: Vec<Door>,
    control: Control,
}

impl Asked {
    /// What it means now.
    fn config(&self, host: ThisHost) -> Result<Config, Vec<String>> {
        let config = command_mode(self.command.clone(), &self.sources, &host);
        config.map_err(|errors| errors.messages().map(str::to_owned).collect())
    }
}

impl Service {
    fn once(&self, config: Config, start: Start) -> Result<End, Vec<String>> {
        self.play(config, start).map_err(|why| vec![why])
    }

    /// From one configuration to the next; or why nothing could be started.
    fn play(&self, mut config: Config, start: Start) -> Result<End, String> {
        let mut notes = startup::notes(&config);
        if start == Start::First {
            notes.extend(settle_in(&config.supervisord)?);
        }
        if let Some(record) = config.record.take_if(|record| record.chosen_by_user) {
            put_where_asked(&record)?;
        }
        if let Some(spec) = config.preparation.take() {
            match self.prepare(spec, &config, std::mem::take(&mut notes))? {
                End::Proceed => {}
                ended @ (End::Exit(_) | End::Restart) => return Ok(ended),
            }
        }
        let (driver, rest) = self.ready(config, notes)?;
        self.run(driver, rest)
    }

    /// Does what has to be done before the program starts.
    fn prepare(
        &self,
        spec: Spec,
        config: &Config,
        notes: Vec<(Level, String)>,
    ) -> Result<End, String> {
        let journal = startup::journal(&config.supervisord, style(config))?;
        let world = self.world(&config.supervisord, &journal)?;
        // Before anything of it happens: minutes may pass.
        for (level, note) in notes {
            journal.say(level, &note);
        }
        let engine = Engine::new(Supervisor::new(spec), world, self.clock, None);
        let driver = Driver::new(engine, journal, Rc::clone(&self.signals));
        reap::adopt_orphans();
        driver.boot();
        driver.run(async || {}).map_err(|error| startup::no_event_loop(&error))
    }

    /// Everything that must be there before the program is started, or without which
    /// it must not be.
    fn ready(&self, config: Config, notes: Vec<(Level, String)>) -> Result<(Driver, Rest), String> {
        let runs_once = config.runs_once();
        let journal = startup::journal(&config.supervisord, style(&config))?;
        let Config { spec, supervisord, servers, namespaces, record, .. } = config;
        if auto_log::is_wanted(&spec) && !supervisord.nocleanup {
            AutoLogs::new(&supervisord).clean_up(&journal);
        }
        shared_socket::try_all(&spec, &journal)?;
        let doors = http::open(&servers, supervisord.status.as_ref())?;
        take_umask(&supervisord);
        let world = self.world(&supervisord, &journal)?;
        let about = self.about(&supervisord, namespaces);
        let counts = supervisord.status.is_some();
        let pidfile = supervisord.pidfile.filter(|_| !runs_once);
        let core = Supervisor::new(spec).with_serials_from(self.next_serial.get());
        let tally = counts.then(Rc::default);
        let observer = tally.clone().map(Counting::boxed);
        let engine = Engine::new(core, world, self.clock, observer);
        let control = Operated::new(&engine, &journal).control(about, tally);
        let driver = Driver::new(engine, Rc::clone(&journal), Rc::clone(&self.signals));
        let files = Vec::new();
        let rest = Rest { journal, notes, record, pidfile, files, servers, doors, control };
        Ok((driver, rest))
    }

    /// A world whose journal comes out where it shall.
    fn world(&self, supervisord: &Supervisord, journal: &Rc<Journal>) -> Result<World, String> {
        let environment = self.asked.sources.environment.clone();
        let mut world = World::new(Parts {
            roster: startup::roster(&environment),
            environment,
            keeps_command: true,
            handling: Handling {
                strip_ansi: supervisord.strip_ansi,
                echo: false,
                remember: supervisord.crash.wants_output(),
            },
            auto_logs: AutoLogs::new(supervisord),
            identifier: supervisord.identifier.clone(),
            crash: supervisord.crash.clone(),
            journal: Rc::clone(journal),
        });
        world.add_voice(startup::voice(journal)?, &Sink::Stderr);
        if supervisord.logfile.sink == Sink::Stdout {
            world.add_voice(startup::voice(journal)?, &Sink::Stdout);
        }
        Ok(world)
    }

    fn about(&self, supervisord: &Supervisord, namespaces: Vec<String>) -> About {
        let asked = Rc::clone(&self.asked);
        let reread = move || match asked.config(ThisHost::Running) {
            Ok(config) => Ok(config.spec.groups),
            Err(messages) => Err(messages.join("; ")),
        };
        About {
            identifier: supervisord.identifier.clone(),
            log: startup::log_path(supervisord),
            namespaces,
            reread: Box::new(reread),
        }
    }

    fn run(&self, driver: Driver, mut rest: Rest) -> Result<End, String> {
        reap::adopt_orphans();
        driver.boot();
        rest.announce();
        let Rest { files, doors, control, .. } = rest;
        let answers = control.clone();
        let ended = driver.run(|| http::serve(doors, answers));
        self.next_serial.set(control.core().next_serial());
        for file in files {
            file.remove();
        }
        ended.map_err(|error| startup::no_event_loop(&error))
    }
}

fn style(config: &Config) -> Style {
    if config.runs_once() { Style::Complaints } else { Style::Records(config.supervisord.loglevel) }
}

impl Rest {
    fn announce(&mut self) {
        for (level, note) in &self.notes {
            self.journal.say(*level, note);
        }
        let namespaces = &self.control.about().namespaces;
        http::announce(&self.servers, namespaces, |level, line| self.journal.say(level, line));
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
