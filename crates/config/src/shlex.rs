//! Words of a command line, as
//! [`shlex.split`](https://docs.python.org/3/library/shlex.html#shlex.split) finds
//! them: quotes and backslashes of a POSIX shell, and nothing else of it.

/// Where in a word a character stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
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

impl Place {
    /// The place after `c`.
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

/// The words of `text`. Fails with Python's `No closing quotation` or
/// `No escaped character`.
pub(crate) fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut place = Place::Blank;
    for c in text.chars() {
        let next = place.after(c);
        match (place, next) {
            (Place::Blank | Place::Word, Place::Blank) => words.extend(word.take()),
            (Place::Blank | Place::Word, Place::Word)
            | (Place::Escape | Place::Single | Place::Double, _)
                if is_literal(place, c) =>
            {
                word.get_or_insert_default().push(c);
            }
            (Place::DoubleEscape, _) => {
                let word = word.get_or_insert_default();
                if !matches!(c, '"' | '\\') {
                    word.push('\\');
                }
                word.push(c);
            }
            // A quote or a backslash: nothing of it is kept, but even `''` is a word.
            (Place::Blank | Place::Word | Place::Escape | Place::Single | Place::Double, _) => {
                word.get_or_insert_default();
            }
        }
        place = next;
    }
    words.extend(word);
    match place {
        Place::Blank | Place::Word => Ok(words),
        Place::Single | Place::Double => Err("No closing quotation"),
        Place::Escape | Place::DoubleEscape => Err("No escaped character"),
    }
}

/// The quote or backslash that nothing closes, and where it stands, counted from 1.
pub(crate) fn unclosed(text: &str) -> Option<(char, usize)> {
    let (mut place, mut opened) = (Place::Blank, None);
    for (index, c) in text.chars().enumerate() {
        let next = place.after(c);
        match (place, next) {
            (_, Place::Blank | Place::Word) => opened = None,
            (Place::Blank | Place::Word, _) => opened = Some((c, index + 1)),
            (Place::Escape | Place::Single | Place::Double | Place::DoubleEscape, _) => {}
        }
        place = next;
    }
    opened
}

/// `words` as one line that [`split`], Python's `shlex` and a shell split into the
/// same words.
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

/// Whether `c` is kept as it is. After a backslash outside quotes everything is.
fn is_literal(place: Place, c: char) -> bool {
    match place {
        Place::Blank | Place::Word => true,
        Place::Escape | Place::DoubleEscape => true,
        Place::Single => c != '\'',
        Place::Double => !matches!(c, '"' | '\\'),
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
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
    fn what_nothing_closes_is_found() {
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
        fn quoted_words_come_back(words: Vec<String>) {
            let line = join(words.iter().map(String::as_str));
            prop_assert_eq!(split(&line), Ok(words));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = split(&text);
        }
    }
}
