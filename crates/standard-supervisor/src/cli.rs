//! The command lines.

mod companions;
mod generate;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use supervisor_config::{
    CommandRequest, Config, Errors, Request, Sources, standard_supervisor_flags, status_address,
    status_port, supervisord_flags, tool,
};
use supervisor_core::level::Level;
use supervisor_sys::clock::Clock;
use supervisor_sys::console::{
    BAD_USAGE, FAILURE, SUCCESS, complain, print, program, refuse_as_supervisord, sources,
};
use supervisor_sys::host::ThisHost;
use supervisor_sys::io::stderr::to_stderr;
use supervisor_sys::process::signal::Signals;

use crate::check::obstacles;
use crate::probe::{self, Question};
use crate::program::{Call, Program};
use crate::run::{Failure, Invocation, Mode, run};

/// The name of the program in command mode.
const COMMAND_MODE: &str = "standard-supervisor";

/// The commit of the sources, if `scripts/dist` built this binary.
const COMMIT: Option<&str> = option_env!("STANDARD_SUPERVISOR_COMMIT");

/// The version of supervisord that ours behaves as. Clients ask for it.
const SUPERVISORD_VERSION: &str = "4.3.0";

/// A user who can put a file into one of these directories decides what root runs.
const SEARCHING_AS_ROOT: &str = "WARN: supervisord runs as root and looks for its configuration \
 file in default locations, including the current directory; set -c to an absolute path
";

/// Is the program that was called; returns the exit code.
pub(crate) fn run_called() -> u8 {
    let Call { program, name, words } = match Call::of(std::env::args_os()) {
        Ok(call) => call,
        Err(why) => return complain(&why, &tool(COMMAND_MODE).usage_text()),
    };
    match program {
        Program::StandardSupervisor => standard_supervisor(&words),
        Program::Supervisord => supervisord(&name, &words),
        Program::Supervisorctl => supervisor_ctl::run(&name, &words),
        Program::EchoSupervisordConf => companions::echo_supervisord_conf(&words),
        Program::Pidproxy => companions::pidproxy(&words),
        Program::GenerateSupervisorConfig => generate::generate_supervisor_config(&words),
    }
}

/// `standard-supervisor`; returns the exit code.
fn standard_supervisor(words: &[OsString]) -> u8 {
    // First of all: a signal that comes earlier would end us without a word.
    let signals = Signals::take_over();
    let clock = Clock::start();
    let (command, check) = match standard_supervisor_flags(words) {
        Ok(CommandRequest::Help) => return print(&tool(COMMAND_MODE).help()),
        Ok(CommandRequest::Version) => return print(&version()),
        Ok(CommandRequest::Probe { question, port }) => {
            return match Question::named(&question) {
                Ok(question) => probe(question, port.as_deref()),
                Err(why) => complain(&why, &tool(COMMAND_MODE).usage_text()),
            };
        }
        Ok(CommandRequest::Check(command)) => (command, true),
        Ok(CommandRequest::Run(command)) => (command, false),
        Err(why) => return complain(&why, &tool(COMMAND_MODE).usage_text()),
    };
    if command.is_empty() {
        return complain(&"No launch command provided", &tool(COMMAND_MODE).usage_text());
    }
    let invocation = Invocation { mode: Mode::Command(command), sources: sources() };
    match begin(invocation, check, signals, clock) {
        Ok(code) => code,
        Err(Failure::Configuration(errors)) => refuse(&errors),
        Err(Failure::Obstacles(obstacles)) => {
            obstacles.iter().for_each(|why| to_stderr(&format!("ERROR: {why}\n")));
            FAILURE
        }
        Err(Failure::Start(why)) => complain(&why, ""),
    }
}

/// Reads the configuration that `invocation` means, and checks it or runs it.
fn begin(
    invocation: Invocation,
    check: bool,
    signals: std::io::Result<Signals>,
    clock: Clock,
) -> Result<u8, Failure> {
    let config = invocation.config(&ThisHost::Starting).map_err(Failure::Configuration)?;
    if check {
        let obstacles = checked(&config, &invocation.sources);
        return if obstacles.is_empty() { Ok(SUCCESS) } else { Err(Failure::Obstacles(obstacles)) };
    }
    let signals =
        signals.map_err(|error| Failure::Start(format!("cannot watch for signals: {error}")))?;
    run(config, invocation, signals, clock)
}

/// Says what a start with this configuration would say of it.
fn tell(config: &Config) {
    for warning in &config.warnings {
        to_stderr(&format!("WARN: {warning}\n"));
    }
    for (_, note) in config.notes.iter().filter(|(level, _)| *level == Level::Info) {
        to_stderr(&format!("INFO: {note}\n"));
    }
}

/// `supervisord`; returns the exit code.
fn supervisord(called: &OsStr, words: &[OsString]) -> u8 {
    let signals = Signals::take_over();
    let clock = Clock::start();
    let name = called.to_string_lossy().into_owned();
    let (flags, check) = match supervisord_flags(words) {
        Ok(Request::Help) => return print(&tool("supervisord").help()),
        Ok(Request::Version) => return print(&format!("{SUPERVISORD_VERSION}\n")),
        Ok(Request::Check(flags)) => (flags, true),
        Ok(Request::Run(flags)) => (flags, false),
        Err(message) => return refuse_as_supervisord(&name, [message.as_str()]),
    };
    let (sources, program) = (sources(), program(called));
    if flags.configuration.is_none() && rustix::process::getuid().is_root() {
        to_stderr(SEARCHING_AS_ROOT);
    }
    let invocation = Invocation { mode: Mode::File { flags, program }, sources };
    match begin(invocation, check, signals, clock) {
        Ok(code) => code,
        Err(Failure::Start(why)) => refuse_as_supervisord(&name, [why.as_str()]),
        Err(Failure::Obstacles(obstacles)) => {
            obstacles.iter().for_each(|why| to_stderr(&format!("Error: {why}\n")));
            BAD_USAGE
        }
        Err(Failure::Configuration(errors)) => {
            for warning in errors.warnings() {
                to_stderr(&format!("WARN: {warning}\n"));
            }
            refuse_as_supervisord(&name, errors.messages())
        }
    }
}

/// Asks a supervisor how it is, at the port that was given or the one that this environment
/// gives it.
fn probe(question: Question, port: Option<&str>) -> u8 {
    let sources = sources();
    let listen = match port {
        Some(port) => status_address(port, &sources, &ThisHost::Starting)
            .map(Some)
            .map_err(|why| format!("ERROR: --port: {why}")),
        None => status_port(&sources, &ThisHost::Starting).map_err(|errors| errors.to_string()),
    };
    let asked = match listen {
        Ok(Some(listen)) => probe::ask(question, &listen).map_err(|why| format!("ERROR: {why}")),
        Ok(None) => Err("ERROR: --probe: no status port is set; set PROCESS_STATUS_PORT=9100 \
         for the supervisor and the probe, or pass --port PORT"
            .to_owned()),
        Err(why) => Err(why),
    };
    match asked {
        Ok(answer) => {
            let printed = print(&format!("{}\n", answer.words));
            if answer.yes { printed } else { FAILURE }
        }
        Err(why) => {
            to_stderr(&format!("{why}\n"));
            FAILURE
        }
    }
}

/// Prints what a configuration means, and returns what its start would fail with.
fn checked(config: &Config, sources: &Sources) -> BTreeSet<String> {
    tell(config);
    let mut obstacles = obstacles(config, sources);
    if print(&config.effective()) != SUCCESS {
        obstacles.insert("incomplete write".to_owned());
    }
    obstacles
}

/// The version with the commit and the target, because bug reports need both.
fn version() -> String {
    let version = tool(COMMAND_MODE).version_text();
    let (commit, machine) = (COMMIT.unwrap_or("development build"), std::env::consts::ARCH);
    format!("{} ({commit}, {machine}-unknown-linux-gnu)\n", version.trim_end())
}

fn refuse(errors: &Errors) -> u8 {
    // A warning often explains a mistake: a misspelt name, for one.
    for warning in errors.warnings() {
        to_stderr(&format!("WARN: {warning}\n"));
    }
    to_stderr(&format!("{errors}\n"));
    FAILURE
}
