//! Analyzes a server's command: its options, those of its options file, and its variables.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use super::{Named, Preset};

/// Shells. The arguments of a shell script are not necessarily the server's options.
const SHELLS: [&str; 8] = ["ash", "bash", "busybox", "dash", "fish", "ksh", "sh", "zsh"];

/// Options of shells and Python with a value in the next argument.
const VALUED: [&str; 4] = ["-O", "-W", "-X", "-o"];

/// The environment of a command.
pub(crate) struct Surroundings<'a> {
    /// Returns the value of a variable.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
    /// Returns the content of a file that the command names.
    pub(crate) file: &'a dyn Fn(&str) -> Option<String>,
    /// Returns the first bytes of the executable.
    pub(crate) beginning: &'a dyn Fn() -> Vec<u8>,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// A command, analyzed for one preset.
#[derive(Debug)]
pub(crate) struct Command<'a> {
    /// The name of the server's program in the command, if the command contains it.
    pub(crate) program: Option<&'static str>,
    /// The program as written in the command, with its path.
    pub(crate) program_path: Option<String>,
    /// The script that starts the server, if the command does not contain the server's name.
    pub(crate) script: Option<String>,
    /// The path of an options file that cannot be read.
    pub(crate) unread: Option<String>,
    /// The arguments after the server's name, and before them those of its options file.
    words: Vec<String>,
    /// The arguments before the server's name.
    before: Vec<String>,
    around: &'a Surroundings<'a>,
    preset: &'static Preset,
}

/// A value and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) value: String,
    /// Name of the source: `--port` or `PORT`.
    pub(crate) by: String,
    /// Whether the source is an environment variable.
    pub(crate) is_variable: bool,
}

impl Found {
    /// The setting as text: `--port 80`, `PORT=80`. Not for passwords.
    pub(crate) fn shown(&self) -> String {
        let between = if self.is_variable { '=' } else { ' ' };
        format!("{}{between}{}", self.by, self.value)
    }
}

impl<'a> Command<'a> {
    pub(crate) fn read(
        preset: &'static Preset,
        argv: &[OsString],
        around: &'a Surroundings<'a>,
    ) -> Self {
        let all: Vec<String> = argv.iter().map(|word| word.to_string_lossy().into()).collect();
        let known = all.iter().enumerate().find_map(|(at, word)| {
            let before = at.checked_sub(1).and_then(|at| all.get(at));
            let program = preset.programs.iter().find(|program| **program == base(word))?;
            (!before.is_some_and(|before| takes_value(before))).then_some((at, *program))
        });
        let words = all.get(known.map_or(1, |(at, _)| at + 1)..).unwrap_or_default().to_vec();
        let mut command = Self {
            program: known.map(|(_, program)| program),
            program_path: known.and_then(|(at, _)| all.get(at).cloned()),
            script: script(&all, around).filter(|_| known.is_none()),
            unread: None,
            before: all.get(..known.map_or(0, |(at, _)| at)).unwrap_or_default().to_vec(),
            words,
            around,
            preset,
        };
        if let Some(file) = command.option(preset.listens.file) {
            match (around.file)(&file.value) {
                Some(text) => command.words.splice(0..0, options_in(&text)).for_each(drop),
                None => command.unread = Some(file.shown()),
            }
        }
        command
    }

    /// The argument at this position after the server's name, for example a subcommand or a model.
    pub(crate) fn word(&self, at: usize) -> Option<&str> {
        self.words.get(at).map(String::as_str)
    }

    /// Whether this launcher precedes the server's program in the command.
    pub(crate) fn is_launched_by(&self, launcher: &str) -> bool {
        self.before.iter().any(|word| base(word) == launcher)
    }

    /// The value of an option in the form `--opt value` or `--opt=value`. The last one counts, as
    /// in most programs.
    pub(crate) fn option(&self, names: &[&str]) -> Option<Found> {
        let mut found = self.words.iter().enumerate().rev().filter_map(|(at, word)| {
            let (written, inline) = match word.split_once('=') {
                Some((written, value)) => (written, Some(value)),
                None => (word.as_str(), None),
            };
            let short = names.iter().find_map(|name| glued(name, word));
            let (by, value) = match short {
                Some((name, value)) => (name.to_owned(), value),
                None if self.means(written, names) => {
                    let next = || self.words.get(at + 1).map(String::as_str);
                    (written.to_owned(), inline.or_else(next)?)
                }
                None => return None,
            };
            Some(Found { value: value.to_owned(), by, is_variable: false })
        });
        found.next()
    }

    /// The first of these flags that the command contains.
    pub(crate) fn flag(&self, names: &[&str]) -> Option<String> {
        let found = self.words.iter().find(|word| {
            let (written, value) = word.split_once('=').unwrap_or((word, ""));
            self.means(written, names) && !is_no(value)
        });
        found.cloned()
    }

    /// An environment variable that is not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<Found> {
        let value = (self.around.variable)(name).filter(|value| !value.is_empty())?;
        Some(Found { value, by: name.to_owned(), is_variable: true })
    }

    /// The value of an option or a variable.
    pub(crate) fn named(&self, named: &Named) -> Option<Found> {
        let option = || self.option(named.options);
        let variable = || named.variables.iter().find_map(|name| self.variable(name));
        match (self.preset.listens.variables_win, self.program) {
            ([], _) => option().or_else(variable),
            (win, Some(program)) if !win.contains(&program) => option(),
            (_, _) => variable().or_else(option),
        }
    }

    /// The value of an option, if it is a whole number.
    pub(crate) fn number(&self, names: &[&str]) -> Option<u64> {
        self.option(names)?.value.parse().ok()
    }

    /// Whether an option has one of these names. Underscores and hyphens are equivalent. Some
    /// servers also accept an unambiguous prefix.
    fn means(&self, written: &str, names: &[&str]) -> bool {
        let written = written.replace('_', "-");
        let is = |name: &str| name.replace('_', "-") == written;
        names.iter().any(|name| is(name))
            || (self.preset.listens.abbreviates
                && written.len() >= SHORTEST_BEGINNING
                && names.iter().any(|name| name.replace('_', "-").starts_with(&written)))
    }
}

/// Minimum length of an accepted prefix: two hyphens and three letters.
const SHORTEST_BEGINNING: usize = 5;

/// The value in an argument such as `-p8000`.
fn glued<'w, 'n>(name: &'n str, word: &'w str) -> Option<(&'n str, &'w str)> {
    let is_short = name.len() == 2 && !name.ends_with('-');
    let value = word.strip_prefix(name).filter(|_| is_short)?;
    let value = value.strip_prefix('=').unwrap_or(value);
    (!value.is_empty()).then_some((name, value))
}

/// Whether a value means "no".
pub(crate) fn is_no(value: &str) -> bool {
    ["0", "false", "no", "off"].iter().any(|no| value.eq_ignore_ascii_case(no))
}

/// Whether the next argument is the value of this one, for example the path of a model. `-m` of
/// Python does not count, because a module follows it.
fn takes_value(word: &str) -> bool {
    word.starts_with('-') && word != "-m" && !word.contains('=')
}

fn base(word: &str) -> &str {
    Path::new(word).file_name().and_then(|name| name.to_str()).unwrap_or(word)
}

fn is_shell(word: &str) -> bool {
    SHELLS.contains(&base(word))
}

/// The script that the command executes. For text or a module in the arguments of an interpreter,
/// the arguments up to there.
fn script(all: &[String], around: &Surroundings<'_>) -> Option<String> {
    let (first, arguments) = all.split_first()?;
    if !is_shell(first) && !base(first).starts_with("python") {
        return starts_shell(around).then(|| first.clone());
    }
    let up_to = |last: usize| all.iter().take(last + 1).map(String::as_str).collect::<Vec<_>>();
    let mut before = first.as_str();
    for (word, at) in arguments.iter().zip(1..) {
        match word.strip_prefix('-') {
            Some("m") => return Some(up_to(at + 1).join(" ")),
            // The text itself may contain passwords.
            Some(flags) if flags.ends_with('c') && !flags.starts_with('-') => {
                return Some(up_to(at).join(" "));
            }
            // `busybox sh`
            None if !VALUED.contains(&before) && !is_shell(word) => return Some(word.clone()),
            Some(_) | None => before = word,
        }
    }
    Some(first.clone())
}

/// Whether the executable is a shell script.
fn starts_shell(around: &Surroundings<'_>) -> bool {
    let beginning = (around.beginning)();
    let line = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.strip_prefix("#!").is_some_and(|line| line.split_whitespace().any(is_shell))
}

/// The options in a file with lines `key: value`, the subset of YAML that servers use. Ignores
/// nested keys, because they do not define an address.
fn options_in(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with([' ', '\t', '#', '-']));
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let words = pairs.flat_map(|(key, value)| {
        let value = value.split(" #").next().unwrap_or_default().trim();
        let value = value.trim_matches(['"', '\'']);
        let option = format!("--{}", key.trim());
        match value {
            "" | "false" | "False" => vec![],
            "true" | "True" => vec![option],
            value => vec![option, value.to_owned()],
        }
    });
    words.collect()
}
