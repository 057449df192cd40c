//! Parses supervisord's command line.
//!
//! The options are those of
//! [supervisord](https://supervisord.org/running.html#supervisord-command-line-options) and
//! `--check`.

pub(crate) mod command_mode;
pub(crate) mod companions;
pub(crate) mod getopt;

use std::ffi::OsString;
use std::path::PathBuf;

use supervisor_wire::supervisord::python::repr;

use self::getopt::{Flag, Reading, ToolOption, conflicting};
use crate::options::{self as o, SectionKind, Setting};

/// A request on supervisord's command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Print the effective configuration or its errors.
    Check(Flags),
    /// Run the supervisor.
    Run(Flags),
}

/// The settings on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The configuration file; `None`: search for it.
    pub configuration: Option<PathBuf>,
    /// Options that override those in `[supervisord]`, in order.
    pub(crate) settings: Vec<FlagSetting>,
    /// Options that are accepted and have no effect.
    pub(crate) without_effect: Vec<String>,
}

/// One option of `[supervisord]` on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlagSetting {
    /// The option as written: `-l`, `--logfile`.
    pub(crate) flag: String,
    pub(crate) key: &'static str,
    pub(crate) value: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Help,
    Version,
    Check,
    Configuration,
    Nothing,
    /// Sets an option to `true`.
    TurnOn(&'static str),
    /// Sets an option to the argument.
    Set(&'static str, &'static str),
}

impl Reading for Does {
    fn argument(&self) -> Option<&'static str> {
        match self {
            Self::Help | Self::Version | Self::Check | Self::TurnOn(_) => None,
            Self::Configuration => Some("FILENAME"),
            Self::Nothing => Some("LIST"),
            Self::Set(_, name) => Some(name),
        }
    }

    fn can_be_shortened(&self) -> bool {
        *self != Self::Check
    }

    fn default(&self) -> Option<&'static str> {
        let Self::Set(key, _) = self else { return None };
        let mut options = SectionKind::Supervisord.settings().map(Setting::def);
        options.find(|def| def.key == *key)?.default.file
    }
}

const fn flag(
    short: Option<char>,
    long: &'static str,
    does: Does,
    doc: &'static str,
) -> Flag<Does> {
    Flag { short, long, does, doc }
}

static FLAGS: [Flag<Does>; 21] = [
    flag(Some('c'), "configuration", Does::Configuration, "read this configuration file"),
    flag(Some('n'), "nodaemon", Does::TurnOn(o::NODAEMON.def.key), "stay in the foreground"),
    flag(
        Some('s'),
        "silent",
        Does::TurnOn(o::SILENT.def.key),
        "in the foreground, print no log lines",
    ),
    flag(Some('h'), "help", Does::Help, "print this help; also -?"),
    flag(
        Some('v'),
        "version",
        Does::Version,
        "print the version of supervisord that this program is compatible with",
    ),
    flag(
        Some('u'),
        "user",
        Does::Set(o::SUPERVISORD_USER.def.key, "USER"),
        "switch to this user (name or id)",
    ),
    flag(
        Some('m'),
        "umask",
        Does::Set(o::SUPERVISORD_UMASK.def.key, "UMASK"),
        "use this file mode creation mask, an octal number",
    ),
    flag(
        Some('d'),
        "directory",
        Does::Set(o::SUPERVISORD_DIRECTORY.def.key, "DIRECTORY"),
        "working directory of the daemonized supervisor",
    ),
    flag(
        Some('l'),
        "logfile",
        Does::Set(o::LOGFILE.def.key, "FILENAME"),
        "use FILENAME as the log file",
    ),
    flag(
        Some('y'),
        "logfile_maxbytes",
        Does::Set(o::LOGFILE_MAXBYTES.def.key, "BYTES"),
        "rotate the log file at this size",
    ),
    flag(
        Some('z'),
        "logfile_backups",
        Does::Set(o::LOGFILE_BACKUPS.def.key, "NUM"),
        "keep this many rotated log files",
    ),
    flag(
        Some('e'),
        "loglevel",
        Does::Set(o::LOGLEVEL.def.key, "LEVEL"),
        "lowest level to log: critical, error, warn, info, debug, trace or blather",
    ),
    flag(
        Some('j'),
        "pidfile",
        Does::Set(o::PIDFILE.def.key, "FILENAME"),
        "write the process id to this file",
    ),
    flag(
        Some('i'),
        "identifier",
        Does::Set(o::IDENTIFIER.def.key, "STR"),
        "use this name in events and AUTO log files",
    ),
    flag(
        Some('q'),
        "childlogdir",
        Does::Set(o::CHILDLOGDIR.def.key, "DIRECTORY"),
        "create AUTO log files in this directory",
    ),
    flag(
        Some('k'),
        "nocleanup",
        Does::TurnOn(o::NOCLEANUP.def.key),
        "keep AUTO log files of earlier runs",
    ),
    flag(
        Some('a'),
        "minfds",
        Does::Set(o::MINFDS.def.key, "NUM"),
        "required number of file descriptors",
    ),
    flag(
        Some('t'),
        "strip_ansi",
        Does::TurnOn(o::STRIP_ANSI.def.key),
        "remove terminal control sequences from programs' output",
    ),
    flag(None, "minprocs", Does::Set(o::MINPROCS.def.key, "NUM"), "required number of processes"),
    flag(
        None,
        "profile_options",
        Does::Nothing,
        "accepted and without effect: it controls Python's profiler",
    ),
    flag(
        None,
        "check",
        Does::Check,
        "print the effective configuration with the origin of each value, and all errors; do \
         not start anything",
    ),
];

/// All options, for help, manual pages and completions.
pub(crate) fn options() -> Vec<ToolOption> {
    getopt::shown(&FLAGS)
}

/// Parses supervisord's command line without the program's name.
///
/// # Errors
///
/// The error in supervisord's words. Values are checked later.
pub fn supervisord_flags(words: &[OsString]) -> Result<Request, String> {
    let given = getopt::read(words, &FLAGS)?;
    let mut flags = Flags::default();
    let mut check = false;
    for given in given.flags {
        let written = given.written.clone();
        match given.flag.does {
            Does::Help => return Ok(Request::Help),
            Does::Version => return Ok(Request::Version),
            Does::Check => check = true,
            Does::Nothing => flags.without_effect.push(written),
            Does::Configuration if flags.configuration.is_some() => {
                return Err(conflicting(&written));
            }
            Does::Configuration => flags.configuration = Some(given.value.into()),
            Does::TurnOn(key) => flags.set(written, key, "true".to_owned())?,
            Does::Set(key, _) => flags.set(written, key, given.text()?)?,
        }
    }
    if !given.others.is_empty() {
        let others = given.others.iter().map(|word| repr(&word.to_string_lossy()));
        let others = others.collect::<Vec<_>>().join(", ");
        return Err(format!("positional arguments are not supported: [{others}]"));
    }
    Ok(if check { Request::Check(flags) } else { Request::Run(flags) })
}

impl Flags {
    fn set(&mut self, flag: String, key: &'static str, value: String) -> Result<(), String> {
        if self.settings.iter().any(|known| known.key == key) {
            return Err(conflicting(&flag));
        }
        self.settings.push(FlagSetting { flag, key, value });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        supervisord_flags(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    /// The options as `key=value`, and the file.
    fn run(line: &str) -> String {
        let Ok(Request::Run(flags)) = parsed(line) else { panic!("{line}: {:?}", parsed(line)) };
        let settings = flags.settings.iter().map(|s| format!(" {}={}", s.key, s.value));
        let file = flags.configuration.unwrap_or_default();
        format!("{}{}", file.display(), settings.collect::<String>())
    }

    #[test]
    fn options_are_read_as_getopt_reads_them() {
        for (line, result) in [
            ("-c a.conf -n", "a.conf nodaemon=true"),
            ("-nca.conf", "a.conf nodaemon=true"),
            ("--conf=a.conf --logfile_m 5MB", "a.conf logfile_maxbytes=5MB"),
            ("-e debug --logfile=", " loglevel=debug logfile="),
            ("--nod -tks", " nodaemon=true strip_ansi=true nocleanup=true silent=true"),
            ("--minprocs 3 -a 4", " minprocs=3 minfds=4"),
        ] {
            assert_eq!(run(line), result, "{line}");
        }
    }

    #[test]
    fn invalid_options_are_reported_with_getopts_messages() {
        for (line, words) in [
            ("-x", "option -x not recognized"),
            ("-nx", "option -x not recognized"),
            ("--log x", "option --log not a unique prefix"),
            ("--nope", "option --nope not recognized"),
            ("--nodemon", "option --nodemon not recognized; did you mean --nodaemon?"),
            ("-c", "option -c requires argument"),
            ("--user", "option --user requires argument"),
            ("--nodaemon=1", "option --nodaemon must not have an argument"),
            ("-n --nodaemon", "conflicting command line option '--nodaemon'"),
            ("-c a -c b", "conflicting command line option '-c'"),
            ("-n foo it's", "positional arguments are not supported: ['foo', \"it's\"]"),
            ("-n -- -x", "positional arguments are not supported: ['-x']"),
        ] {
            assert_eq!(parsed(line), Err(words.to_owned()), "{line}");
        }
    }

    #[test]
    fn help_and_version_ignore_the_arguments_after_them() {
        assert_eq!(parsed("-n -? foo"), Ok(Request::Help));
        assert_eq!(parsed("-v -n -n"), Ok(Request::Version));
        assert!(matches!(parsed("--check -c x"), Ok(Request::Check(_))));
        assert!(matches!(parsed("--ch x"), Ok(Request::Run(_))));
    }
}
