//! supervisord's command line, read as Python's
//! [`getopt`](https://docs.python.org/3/library/getopt.html) reads it: options end at
//! the first word that is none, short ones can stand together, long ones can be
//! shortened as long as it is clear which is meant.
//!
//! Options and meanings are those of
//! [supervisord](https://supervisord.org/running.html#supervisord-command-line-options),
//! and one of our own, `--check`.

use std::ffi::OsString;
use std::path::PathBuf;

use supervisor_wire::python::repr;

use crate::options as o;

/// What `supervisord` was asked for on its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Print [`supervisord_help`].
    Help,
    /// Print the version.
    Version,
    /// Print the configuration in effect, or what is wrong with it.
    Check(Flags),
    /// Run.
    Run(Flags),
}

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The configuration file; `None`: it is searched.
    pub configuration: Option<PathBuf>,
    /// Options of `[supervisord]` in place of the file's, in order.
    pub(crate) settings: Vec<FlagSetting>,
    /// Words that were understood and do nothing.
    pub(crate) without_effect: Vec<String>,
}

/// One option of `[supervisord]` on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlagSetting {
    /// As it was written: `-l`, `--logfile`.
    pub(crate) flag: String,
    pub(crate) key: &'static str,
    pub(crate) value: String,
}

struct Flag {
    short: Option<char>,
    long: &'static str,
    does: Does,
    doc: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Help,
    Version,
    Check,
    Configuration,
    Nothing,
    /// Sets this option to `true`.
    TurnOn(&'static str),
    /// Sets this option.
    Set(&'static str, &'static str),
}

impl Does {
    /// What the help calls the argument, if there is one.
    const fn argument(self) -> Option<&'static str> {
        match self {
            Self::Help | Self::Version | Self::Check | Self::TurnOn(_) => None,
            Self::Configuration => Some("FILENAME"),
            Self::Nothing => Some("LIST"),
            Self::Set(_, name) => Some(name),
        }
    }
}

const fn flag(short: Option<char>, long: &'static str, does: Does, doc: &'static str) -> Flag {
    Flag { short, long, does, doc }
}

const FLAGS: [Flag; 21] = [
    flag(Some('c'), "configuration", Does::Configuration, "read this configuration file"),
    flag(Some('n'), "nodaemon", Does::TurnOn(o::NODAEMON.row.key), "stay in the foreground"),
    flag(
        Some('s'),
        "silent",
        Does::TurnOn(o::SILENT.row.key),
        "in the foreground, print no log lines",
    ),
    flag(Some('h'), "help", Does::Help, "print this; so does -?"),
    flag(
        Some('v'),
        "version",
        Does::Version,
        "print the version of supervisord that this one behaves as",
    ),
    flag(
        Some('u'),
        "user",
        Does::Set(o::SUPERVISORD_USER.row.key, "USER"),
        "become this user, given by name or id",
    ),
    flag(
        Some('m'),
        "umask",
        Does::Set(o::SUPERVISORD_UMASK.row.key, "UMASK"),
        "use this file mode creation mask, an octal number",
    ),
    flag(
        Some('d'),
        "directory",
        Does::Set(o::SUPERVISORD_DIRECTORY.row.key, "DIRECTORY"),
        "work here once in the background",
    ),
    flag(
        Some('l'),
        "logfile",
        Does::Set(o::LOGFILE.row.key, "FILENAME"),
        "use FILENAME as the log file",
    ),
    flag(
        Some('y'),
        "logfile_maxbytes",
        Does::Set(o::LOGFILE_MAXBYTES.row.key, "BYTES"),
        "rotate it from this size on",
    ),
    flag(
        Some('z'),
        "logfile_backups",
        Does::Set(o::LOGFILE_BACKUPS.row.key, "NUM"),
        "keep this many rotated log files",
    ),
    flag(
        Some('e'),
        "loglevel",
        Does::Set(o::LOGLEVEL.row.key, "LEVEL"),
        "log from this level on: critical, error, warn, info, debug, trace or blather",
    ),
    flag(
        Some('j'),
        "pidfile",
        Does::Set(o::PIDFILE.row.key, "FILENAME"),
        "write the process id here",
    ),
    flag(
        Some('i'),
        "identifier",
        Does::Set(o::IDENTIFIER.row.key, "STR"),
        "use this name in events and AUTO log files",
    ),
    flag(
        Some('q'),
        "childlogdir",
        Does::Set(o::CHILDLOGDIR.row.key, "DIRECTORY"),
        "create AUTO log files here",
    ),
    flag(
        Some('k'),
        "nocleanup",
        Does::TurnOn(o::NOCLEANUP.row.key),
        "keep AUTO log files of earlier runs",
    ),
    flag(
        Some('a'),
        "minfds",
        Does::Set(o::MINFDS.row.key, "NUM"),
        "how many file descriptors there must be",
    ),
    flag(
        Some('t'),
        "strip_ansi",
        Does::TurnOn(o::STRIP_ANSI.row.key),
        "take terminal control sequences out of programs' output",
    ),
    flag(
        None,
        "minprocs",
        Does::Set(o::MINPROCS.row.key, "NUM"),
        "how many processes there must be room for",
    ),
    flag(
        None,
        "profile_options",
        Does::Nothing,
        "accepted and without effect: it is about Python's profiler",
    ),
    flag(
        None,
        "check",
        Does::Check,
        "print the configuration in effect, or all that is wrong with it; start nothing",
    ),
];

/// What `supervisord --help` prints; `program` is the name it was called by.
#[must_use]
pub fn supervisord_help(program: &str) -> String {
    let mut help = format!(
        "supervisord -- run a set of applications as daemons.\n\nUsage: {program} [options]\n\nOptions:\n"
    );
    for Flag { short, long, does, doc } in &FLAGS {
        let short = short.map_or_else(String::new, |short| format!("-{short}/"));
        let argument = does.argument().map_or_else(String::new, |name| format!(" {name}"));
        help.push_str(&format!("{short}--{long}{argument} -- {doc}\n"));
    }
    help
}

/// Reads supervisord's command line, the program's name left out.
///
/// # Errors
///
/// What is wrong with it, in supervisord's words. Values are checked later.
pub fn supervisord_flags(words: &[OsString]) -> Result<Request, String> {
    let given = Words { rest: words.iter().cloned().collect() }.read()?;
    let mut flags = Flags::default();
    let mut check = false;
    for Given { written, flag, value } in given.flags {
        match flag.does {
            Does::Help => return Ok(Request::Help),
            Does::Version => return Ok(Request::Version),
            Does::Check => check = true,
            Does::Nothing => flags.without_effect.push(written),
            Does::Configuration if flags.configuration.is_some() => {
                return Err(conflicting(&written));
            }
            Does::Configuration => flags.configuration = Some(value.into()),
            Does::TurnOn(key) => flags.set(written, key, "true".to_owned())?,
            Does::Set(key, _) => flags.set(written, key, value)?,
        }
    }
    if !given.others.is_empty() {
        let others = given.others.iter().map(|word| repr(word)).collect::<Vec<_>>().join(", ");
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

fn conflicting(flag: &str) -> String {
    format!("conflicting command line option {}", repr(flag))
}

struct Given {
    written: String,
    flag: &'static Flag,
    value: String,
}

struct AllGiven {
    flags: Vec<Given>,
    others: Vec<String>,
}

struct Words {
    rest: std::collections::VecDeque<OsString>,
}

impl Words {
    fn read(mut self) -> Result<AllGiven, String> {
        let mut flags = Vec::new();
        loop {
            let Some(word) = self.next()? else {
                return Ok(AllGiven { flags, others: Vec::new() });
            };
            if let Some(long) = word.strip_prefix("--") {
                if long.is_empty() {
                    return Ok(AllGiven { flags, others: self.others(None)? });
                }
                flags.push(self.long(long)?);
            } else if let Some(shorts) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
                self.shorts(shorts, &mut flags)?;
            } else {
                return Ok(AllGiven { flags, others: self.others(Some(word))? });
            }
        }
    }

    fn next(&mut self) -> Result<Option<String>, String> {
        let Some(word) = self.rest.pop_front() else { return Ok(None) };
        let text = word.into_string();
        text.map(Some).map_err(|word| format!("command line word {word:?} is not UTF-8"))
    }

    fn others(&mut self, first: Option<String>) -> Result<Vec<String>, String> {
        let mut others: Vec<String> = first.into_iter().collect();
        while let Some(word) = self.next()? {
            others.push(word);
        }
        Ok(others)
    }

    fn long(&mut self, written: &str) -> Result<Given, String> {
        let (name, given) =
            written.split_once('=').map_or((written, None), |(name, value)| (name, Some(value)));
        let flag = find_long(name)?;
        let value = match (flag.does.argument(), given) {
            (None, Some(_)) => {
                return Err(format!("option --{} must not have an argument", flag.long));
            }
            (None, None) => String::new(),
            (Some(_), Some(value)) => value.to_owned(),
            (Some(_), None) => {
                self.next()?.ok_or_else(|| format!("option --{} requires argument", flag.long))?
            }
        };
        Ok(Given { written: format!("--{}", flag.long), flag, value })
    }

    fn shorts(&mut self, shorts: &str, flags: &mut Vec<Given>) -> Result<(), String> {
        let mut rest = shorts.chars();
        while let Some(short) = rest.next() {
            // The one letter with two names.
            let name = if short == '?' { 'h' } else { short };
            let flag = FLAGS.iter().find(|flag| flag.short == Some(name));
            let flag = flag.ok_or_else(|| format!("option -{short} not recognized"))?;
            let written = format!("-{short}");
            let value = match (flag.does.argument(), rest.as_str()) {
                (None, _) => String::new(),
                (Some(_), "") => {
                    self.next()?.ok_or_else(|| format!("option -{short} requires argument"))?
                }
                (Some(_), value) => {
                    rest = "".chars();
                    value.to_owned()
                }
            };
            flags.push(Given { written, flag, value });
        }
        Ok(())
    }
}

/// The flag with this name, or the one that begins with it. What supervisord doesn't
/// have isn't found by a part of its name, or it would make supervisord's ambiguous.
fn find_long(name: &str) -> Result<&'static Flag, String> {
    if let Some(exact) = FLAGS.iter().find(|flag| flag.long == name) {
        return Ok(exact);
    }
    let starts = |flag: &&Flag| flag.long.starts_with(name) && flag.does != Does::Check;
    let mut fitting = FLAGS.iter().filter(starts);
    match (fitting.next(), fitting.next()) {
        (Some(flag), None) => Ok(flag),
        (None, _) => Err(format!("option --{name} not recognized")),
        (Some(_), Some(_)) => Err(format!("option --{name} not a unique prefix")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        supervisord_flags(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    /// `key=value` of each, and the file.
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
    fn mistakes_carry_getopts_words() {
        for (line, words) in [
            ("-x", "option -x not recognized"),
            ("-nx", "option -x not recognized"),
            ("--log x", "option --log not a unique prefix"),
            ("--nope", "option --nope not recognized"),
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
    fn help_and_version_come_before_what_stands_behind_them() {
        assert_eq!(parsed("-n -? foo"), Ok(Request::Help));
        assert_eq!(parsed("-v -n -n"), Ok(Request::Version));
        assert!(matches!(parsed("--check -c x"), Ok(Request::Check(_))));
        assert!(matches!(parsed("--ch x"), Ok(Request::Run(_))));
    }

    #[test]
    fn the_help_has_a_line_for_each_option() {
        let help = supervisord_help("supervisord");
        assert!(help.contains("supervisord -- run a set of applications"));
        assert!(help.contains("-l/--logfile FILENAME -- use FILENAME as"));
        assert!(FLAGS.iter().all(|flag| help.contains(&format!("--{}", flag.long))));
    }
}
