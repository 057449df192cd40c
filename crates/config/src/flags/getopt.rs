//! Command lines, read as Python's
//! [`getopt`](https://docs.python.org/3/library/getopt.html) reads them: options end at
//! the first word that is none, short ones can stand together, long ones can be
//! shortened as long as it is clear which is meant.

use std::collections::VecDeque;
use std::ffi::OsString;

use supervisor_wire::supervisord::python::repr;

/// One option of a command line, and what it does.
pub(crate) struct Flag<D: 'static> {
    pub(crate) short: Option<char>,
    pub(crate) long: &'static str,
    pub(crate) does: D,
    pub(crate) doc: &'static str,
}

/// What there is to know about an option in order to read it.
pub(crate) trait Reading {
    /// What the help calls the argument, if there is one.
    fn argument(&self) -> Option<&'static str>;
    /// Whether a part of its name is enough. What supervisor's own programs don't have
    /// isn't found so, or it would make their options ambiguous.
    fn can_be_shortened(&self) -> bool;
}

/// An option that was given.
pub(crate) struct Given<D: 'static> {
    /// As it was written: `-l`, `--logfile`.
    pub(crate) written: String,
    pub(crate) flag: &'static Flag<D>,
    /// Empty if it takes none.
    pub(crate) value: String,
}

/// A whole command line.
pub(crate) struct AllGiven<D: 'static> {
    pub(crate) flags: Vec<Given<D>>,
    /// From the first word on that is no option.
    pub(crate) others: Vec<String>,
}

/// Reads a command line, the program's name left out.
///
/// # Errors
///
/// What is wrong with it, in getopt's words.
pub(crate) fn read<D: Reading>(
    words: &[OsString],
    flags: &'static [Flag<D>],
) -> Result<AllGiven<D>, String> {
    Words { rest: words.iter().cloned().collect(), known: flags }.read()
}

/// The complaint about an option that was given twice.
pub(crate) fn conflicting(flag: &str) -> String {
    format!("conflicting command line option {}", repr(flag))
}

/// A line of help for each option.
pub(crate) fn help<D: Reading>(flags: &[Flag<D>]) -> String {
    let line = |flag: &Flag<D>| {
        let short = flag.short.map_or_else(String::new, |short| format!("-{short}/"));
        let argument = flag.does.argument().map_or_else(String::new, |name| format!(" {name}"));
        format!("{short}--{}{argument} -- {}\n", flag.long, flag.doc)
    };
    flags.iter().map(line).collect()
}

struct Words<D: 'static> {
    rest: VecDeque<OsString>,
    known: &'static [Flag<D>],
}

impl<D: Reading> Words<D> {
    fn read(mut self) -> Result<AllGiven<D>, String> {
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

    fn long(&mut self, written: &str) -> Result<Given<D>, String> {
        let (name, given) =
            written.split_once('=').map_or((written, None), |(name, value)| (name, Some(value)));
        let flag = self.find_long(name)?;
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

    fn shorts(&mut self, shorts: &str, flags: &mut Vec<Given<D>>) -> Result<(), String> {
        let mut rest = shorts.chars();
        while let Some(short) = rest.next() {
            // The one letter with two names.
            let name = if short == '?' { 'h' } else { short };
            let flag = self.known.iter().find(|flag| flag.short == Some(name));
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

    /// The flag with this name, or the one that begins with it.
    fn find_long(&self, name: &str) -> Result<&'static Flag<D>, String> {
        if let Some(exact) = self.known.iter().find(|flag| flag.long == name) {
            return Ok(exact);
        }
        let starts = |flag: &&Flag<D>| flag.long.starts_with(name) && flag.does.can_be_shortened();
        let mut fitting = self.known.iter().filter(starts);
        match (fitting.next(), fitting.next()) {
            (Some(flag), None) => Ok(flag),
            (None, _) => Err(format!("option --{name} not recognized")),
            (Some(_), Some(_)) => Err(format!("option --{name} not a unique prefix")),
        }
    }
}

/// One option of a program.
#[derive(Clone, Copy, Debug)]
pub struct ToolOption {
    /// Its letter.
    pub short: Option<char>,
    /// Its name.
    pub long: &'static str,
    /// The name of its argument; `None`: it takes none.
    pub argument: Option<&'static str>,
    /// What it does.
    pub doc: &'static str,
}

/// One option.
pub(crate) const fn option(
    short: Option<char>,
    long: &'static str,
    argument: Option<&'static str>,
    doc: &'static str,
) -> ToolOption {
    ToolOption { short, long, argument, doc }
}

impl ToolOption {
    /// `-o, --output OUT`.
    #[must_use]
    pub fn shown(&self) -> String {
        let short = self.short.map_or_else(String::new, |short| format!("-{short}, "));
        let argument = self.argument.map_or_else(String::new, |name| format!(" {name}"));
        format!("{short}--{}{argument}", self.long)
    }
}
