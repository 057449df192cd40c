//! Removes terminal control sequences from a program's output.

/// The letters that end a sequence, as in supervisord.
const ENDS: &[u8] = b"HfABCDRsuJKhlpm";

const ESCAPE: u8 = b'\x1b';

/// Removes control sequences from output that arrives in pieces. A piece may end within a sequence.
///
/// A sequence extends from `ESC [` to the next letter that ends one, as with supervisord's
/// [`strip_ansi`](https://supervisord.org/configuration.html#supervisord-section-values).
#[derive(Debug, Default)]
pub struct Stripper {
    within: Within,
}

/// The position at the end of the last piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Text,
    /// After an ESC, which may begin a sequence.
    Start,
    Sequence,
}

impl Stripper {
    /// Returns the next piece without its sequences. Holds back an ESC at the end until the next
    /// piece shows whether it begins a sequence.
    #[must_use]
    pub fn pass(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut kept = Vec::with_capacity(piece.len() + 1);
        let mut rest = piece;
        while let Some(first) = rest.first() {
            (self.within, rest) = match self.within {
                Within::Text => {
                    let text = rest.iter().position(|byte| *byte == ESCAPE).unwrap_or(rest.len());
                    kept.extend_from_slice(&rest[..text]);
                    match rest.get(text + 1..) {
                        Some(rest) => (Within::Start, rest),
                        None => (Within::Text, &[][..]),
                    }
                }
                Within::Start if *first == b'[' => (Within::Sequence, &rest[1..]),
                Within::Start => {
                    kept.push(ESCAPE);
                    (Within::Text, rest)
                }
                Within::Sequence => match rest.iter().position(|byte| ENDS.contains(byte)) {
                    Some(end) => (Within::Text, &rest[end + 1..]),
                    None => (Within::Sequence, &[][..]),
                },
            };
        }
        kept
    }

    /// Returns an ESC that was held back at the end of the output. The next piece begins another
    /// output.
    #[must_use]
    pub fn finish(&mut self) -> &'static [u8] {
        match std::mem::take(&mut self.within) {
            Within::Start => &[ESCAPE],
            Within::Text | Within::Sequence => &[],
        }
    }
}

/// Removes control sequences from `bytes`. A sequence without an end extends to the last byte.
#[must_use]
pub fn strip(bytes: &[u8]) -> Vec<u8> {
    let mut stripper = Stripper::default();
    let mut kept = stripper.pass(bytes);
    kept.extend_from_slice(stripper.finish());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_removed_and_text_is_kept() {
        for (text, stripped) in [
            (&b"plain"[..], &b"plain"[..]),
            (b"\x1b[31mred\x1b[0m.", b"red."),
            (b"\x1b[2J\x1b[1;1Hhome", b"home"),
            (b"a\x1b[31", b"a"),
            (b"\x1bc \x1b", b"\x1bc \x1b"),
            (b"\x1b\x1b[0m", b"\x1b"),
        ] {
            assert_eq!(strip(text), stripped);
        }
    }

    #[test]
    fn an_escape_sequence_is_removed_across_pieces() {
        let text = b"\x1b[1;31mred\x1b[0m \x1b\x1b[2Jand \x1bc\x1b";
        for cut in 0..=text.len() {
            let mut stripper = Stripper::default();
            let mut kept = stripper.pass(&text[..cut]);
            kept.extend(stripper.pass(&text[cut..]));
            kept.extend_from_slice(stripper.finish());
            assert_eq!(kept, strip(text), "cut at {cut}");
            assert_eq!(stripper.finish(), b"", "a new output begins");
        }
    }
}
