//! Parses command lines as Python's [`getopt`](https://docs.python.org/3/library/getopt.html) does:
//! options end at the first word that is not an option, short options can be combined, and long
//! options can be shortened to an unambiguous prefix.

use std::collections::VecDeque;
use std::ffi::OsString;

use supervisor_wire::supervisord::python::repr;

use crate::text::nearest::nearest;

/// An option of a command line and its effect.
pub(crate) struct Flag<D: 'static> {
    pub(crate) short: Option<char>,
    pub(crate) long: &'static str,
    pub(crate) does: D,
    pub(crate) doc: &'static str,
}

/// The properties of an option for parsing and help.
pub(crate) trait Reading {
    /// The name of the argument in the help, if the option takes one.
    fn argument(&self) -> Option<&'static str>;
    /// Whether an unambiguous prefix of the name is enough. An option that supervisor's own
    /// programs do not have must be written in full, because it could make their options ambiguous.
    fn can_be_shortened(&self) -> bool;
    /// The default value, for the help.
    fn default(&self) -> Option<&'static str> {
        None
    }
}

/// An option that was given.
pub(crate) struct Given<D: 'static> {
    /// The option as written: `-l`, `--logfile`.
    pub(crate) written: String,
    pub(crate) flag: &'static Flag<D>,
    /// Empty if the option takes no value.
    pub(crate) value: OsString,
}

impl<D> Given<D> {
    /// The value as text.
    ///
    /// # Errors
    ///
    /// If the value is not UTF-8.
    pub(crate) fn text(&self) -> Result<String, String> {
        self.value.clone().into_string().map_err(no_text)
    }
}

/// A whole command line.
pub(crate) struct AllGiven<D: 'static> {
    pub(crate) flags: Vec<Given<D>>,
    /// The first word that is not an option, and all words after it.
    pub(crate) others: Vec<OsString>,
}

/// Parses a command line without the program's name.
///
/// # Errors
///
/// The error, in the words of Python's getopt.
pub(crate) fn read<D: Reading>(
    words: &[OsString],
    flags: &'static [Flag<D>],
) -> Result<AllGiven<D>, String> {
    Words { rest: words.iter().cloned().collect(), known: flags }.read()
}

/// The error for an option that was given twice.
pub(crate) fn conflicting(flag: &str) -> String {
    format!("conflicting command line option {}", repr(flag))
}

/// The entries for these options in help, manual pages and completions.
pub(crate) fn shown<D: Reading>(flags: &'static [Flag<D>]) -> Vec<ToolOption> {
    let option = |flag: &Flag<D>| ToolOption {
        short: flag.short,
        long: flag.long,
        argument: flag.does.argument(),
        default: flag.does.default(),
        doc: flag.doc,
    };
    flags.iter().map(option).collect()
}

/// The error for a word that is not UTF-8.
pub(crate) fn no_text(word: OsString) -> String {
    format!("command line word {word:?} is not UTF-8")
}

struct Words<D: 'static> {
    rest: VecDeque<OsString>,
    known: &'static [Flag<D>],
}

impl<D: Reading> Words<D> {
    fn read(mut self) -> Result<AllGiven<D>, String> {
        let mut flags = Vec::new();
        loop {
            let Some(word) = self.rest.pop_front() else {
                return Ok(AllGiven { flags, others: Vec::new() });
            };
            let is_option = word.as_encoded_bytes().starts_with(b"-") && word.len() > 1;
            if !is_option {
                let others = std::iter::once(word).chain(self.rest).collect();
                return Ok(AllGiven { flags, others });
            }
            let word = word.into_string().map_err(no_text)?;
            match word.strip_prefix("--") {
                Some("") => return Ok(AllGiven { flags, others: self.rest.into() }),
                Some(long) => flags.push(self.long(long)?),
                None => self.shorts(&word[1..], &mut flags)?,
            }
        }
    }

    fn long(&mut self, written: &str) -> Result<Given<D>, String> {
        let (name, given) =
            written.split_once('=').map_or((written, None), |(name, value)| (name, Some(value)));
        let flag = self.find_long(name)?;
        let value = match (flag.does.argument(), given) {
            (None, Some(_)) => {
                return Err(format!("option --{} must not have an argument", flag.long));
            }
            (None, None) => OsString::new(),
            (Some(_), Some(value)) => value.into(),
            (Some(_), None) => {
                let next = self.rest.pop_front();
                next.ok_or_else(|| format!("option --{} requires argument", flag.long))?
            }
        };
        Ok(Given { written: format!("--{}", flag.long), flag, value })
    }

    fn shorts(&mut self, shorts: &str, flags: &mut Vec<Given<D>>) -> Result<(), String> {
        let mut rest = shorts.chars();
        while let Some(short) = rest.next() {
            // `-?` is another name of `-h`.
            let name = if short == '?' { 'h' } else { short };
            let flag = self.known.iter().find(|flag| flag.short == Some(name));
            let flag = flag.ok_or_else(|| format!("option -{short} not recognized"))?;
            let written = format!("-{short}");
            let value = match (flag.does.argument(), rest.as_str()) {
                (None, _) => OsString::new(),
                (Some(_), "") => {
                    let next = self.rest.pop_front();
                    next.ok_or_else(|| format!("option -{short} requires argument"))?
                }
                (Some(_), value) => {
                    rest = "".chars();
                    value.into()
                }
            };
            flags.push(Given { written, flag, value });
        }
        Ok(())
    }

    /// The option with this name, or with this unambiguous prefix.
    fn find_long(&self, name: &str) -> Result<&'static Flag<D>, String> {
        if let Some(exact) = self.known.iter().find(|flag| flag.long == name) {
            return Ok(exact);
        }
        let starts = |flag: &&Flag<D>| flag.long.starts_with(name) && flag.does.can_be_shortened();
        let mut fitting = self.known.iter().filter(starts);
        match (fitting.next(), fitting.next()) {
            (Some(flag), None) => Ok(flag),
            (None, _) => Err(self.unknown(name)),
            (Some(_), Some(_)) => Err(format!("option --{name} not a unique prefix")),
        }
    }

    /// Getopt's error, with a suggestion.
    fn unknown(&self, name: &str) -> String {
        match nearest(name, self.known.iter().map(|flag| flag.long)) {
            Some((_, near)) => format!("option --{name} not recognized; did you mean --{near}?"),
            None => format!("option --{name} not recognized"),
        }
    }
}

/// An option in help, manual pages and completions.
#[derive(Clone, Copy, Debug)]
pub struct ToolOption {
    /// Its letter.
    pub short: Option<char>,
    /// Its name.
    pub long: &'static str,
    /// The name of its argument, if it takes one.
    pub argument: Option<&'static str>,
    /// The default of its argument, if there is one.
    pub default: Option<&'static str>,
    /// Its effect.
    pub doc: &'static str,
}

impl ToolOption {
    /// The option as in help: `-o, --output OUT`.
    #[must_use]
    pub fn shown(&self) -> String {
        let short = self.short.map_or_else(String::new, |short| format!("-{short}, "));
        let argument = self.argument.map_or_else(String::new, |name| format!(" {name}"));
        format!("{short}--{}{argument}", self.long)
    }
}
