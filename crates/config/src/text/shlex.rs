//! Splits command lines as
//! [`shlex.split`](https://docs.python.org/3/library/shlex.html#shlex.split) does: with the quotes
//! and backslashes of a POSIX shell, and no other shell syntax.

use std::ffi::OsString;

/// The quoting state at a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// Between words.
    Blank,
    /// In a word, outside quotes.
    Word,
    /// Between single quotes.
    Single,
    /// Between double quotes.
    Double,
    /// After a backslash outside quotes.
    Escape,
    /// After a backslash between double quotes.
    DoubleEscape,
}

impl Quoting {
    /// The state after `c`.
    pub(crate) fn after(self, c: char) -> Self {
        match (self, c) {
            (Self::Blank | Self::Word, c) if is_separator(c) => Self::Blank,
            (Self::Blank | Self::Word, '\'') => Self::Single,
            (Self::Blank | Self::Word, '"') => Self::Double,
            (Self::Blank | Self::Word, '\\') => Self::Escape,
            (Self::Blank | Self::Word | Self::Escape, _) | (Self::Single, '\'') => Self::Word,
            (Self::Double, '"') => Self::Word,
            (Self::Double, '\\') => Self::DoubleEscape,
            (Self::Single, _) => Self::Single,
            (Self::Double | Self::DoubleEscape, _) => Self::Double,
        }
    }
}

/// Splits `text`. The errors are Python's `No closing quotation` and `No escaped character`.
pub(crate) fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoting = Quoting::Blank;
    for c in text.chars() {
        let next = quoting.after(c);
        match (quoting, next) {
            (Quoting::Blank | Quoting::Word, Quoting::Blank) => words.extend(word.take()),
            (Quoting::Blank | Quoting::Word, Quoting::Word)
            | (Quoting::Escape | Quoting::Single | Quoting::Double, _)
                if is_literal(quoting, c) =>
            {
                word.get_or_insert_default().push(c);
            }
            (Quoting::DoubleEscape, _) => {
                let word = word.get_or_insert_default();
                if !matches!(c, '"' | '\\') {
                    word.push('\\');
                }
                word.push(c);
            }
            // A quote or backslash is dropped, but begins a word, even if it is `''`.
            (
                Quoting::Blank
                | Quoting::Word
                | Quoting::Escape
                | Quoting::Single
                | Quoting::Double,
                _,
            ) => {
                word.get_or_insert_default();
            }
        }
        quoting = next;
    }
    words.extend(word);
    match quoting {
        Quoting::Blank | Quoting::Word => Ok(words),
        Quoting::Single | Quoting::Double => Err("No closing quotation"),
        Quoting::Escape | Quoting::DoubleEscape => Err("No escaped character"),
    }
}

/// The unclosed quote or the trailing backslash, with its position counted from 1.
pub(crate) fn unclosed(text: &str) -> Option<(char, usize)> {
    let (mut quoting, mut opened) = (Quoting::Blank, None);
    for (index, c) in text.chars().enumerate() {
        let next = quoting.after(c);
        match (quoting, next) {
            (_, Quoting::Blank | Quoting::Word) => opened = None,
            (Quoting::Blank | Quoting::Word, _) => opened = Some((c, index + 1)),
            (Quoting::Escape | Quoting::Single | Quoting::Double | Quoting::DoubleEscape, _) => {}
        }
        quoting = next;
    }
    opened
}

/// Joins `words` into a line that [`split`], Python's `shlex` and a shell split into the same
/// words.
pub(crate) fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

/// Whether `c` is kept unchanged. A character after a backslash outside quotes always is.
fn is_literal(quoting: Quoting, c: char) -> bool {
    match quoting {
        Quoting::Blank | Quoting::Word => true,
        Quoting::Escape | Quoting::DoubleEscape => true,
        Quoting::Single => c != '\'',
        Quoting::Double => !matches!(c, '"' | '\\'),
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// The command line as a user would type it.
pub(crate) fn shown(command: &[OsString]) -> String {
    let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    join(words.iter().map(AsRef::as_ref))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_split_as_python_splits_them() {
        for (text, words) in [
            ("a b  c", vec!["a", "b", "c"]),
            ("", vec![]),
            ("''", vec![""]),
            ("a'b c'd", vec!["ab cd"]),
            (r#""a\"b\$c\\""#, vec![r#"a"b\$c\"#]),
            (r"'a\b'", vec![r"a\b"]),
            (r"a\ b", vec!["a b"]),
            ("a#b c # d", vec!["a#b", "c", "#", "d"]),
            ("a\\\nb", vec!["a\nb"]),
            ("x\u{a0}y\x0bz", vec!["x\u{a0}y\x0bz"]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text:?}");
        }
        assert_eq!(split("'a"), Err("No closing quotation"));
        assert_eq!(split("\"a\\"), Err("No escaped character"));
        assert_eq!(split("a\\"), Err("No escaped character"));
    }

    #[test]
    fn an_unclosed_quote_is_found() {
        for (text, found) in [
            ("sh -c \"x", Some(('"', 7))),
            ("'a' \"b\\\"' c", Some(('"', 5))),
            ("a 'b", Some(('\'', 3))),
            ("a\\", Some(('\\', 2))),
            ("a 'b' \"c\" \\d", None),
        ] {
            assert_eq!((unclosed(text), split(text).is_err()), (found, found.is_some()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn quoted_words_read_back(words: Vec<String>) {
            let line = join(words.iter().map(String::as_str));
            prop_assert_eq!(split(&line), Ok(words));
        }

        #[test]
        fn no_text_causes_a_panic(text: String) {
            let _ = split(&text);
        }
    }
}
