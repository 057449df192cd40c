//! Removes dangerous control characters from terminal output.
//!
//! Names and descriptions come from a daemon, logs from programs. Either may be hostile, and a
//! terminal executes control sequences: it changes titles, moves printed text, or types.

use std::fmt::{self, Display, Formatter, Write as _};
use std::io::{self, Write};

/// The longest color sequence that is passed on.
const LONGEST: usize = 32;

const ESCAPE: char = '\u{1b}';

/// A message in which control characters are visible.
#[derive(Debug)]
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| show(f, character))
    }
}

/// Writes a character. A control character other than a line break or a tab becomes visible, as in
/// `\x1b`.
fn show(to: &mut impl fmt::Write, character: char) -> fmt::Result {
    if character.is_control() && !matches!(character, '\n' | '\t') {
        write!(to, "\\x{:02x}", u32::from(character))
    } else {
        to.write_char(character)
    }
}

/// A terminal for logs: colors pass, and all other sequences are made visible.
#[derive(Debug)]
pub(crate) struct Screen<W> {
    inner: W,
    /// The beginning of an incomplete character.
    rest: Vec<u8>,
    /// The beginning of an incomplete sequence.
    sequence: String,
}

impl<W: Write> Screen<W> {
    pub(crate) const fn new(inner: W) -> Self {
        Self { inner, rest: Vec::new(), sequence: String::new() }
    }

    fn take(&mut self, character: char, out: &mut String) {
        let begun = !self.sequence.is_empty();
        if !begun && character == ESCAPE {
            self.sequence.push(character);
            return;
        }
        if !begun {
            self.pass(character, out);
            return;
        }
        let fits = match self.sequence.len() {
            1 => character == '[',
            length => length < LONGEST && matches!(character, '0'..='9' | ';' | ':' | 'm'),
        };
        if fits {
            self.sequence.push(character);
            if character == 'm' {
                out.push_str(&self.sequence);
                self.sequence.clear();
            }
            return;
        }
        let _ = write!(out, "{}", Plain(&self.sequence));
        self.sequence.clear();
        self.take(character, out);
    }

    /// Writes a control character: carriage returns and backspaces pass, because programs draw
    /// progress with them; others become visible.
    fn pass(&self, character: char, out: &mut String) {
        if matches!(character, '\r' | '\u{8}') {
            out.push(character);
        } else {
            // A text takes everything.
            let _ = show(out, character);
        }
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.rest) {
            // The rest of a character may follow.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => self.rest.len(),
        };
        let taken: Vec<u8> = self.rest.drain(..whole).collect();
        let mut out = String::with_capacity(taken.len());
        for character in String::from_utf8_lossy(&taken).chars() {
            self.take(character, &mut out);
        }
        self.inner.write_all(out.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_without_control_characters() {
        let hostile = "a\u{1b}]0;owned\u{7}\r\u{9b}2Jb\tc\u{7f}\nd";
        assert_eq!(Plain(hostile).to_string(), "a\\x1b]0;owned\\x07\\x0d\\x9b2Jb\tc\\x7f\nd");
    }

    /// The visible output for input in pieces of any size.
    fn shown(text: &str) -> String {
        let all = |size: usize| {
            let mut screen = Screen::new(Vec::new());
            for piece in text.as_bytes().chunks(size) {
                screen.write_all(piece).unwrap();
            }
            String::from_utf8(screen.inner).unwrap()
        };
        let whole = all(usize::MAX);
        assert!((1..4).all(|size| all(size) == whole), "{whole:?}");
        whole
    }

    #[test]
    fn a_log_keeps_colors_and_no_other_escape_sequences() {
        for same in
            ["plain é\n", "\u{1b}[31;1mred\u{1b}[0m", "10 %\r20 %", "\u{1b}[38:5:8mgray\u{1b}[m"]
        {
            assert_eq!(shown(same), same);
        }
        for (log, visible) in [
            ("\u{1b}[2Jx", "\\x1b[2Jx"),
            ("\u{1b}]52;c;eA==\u{7}", "\\x1b]52;c;eA==\\x07"),
            ("\u{9b}5n", "\\x9b5n"),
            ("\u{1b}\u{1b}[1mx", "\\x1b\u{1b}[1mx"),
            (
                "\u{1b}[1;2;3;4;5;6;7;8;9;1;2;3;4;5;6;7;8m",
                "\\x1b[1;2;3;4;5;6;7;8;9;1;2;3;4;5;6;7;8m",
            ),
        ] {
            assert_eq!(shown(log), visible, "{log:?}");
        }
    }
}
