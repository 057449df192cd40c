//! The command lines.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use supervisor_config::{Errors, Said, command_mode, generate};
use supervisor_core::level::Level;

use crate::clock::Clock;
use crate::files::OwnFile;
use crate::host::ThisHost;
use crate::supervise::supervise;
use crate::sys::signal::Signals;

/// The exit code of what went as it should.
const SUCCESS: u8 = 0;

/// The exit code of what could not even begin.
pub(crate) const FAILURE: u8 = 1;

const USAGE: &str = "\
usage: standard-supervisor [--check] [--] COMMAND [ARG...]
       standard-supervisor --help | --version
";

const HELP: &str = "
Runs COMMAND, restarts it when it fails, stops it cleanly when asked, ends all
that it leaves behind, and exits with 1 when it gives up. COMMAND and all that
follows it are passed on byte for byte.

options, before COMMAND only:
  --check    print the configuration in effect, or all that is wrong with it; start nothing
  --help     print this
  --version  print the version

environment:
";

const GENERATE_USAGE: &str = "\
usage: generate-supervisor-config -o OUT [-p NAME] [--log-level ERROR|INFO|DEBUG] [--] COMMAND [ARG...]
";

const GENERATE_HELP: &str = "
Writes a supervisord configuration file that runs COMMAND, and runs nothing.

options, before COMMAND only:
  -o, --output OUT          the file to write
  -p, --program-name NAME   the program's name; default: app
  --log-level LEVEL         how much supervisord says; default: INFO
  --help                    print this
  --version                 print the version
";

/// `standard-supervisor`; returns the exit code.
pub(crate) fn standard_supervisor() -> u8 {
    // First of all: a signal that comes earlier would end us without a word.
    let signals = Signals::take_over();
    let clock = Clock::start();
    let request = match request(Parser::from_env()) {
        Ok(request) => request,
        Err(error) => return complain(&error, USAGE),
    };
    let (command, check) = match request {
        Request::Help => return print(&format!("{USAGE}{HELP}{}", variables())),
        Request::Version => return version("standard-supervisor"),
        Request::Check(command) => (command, true),
        Request::Run(command) => (command, false),
    };
    if command.is_empty() {
        return complain(&"No launch command provided", USAGE);
    }
    let said = said();
    match (command_mode(command, &said, &ThisHost), signals) {
        (Ok(config), _) if check => {
            for warning in &config.warnings {
                to_stderr(&format!("WARN: {warning}\n"));
            }
            print(&config.effective())
        }
        (Ok(config), Ok(signals)) => supervise(config, said.environment, signals, clock),
        (Err(errors), _) => refuse(&errors),
        (Ok(_), Err(error)) => complain(&format!("cannot watch for signals: {error}"), ""),
    }
}

/// `generate-supervisor-config`; returns the exit code.
pub(crate) fn generate_supervisor_config() -> u8 {
    let order = match order(Parser::from_env()) {
        Ok(Some(order)) => order,
        Ok(None) => return print(&format!("{GENERATE_USAGE}{GENERATE_HELP}")),
        Err(error) if error.to_string() == VERSION_WANTED => {
            return version("generate-supervisor-config");
        }
        Err(error) => return complain(&error, GENERATE_USAGE),
    };
    let generated = match generate(&order.command, &order.name, order.log_level) {
        Ok(generated) => generated,
        Err(errors) => return refuse(&errors),
    };
    for warning in &generated.warnings {
        to_stderr(&format!("WARN: {warning}\n"));
    }
    match OwnFile::put(&order.output, 0o600, generated.text.as_bytes()) {
        Ok(_) => SUCCESS,
        Err(error) => complain(&format!("cannot write {}: {error}", order.output.display()), ""),
    }
}

enum Request {
    Help,
    Version,
    Check(Vec<OsString>),
    Run(Vec<OsString>),
}

/// Options end at the first word that is none; the rest is the command.
fn request(mut parser: Parser) -> Result<Request, lexopt::Error> {
    let mut check = false;
    let mut command = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Help),
            Arg::Long("version") => return Ok(Request::Version),
            Arg::Long("check") => check = true,
            Arg::Value(first) => {
                command.push(first);
                command.extend(parser.raw_args()?);
            }
            Arg::Long(_) | Arg::Short(_) => return Err(arg.unexpected()),
        }
    }
    Ok(if check { Request::Check(command) } else { Request::Run(command) })
}

struct Order {
    output: PathBuf,
    name: String,
    log_level: Level,
    command: Vec<OsString>,
}

const VERSION_WANTED: &str = "--version";

/// What `generate-supervisor-config` is asked for; `None`: its help.
fn order(mut parser: Parser) -> Result<Option<Order>, lexopt::Error> {
    let (mut output, mut name, mut log_level) = (None, "app".to_owned(), Level::Info);
    let mut command = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long("version") => return Err(VERSION_WANTED.into()),
            Arg::Long("output") | Arg::Short('o') => output = Some(parser.value()?.into()),
            Arg::Long("program-name") | Arg::Short('p') => name = parser.value()?.string()?,
            Arg::Long("log-level") => log_level = parser.value()?.parse_with(generated_level)?,
            Arg::Value(first) => {
                command.push(first);
                command.extend(parser.raw_args()?);
            }
            Arg::Long(_) | Arg::Short(_) => return Err(arg.unexpected()),
        }
    }
    let output = output.ok_or("-o OUT is missing: the file to write")?;
    if command.is_empty() {
        return Err("No launch command provided".into());
    }
    Ok(Some(Order { output, name, log_level, command }))
}

fn generated_level(text: &str) -> Result<Level, String> {
    let level = Level::from_name(text);
    let allowed = [Level::Error, Level::Info, Level::Debug];
    let level = level.filter(|level| allowed.contains(level));
    level.ok_or_else(|| format!("{text:?} is none of ERROR, INFO and DEBUG"))
}

fn said() -> Said {
    Said {
        environment: std::env::vars_os().collect(),
        hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        temp_dir: std::env::temp_dir(),
    }
}

/// The table of environment variables, as help text.
fn variables() -> String {
    let row = |variable: &supervisor_config::Variable| {
        format!("  {}\n      {}\n", variable.name, variable.doc)
    };
    supervisor_config::VARIABLES.iter().map(row).collect()
}

fn version(program: &str) -> u8 {
    print(&format!("{program} {}\n", env!("CARGO_PKG_VERSION")))
}

fn print(text: &str) -> u8 {
    let mut stdout = std::io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => SUCCESS,
        Err(_) => FAILURE,
    }
}

fn refuse(errors: &Errors) -> u8 {
    // A warning often explains a mistake: a misspelt name, for one.
    for warning in errors.warnings() {
        to_stderr(&format!("WARN: {warning}\n"));
    }
    to_stderr(&format!("{errors}\n"));
    FAILURE
}

fn complain(error: &dyn Display, usage: &str) -> u8 {
    to_stderr(&format!("ERROR: {error}\n{usage}"));
    FAILURE
}

fn to_stderr(text: &str) {
    // Nobody to tell if that fails.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
