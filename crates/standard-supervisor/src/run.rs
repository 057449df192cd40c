//! From a valid configuration to the exit code, through all restarts: with a command and with a
//! configuration file.
//!
//! The two differ in their order. A command is executing before the supervisor has written a
//! line or a file. With a file the supervisor says everything first, as supervisord does, and
//! may leave the foreground in between.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;

use supervisor_config::{Config, Errors, Flags, Sources, Supervisord, command_mode, file_mode};
use supervisor_control::Door;
use supervisor_control::{About, Control};
use supervisor_core::Supervisor;
use supervisor_core::level::Level;
use supervisor_core::spec::{HookSpec, Sink, Spec};
use supervisor_core::time::Wall;
use supervisor_daemon::capture::auto_log::{self, AutoLogs};
use supervisor_daemon::capture::journal::{Journal, Style};
use supervisor_daemon::driver::Driver;
use supervisor_daemon::engine::Engine;
use supervisor_daemon::own_process::{leave_foreground, settle_in, take_umask};
use supervisor_daemon::shared_socket;
use supervisor_daemon::world::{End, Handling, Parts, World};
use supervisor_sys::clock::Clock;
use supervisor_sys::console::FAILURE;
use supervisor_sys::host::ThisHost;
use supervisor_sys::process::reap;
use supervisor_sys::process::signal::Signals;

use crate::opening::{Opening, put_where_asked};
use crate::operated::{Counting, Operated};
use crate::startup;

/// The call of the supervisor, from which its configuration can be read again.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) mode: Mode,
    pub(crate) sources: Sources,
}

/// How the supervisor was called.
#[derive(Debug)]
pub(crate) enum Mode {
    /// `standard-supervisor COMMAND`: the command, byte for byte.
    Command(Vec<OsString>),
    /// `supervisord`: its flags and its own path, near which a configuration is searched.
    File { flags: Flags, program: PathBuf },
}

/// Why the supervisor could not run, or could not go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration has errors.
    Configuration(Errors),
    /// Programs of the configuration could not be started here; only `--check` looks ahead.
    Obstacles(BTreeSet<String>),
    /// The host does not allow what the configuration asks for.
    Start(String),
}

/// Runs `config`, which is what `invocation` means, to its end, through all restarts. Returns
/// the exit code.
pub(crate) fn run(
    config: Config,
    mut invocation: Invocation,
    signals: Signals,
    clock: Clock,
) -> Result<u8, Failure> {
    if let (Mode::File { flags, .. }, Some(source)) = (&mut invocation.mode, &config.source) {
        // A restart finds the file again, wherever the supervisor works by then.
        flags.configuration = Some(source.path.clone());
    }
    let (invocation, signals) = (Rc::new(invocation), Rc::new(signals));
    let service = Service { invocation, signals, clock, next_serial: Cell::new(0) };
    let (mut config, mut start) = (config, Start::First);
    loop {
        match service.once(config, start).map_err(Failure::Start)? {
            End::Exit(code) => return Ok(code),
            // Only a preparation ends like this.
            End::Proceed => return Ok(FAILURE),
            End::Restart => start = Start::Again,
        }
        // Files may say something else by now.
        config = service.invocation.config(&ThisHost::Starting).map_err(Failure::Configuration)?;
    }
}

impl Invocation {
    /// The configuration that it means now.
    pub(crate) fn config(&self, host: &ThisHost) -> Result<Config, Errors> {
        match &self.mode {
            Mode::Command(command) => command_mode(command.clone(), &self.sources, host),
            Mode::File { flags, program } => file_mode(flags, program, &self.sources, host),
        }
    }

    fn has_file(&self) -> bool {
        matches!(self.mode, Mode::File { .. })
    }
}

/// State that survives a restart.
struct Service {
    invocation: Rc<Invocation>,
    signals: Rc<Signals>,
    clock: Clock,
    /// The serial of the next event: counted through all restarts.
    next_serial: Cell<u64>,
}

/// The first start, or one after a restart: a process changes its user, its limits and its
/// place in the background once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    First,
    Again,
}

/// Whether operators can ask anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operators {
    /// There is a server for them.
    Served,
    /// There is none.
    None,
}

/// Where the supervisor's lines come out: a pipe for each of its own streams.
type Voices = Vec<(OwnedFd, Sink)>;

/// Resources that are open before the first program starts.
struct Open {
    engine: Rc<Engine>,
    control: Control,
    doors: Vec<Door>,
    opening: Opening,
}

impl Service {
    /// From one configuration to the next; or why nothing could be started.
    fn once(&self, mut config: Config, start: Start) -> Result<End, String> {
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
        let open = self.open(config, notes, start)?;
        self.play(open)
    }

    /// Does what has to be done before the program starts.
    fn prepare(
        &self,
        spec: Spec,
        config: &Config,
        notes: Vec<(Level, String)>,
    ) -> Result<End, String> {
        let journal = startup::journal(&config.supervisord, style(config))?;
        let voices = self.voices(&config.supervisord, &journal)?;
        let world = self.world(&config.supervisord, &journal, voices, Operators::None, Vec::new());
        // Before anything of it happens: minutes may pass.
        for (level, note) in notes {
            journal.say(level, &note);
        }
        let engine = Engine::new(Supervisor::new(spec), world, self.clock, None);
        let driver = Driver::new(Rc::clone(&engine), journal, Rc::clone(&self.signals));
        reap::adopt_orphans();
        driver.boot();
        engine.world.borrow().fill_reserve();
        driver.run(async || {}).map_err(|error| startup::no_event_loop(&error))
    }

    /// Opens everything that must be there before a program starts, or without which none must.
    fn open(
        &self,
        config: Config,
        notes: Vec<(Level, String)>,
        start: Start,
    ) -> Result<Open, String> {
        let has_file = self.invocation.has_file();
        let journal = startup::journal(&config.supervisord, style(&config))?;
        let Config { spec, supervisord, servers, namespaces, record, .. } = config;
        let voices = self.voices(&supervisord, &journal)?;
        let mut opening = Opening::new(Rc::clone(&journal), notes, record);
        if has_file {
            opening.tell_notes_as_supervisord(&supervisord);
        }
        if !supervisord.nocleanup && (has_file || auto_log::is_wanted(&spec)) {
            AutoLogs::new(&supervisord).clean_up(&journal);
        }
        shared_socket::try_all(&spec, &journal)?;
        let doors = supervisor_control::open(&servers, supervisord.status.as_ref())?;
        let operators = if servers.is_empty() { Operators::None } else { Operators::Served };
        opening.will_announce(servers, &namespaces, supervisord.status.clone());
        if has_file {
            opening.announce_servers();
        }
        if has_file && !supervisord.nodaemon && start == Start::First {
            opening.foreground = Some(leave_foreground(&supervisord, &journal)?);
        } else {
            take_umask(&supervisord);
        }
        // Not before: what goes on in the background is another process.
        reap::adopt_orphans();
        let hooks = spec.hooks.clone();
        let world = self.world(&supervisord, &journal, voices, operators, hooks);
        let about = self.about(&supervisord, namespaces);
        let core = Supervisor::new(spec)
            .with_serials_from(self.next_serial.get())
            .with_seed(seed(self.clock.now().wall));
        let asked = supervisord.status.is_some() || operators == Operators::Served;
        let tally = asked.then(Rc::default);
        let observer = tally.clone().map(Counting::boxed);
        let engine = Engine::new(core, world, self.clock, observer);
        let control = Operated::new(&engine, &journal).control(about, tally);
        opening.pidfile = supervisord.pidfile;
        Ok(Open { engine, control, doors, opening })
    }

    /// Starts programs and serves until the core orders the end.
    fn play(&self, open: Open) -> Result<End, String> {
        let Open { engine, control, doors, mut opening } = open;
        let (journal, signals) = (Rc::clone(&opening.journal), Rc::clone(&self.signals));
        let mut driver = Driver::new(Rc::clone(&engine), journal, signals);
        match self.invocation.mode {
            Mode::Command(_) => {
                driver.boot();
                // The program does not wait for this.
                engine.world.borrow().fill_reserve();
                opening.tell_notes();
                opening.announce_servers();
                opening.tell_start();
                opening.put_files_quietly();
            }
            Mode::File { .. } => {
                opening.put_pidfile();
                opening.release_foreground();
                opening.tell_start();
                driver.announced();
                // A thousand programs may leave no descriptors.
                engine.world.borrow().fill_reserve();
                driver.boot();
            }
        }
        let ended = driver.run(|| supervisor_control::serve(doors, control));
        self.next_serial.set(engine.core.borrow().next_serial());
        opening.remove_files();
        ended.map_err(|error| startup::no_event_loop(&error))
    }

    fn world(
        &self,
        supervisord: &Supervisord,
        journal: &Rc<Journal>,
        voices: Voices,
        operators: Operators,
        hooks: Vec<Rc<HookSpec>>,
    ) -> World {
        let reported = hooks.iter().any(|hook| hook.output_lines > 0);
        let environment = self.invocation.sources.environment.clone();
        let has_file = self.invocation.has_file();
        let mut world = World::new(Parts {
            roster: startup::roster(&environment),
            environment,
            keeps_command: !has_file,
            handling: Handling {
                strip_ansi: supervisord.strip_ansi,
                echo: has_file,
                remember: supervisord.crash.wants_output() || reported,
                // With a file supervisord's clients expect that there is no log.
                recent: !has_file && operators == Operators::Served,
            },
            auto_logs: AutoLogs::new(supervisord),
            identifier: supervisord.identifier.clone(),
            crash: supervisord.crash.clone(),
            hooks,
            journal: Rc::clone(journal),
        });
        for (voice, stream) in voices {
            world.add_voice(voice, &stream);
        }
        world
    }

    /// The supervisor's own streams on which its lines come out, each once. With a command
    /// stdout belongs to the program, unless the log is there.
    fn voices(&self, supervisord: &Supervisord, journal: &Journal) -> Result<Voices, String> {
        let log = &supervisord.logfile.sink;
        let streams = [Sink::Stdout, Sink::Stderr].into_iter().filter(|stream| {
            let usual = match self.invocation.mode {
                Mode::Command(_) => *stream == Sink::Stderr,
                Mode::File { .. } if !supervisord.nodaemon => return false,
                Mode::File { .. } => *stream == Sink::Stdout && !supervisord.silent,
            };
            usual || stream == log
        });
        streams.map(|stream| Ok((startup::voice(journal)?, stream))).collect()
    }

    fn about(&self, supervisord: &Supervisord, namespaces: Vec<String>) -> About {
        let invocation = Rc::clone(&self.invocation);
        let reread = move || match invocation.config(&ThisHost::Running) {
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

/// A command that runs once writes to the same streams as the supervisor: only warnings and
/// errors join it there.
fn style(config: &Config) -> Style {
    if config.runs_once() { Style::Complaints } else { Style::Records(config.supervisord.loglevel) }
}

/// The seed for the random part of waits. Containers that start together have the same pids, but
/// rarely start in the same nanosecond.
fn seed(now: Wall) -> u64 {
    let now = now.since_epoch();
    (u64::from(now.subsec_nanos()) << 34) ^ now.as_secs() ^ u64::from(std::process::id())
}
