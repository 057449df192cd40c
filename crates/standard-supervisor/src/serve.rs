//! File mode, from a command line to the exit code: `supervisord`.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use supervisor_config::{Config, Errors, Flags, Sources, Supervisord, file_mode};
use supervisor_core::Supervisor;
use supervisor_core::level::Level;
use supervisor_core::spec::Sink;
use supervisor_sys::clock::Clock;
use supervisor_sys::console::FAILURE;
use supervisor_sys::host::ThisHost;
use supervisor_sys::io::files::{self, OwnFile};
use supervisor_sys::process::reap;
use supervisor_sys::process::signal::Signals;

use crate::capture::auto_log::AutoLogs;
use crate::capture::journal::{Journal, Style};
use crate::control::About;
use crate::driver::Driver;
use crate::engine::Engine;
use crate::http;
use crate::operated::{Counting, Operated};
use crate::own_process::{leave_foreground, settle_in, take_umask};
use crate::shared_socket;
use crate::startup;
use crate::world::{End, Handling, Parts, World};

/// Why it could not run, or could not go on.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Something is wrong with what was said.
    Configuration(Errors),
    /// Something is wrong with the world.
    Found(String),
}

/// A supervisord: what it was started with, and what outlives its restarts.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) flags: Flags,
    /// The program itself: a configuration is searched near it.
    pub(crate) program: PathBuf,
    pub(crate) sources: Sources,
    pub(crate) signals: Rc<Signals>,
    pub(crate) clock: Clock,
    /// The serial of the next event: counted through all restarts.
    pub(crate) next_serial: Cell<u64>,
}

/// What is done for the first start only: a process changes its user, its limits and its
/// place in the background once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    First,
    Again,
}

impl Service {
    /// Runs to its end, through all restarts; returns the exit code.
    pub(crate) fn run(mut self) -> Result<u8, Refusal> {
        let mut start = Start::First;
        loop {
            let config = file_mode(&self.flags, &self.program, &self.sources, &ThisHost::Starting);
            let config = config.map_err(Refusal::Configuration)?;
            if let Some(source) = &config.source {
                // Found again wherever we work by then.
                self.flags.configuration = Some(source.path.clone());
            }
            match self.once(config, start).map_err(Refusal::Found)? {
                End::Exit(code) => return Ok(code),
                // Nobody can ask for that here.
                End::Proceed => return Ok(FAILURE),
                End::Restart => start = Start::Again,
            }
        }
    }

    /// From one configuration to the next.
    fn once(&self, config: Config, start: Start) -> Result<End, String> {
        let mut notes = startup::notes(&config);
        let Config { spec, supervisord, servers, namespaces, .. } = config;
        if start == Start::First {
            notes.extend(settle_in(&supervisord)?);
        }
        let journal = startup::journal(&supervisord, Style::Records(supervisord.loglevel))?;
        let mut voices = Vec::new();
        for stream in streams(&supervisord) {
            voices.push((startup::voice(&journal)?, stream));
        }
        say_first(&journal, &supervisord, &notes);
        let auto_logs = AutoLogs::new(&supervisord);
        if !supervisord.nocleanup {
            auto_logs.clean_up(&journal);
        }
        shared_socket::try_all(&spec, &journal)?;
        let doors = http::open(&servers, supervisord.status.as_ref())?;
        http::announce(&servers, &namespaces, |level, message| journal.say(level, message));
        let mut foreground = None;
        if start == Start::First {
            if supervisord.nodaemon {
                take_umask(&supervisord);
            } else {
                foreground = Some(leave_foreground(&supervisord, &journal)?);
            }
            // Not before: who goes on in the background is another process.
            reap::adopt_orphans();
        }
        let environment = self.sources.environment.clone();
        let mut world = World::new(Parts {
            roster: startup::roster(&environment),
            environment,
            keeps_command: false,
            handling: Handling {
                strip_ansi: supervisord.strip_ansi,
                echo: true,
                remember: supervisord.crash.wants_output(),
            },
            auto_logs,
            identifier: supervisord.identifier.clone(),
            crash: supervisord.crash.clone(),
            journal: Rc::clone(&journal),
        });
        for (voice, stream) in voices {
            world.add_voice(voice, &stream);
        }
        let about = self.about(&supervisord, namespaces);
        let counts = supervisord.status.is_some();
        let pidfile = supervisord.pidfile.and_then(|path| put_pidfile(&path, &journal));
        if let Some(foreground) = foreground {
            foreground.release();
        }
        let pid = std::process::id();
        journal.say(Level::Info, &format!("supervisord started with pid {pid}"));
        let core = Supervisor::new(spec).with_serials_from(self.next_serial.get());
        let tally = counts.then(Rc::default);
        let observer = tally.clone().map(Counting::boxed);
        let engine = Engine::new(core, world, self.clock, observer);
        let control = Operated::new(&engine, &journal).control(about, tally);
        let mut driver = Driver::new(Rc::clone(&engine), journal, Rc::clone(&self.signals));
        driver.announced();
        driver.boot();
        let ended = driver.run(|| http::serve(doors, control));
        self.next_serial.set(engine.core.borrow().next_serial());
        if let Some(pidfile) = pidfile {
            pidfile.remove();
        }
        ended.map_err(|error| startup::no_event_loop(&error))
    }

    fn about(&self, supervisord: &Supervisord, namespaces: Vec<String>) -> About {
        let (flags, program) = (self.flags.clone(), self.program.clone());
        let sources = self.sources.clone();
        let reread = move || match file_mode(&flags, &program, &sources, &ThisHost::Running) {
            Ok(config) => Ok(config.spec.groups),
            Err(errors) => Err(errors.messages().collect::<Vec<_>>().join("; ")),
        };
        About {
            identifier: supervisord.identifier.clone(),
            log: startup::log_path(supervisord),
            namespaces,
            reread: Box::new(reread),
        }
    }
}

/// Our own streams on which lines come out: once each, also if one is the log.
fn streams(supervisord: &Supervisord) -> Vec<Sink> {
    let log = &supervisord.logfile.sink;
    let own = [Sink::Stdout, Sink::Stderr].into_iter();
    own.filter(|stream| {
        let repeated = *stream == Sink::Stdout && !supervisord.silent;
        supervisord.nodaemon && (repeated || stream == log)
    })
    .collect()
}

/// What was found out before anybody could be told, in supervisord's order.
fn say_first(journal: &Journal, supervisord: &Supervisord, notes: &[(Level, String)]) {
    if supervisord.user.is_none() && rustix::process::getuid().is_root() {
        journal.say(
            Level::Critical,
            "Supervisor is running as root.  Privileges were not dropped because no user is \
             specified in the config file.  If you intend to run as root, you can set user=root \
             in the config file to avoid this message.",
        );
    }
    let warnings = notes.iter().filter(|(level, _)| *level == Level::Warn);
    let others = notes.iter().filter(|(level, _)| *level != Level::Warn);
    for (level, note) in warnings.chain(others) {
        journal.say(*level, note);
    }
}

/// Writes the pidfile, unless it is somebody's who is alive.
fn put_pidfile(path: &Path, journal: &Journal) -> Option<OwnFile> {
    if path == Path::new("/dev/null") {
        return None;
    }
    let shown = path.display();
    if files::is_taken(path) {
        let message = format!(
            "pidfile {shown} belongs to another supervisor, which is running; it is left alone"
        );
        journal.say(Level::Warn, &message);
        return None;
    }
    let content = format!("{}\n", std::process::id());
    match OwnFile::put(path, 0o644, content.as_bytes()) {
        Ok(file) => Some(file),
        Err(error) => {
            let message = format!("could not write pidfile {shown}: {error}");
            journal.say(Level::Critical, &message);
            None
        }
    }
}
