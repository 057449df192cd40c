//! Parses the command lines of `generate-supervisor-config`, `echo_supervisord_conf` and
//! `pidproxy`.

use std::ffi::OsString;
use std::path::PathBuf;

use supervisor_core::level::Level;

use super::getopt::{self, Flag, Reading, ToolOption};

/// A request on the command line of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<T> {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Run the program.
    Run(T),
}

/// A file for `generate-supervisor-config` to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The path of the file.
    pub output: PathBuf,
    /// The name of the program in the file.
    pub name: String,
    /// The log level that the file sets.
    pub log_level: Level,
    /// The command of the program; never empty.
    pub command: Vec<OsString>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Help,
    Version,
    Output,
    Name,
    LogLevel,
}

impl Reading for Does {
    fn argument(&self) -> Option<&'static str> {
        match self {
            Self::Help | Self::Version => None,
            Self::Output => Some("OUT"),
            Self::Name => Some("NAME"),
            Self::LogLevel => Some("LEVEL"),
        }
    }

    fn can_be_shortened(&self) -> bool {
        false
    }

    fn default(&self) -> Option<&'static str> {
        match self {
            Self::Help | Self::Version | Self::Output => None,
            Self::Name => Some("app"),
            Self::LogLevel => Some("INFO"),
        }
    }
}

const HELP: Flag<Does> =
    Flag { short: Some('h'), long: "help", does: Does::Help, doc: "print this help; also -?" };

const VERSION: Flag<Does> =
    Flag { short: None, long: "version", does: Does::Version, doc: "print the version" };

static GENERATE: [Flag<Does>; 5] = [
    Flag { short: Some('o'), long: "output", does: Does::Output, doc: "the file to write" },
    Flag { short: Some('p'), long: "program-name", does: Does::Name, doc: "the program's name" },
    Flag {
        short: None,
        long: "log-level",
        does: Does::LogLevel,
        doc: "the log level: ERROR, INFO or DEBUG",
    },
    HELP,
    VERSION,
];

static PLAIN: [Flag<Does>; 2] = [HELP, VERSION];

/// The options of `generate-supervisor-config`.
pub(crate) fn generate_options() -> Vec<ToolOption> {
    getopt::shown(&GENERATE)
}

/// The options of `echo_supervisord_conf` and `pidproxy`.
pub(crate) fn plain_options() -> Vec<ToolOption> {
    getopt::shown(&PLAIN)
}

/// Parses the command line of `generate-supervisor-config` without the program's name.
///
/// # Errors
///
/// The error, with the argument that caused it.
pub fn generate_supervisor_config_flags(words: &[OsString]) -> Result<Asked<Order>, String> {
    let given = getopt::read(words, &GENERATE)?;
    let (mut output, mut name, mut log_level) = (None, None, None);
    for given in given.flags {
        match given.flag.does {
            Does::Help => return Ok(Asked::Help),
            Does::Version => return Ok(Asked::Version),
            Does::Output => output = Some(given.value.into()),
            Does::Name => name = Some(given.text()?),
            Does::LogLevel => log_level = Some(level(&given.text()?)?),
        }
    }
    let output = output.ok_or("-o OUT is missing: the file to write")?;
    if given.others.is_empty() {
        return Err("No launch command provided".to_owned());
    }
    Ok(Asked::Run(Order {
        output,
        name: name.unwrap_or_else(|| Does::Name.default().unwrap_or_default().to_owned()),
        log_level: log_level.unwrap_or(Level::Info),
        command: given.others,
    }))
}

fn level(text: &str) -> Result<Level, String> {
    let level = Level::from_name(text);
    let allowed = [Level::Error, Level::Info, Level::Debug];
    let level = level.filter(|level| allowed.contains(level));
    level.ok_or_else(|| {
        format!("--log-level: invalid value '{text}'; expected ERROR, INFO or DEBUG")
    })
}

/// Parses the command line of `echo_supervisord_conf` without the program's name.
///
/// # Errors
///
/// The error, with the argument that caused it.
pub fn echo_supervisord_conf_flags(words: &[OsString]) -> Result<Asked<()>, String> {
    let asked = plain(words)?;
    match asked {
        Asked::Run(others) => match others.first() {
            None => Ok(Asked::Run(())),
            Some(word) => Err(format!("unknown argument {word:?}")),
        },
        Asked::Help => Ok(Asked::Help),
        Asked::Version => Ok(Asked::Version),
    }
}

/// Parses the command line of `pidproxy` without the program's name: the pidfile, then the command.
/// As in supervisor, any word before the command is a file name.
///
/// # Errors
///
/// The error, if an option is invalid. Missing arguments are not an error.
pub fn pidproxy_flags(words: &[OsString]) -> Result<Asked<Vec<OsString>>, String> {
    match words {
        [_] => plain(words),
        words => Ok(Asked::Run(words.to_vec())),
    }
}

fn plain(words: &[OsString]) -> Result<Asked<Vec<OsString>>, String> {
    let given = getopt::read(words, &PLAIN)?;
    Ok(match given.flags.first().map(|given| given.flag.does) {
        Some(Does::Help) => Asked::Help,
        Some(Does::Version) => Asked::Version,
        Some(Does::Output | Does::Name | Does::LogLevel) | None => Asked::Run(given.others),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn a_generated_file_needs_a_name_and_a_command() {
        let order = generate_supervisor_config_flags(&words("-ox -p llm vllm -o y"));
        let command = words("vllm -o y");
        let (output, name) = ("x".into(), "llm".to_owned());
        let wanted = Order { output, name, log_level: Level::Info, command };
        assert_eq!(order, Ok(Asked::Run(wanted)));
        for (line, why) in [
            ("vllm", "-o OUT is missing: the file to write"),
            ("-o x", "No launch command provided"),
            (
                "-o x --log-level loud a",
                "--log-level: invalid value 'loud'; expected ERROR, INFO or DEBUG",
            ),
            ("--outptu x", "option --outptu not recognized; did you mean --output?"),
        ] {
            assert_eq!(
                generate_supervisor_config_flags(&words(line)),
                Err(why.to_owned()),
                "{line}"
            );
        }
    }

    #[test]
    fn the_first_of_several_arguments_of_pidproxy_is_the_pidfile() {
        for (line, asked) in [
            ("-h", Asked::Help),
            ("--version", Asked::Version),
            ("file", Asked::Run(words("file"))),
            ("--help cmd", Asked::Run(words("--help cmd"))),
            ("-- cmd", Asked::Run(words("-- cmd"))),
        ] {
            assert_eq!(pidproxy_flags(&words(line)), Ok(asked), "{line}");
        }
        assert_eq!(pidproxy_flags(&words("-x")), Err("option -x not recognized".to_owned()));
    }
}
