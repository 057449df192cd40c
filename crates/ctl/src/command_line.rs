//! Parses a command line like Python's [`cmd`](https://docs.python.org/3/library/cmd.html).

use supervisor_wire::supervisord::python;

/// A typed line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandLine<'a> {
    /// An empty line.
    Nothing,
    /// A command's name and the text after it.
    Command {
        /// Letters, digits and underscores.
        name: &'a str,
        /// The text after the name, trimmed.
        words: &'a str,
    },
    /// Text that cannot be a command.
    Nonsense(&'a str),
}

impl<'a> CommandLine<'a> {
    /// Parses a line.
    pub(crate) fn read(line: &'a str) -> Self {
        let line = python::strip(line);
        if line.is_empty() {
            return Self::Nothing;
        }
        if let Some(words) = line.strip_prefix('?') {
            return Self::Command { name: "help", words: python::strip(words) };
        }
        let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        match line.split_at(end.unwrap_or(line.len())) {
            ("", _) => Self::Nonsense(line),
            (name, words) => Self::Command { name, words: python::strip(words) },
        }
    }
}

/// The words of a text, split like Python's `split()`.
pub(crate) fn words(text: &str) -> Vec<&str> {
    text.split(python::is_space).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_ends_at_the_first_other_character() {
        let command = |name, words| CommandLine::Command { name, words };
        for (line, typed) in [
            ("  ", CommandLine::Nothing),
            (" status  a b ", command("status", "a b")),
            ("tail-100 x", command("tail", "-100 x")),
            ("?tail", command("help", "tail")),
            ("? ", command("help", "")),
            ("!ls", CommandLine::Nonsense("!ls")),
            ("ünder x", CommandLine::Nonsense("ünder x")),
        ] {
            assert_eq!(CommandLine::read(line), typed, "{line:?}");
        }
        assert_eq!(words(" a \t b\u{a0}c\n"), ["a", "b", "c"]);
    }
}
