//! `generate-supervisor-config`: writes a configuration file for a command.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use supervisor_config::{generate, generate_supervisor_config as tool};
use supervisor_core::level::Level;
use supervisor_sys::console::{SUCCESS, complain, print};
use supervisor_sys::io::files::OwnFile;
use supervisor_sys::io::stderr::to_stderr;

use super::{refuse, version};

/// `generate-supervisor-config`; returns the exit code.
pub(crate) fn generate_supervisor_config(words: Vec<OsString>) -> u8 {
    let order = match order(Parser::from_args(words)) {
        Ok(Some(order)) => order,
        Ok(None) => return print(&tool().help()),
        Err(error) if error.to_string() == VERSION_WANTED => {
            return version("generate-supervisor-config");
        }
        Err(error) => return complain(&error, &tool().usage_text()),
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
    level.ok_or_else(|| format!("invalid value {text:?}; expected ERROR, INFO or DEBUG"))
}
