//! Selects the bytes of a log that a client requests, and converts them to text.

use std::ops::Range;

/// Maximum number of bytes in a response. A log file of the usual 50 MB fits.
pub const MAX_PIECE: u64 = 64 << 20;

/// A client that follows a log starts this many bytes before its end.
pub const FOLLOWED_FROM: u64 = 1024;

/// Maximum length of a character in UTF-8.
const LONGEST_CHARACTER: usize = 4;

/// Offset and length contradict each other; supervisord's fault `BAD_ARGUMENTS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadArguments;

/// The result of [`tail`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The selected bytes of the file.
    pub bytes: Range<u64>,
    /// The size of the file, which is the offset of the next request.
    pub offset: u64,
    /// Whether the file continues after the requested bytes.
    pub overflow: bool,
}

/// Selects bytes of a file as `readLog` and similar methods do: `length` bytes from `offset` on, or
/// all of them if `length` is 0. A negative `offset` selects the last bytes. Returns at most the
/// first [`MAX_PIECE`] bytes.
///
/// # Errors
///
/// The length is negative, or it is set together with a negative offset.
pub fn read(offset: i64, length: i64, size: u64) -> Result<Range<u64>, BadArguments> {
    if length < 0 || (offset < 0 && length != 0) {
        return Err(BadArguments);
    }
    let start = match u64::try_from(offset) {
        Ok(offset) => offset.min(size),
        Err(_) => size.saturating_sub(offset.unsigned_abs()),
    };
    let length = match length.unsigned_abs() {
        0 => size - start,
        length => length.min(size - start),
    };
    Ok(start..start + length.min(MAX_PIECE))
}

/// Selects bytes of a file as `tailProcessStdoutLog` and similar methods do: the last `length`
/// bytes, or none if `offset` is at the end or beyond. A client that continues at [`Tail::offset`]
/// therefore gets some bytes again if fewer were added. Returns at most the last [`MAX_PIECE`]
/// bytes.
#[must_use]
pub fn tail(offset: i64, length: i64, size: u64) -> Tail {
    let end = i128::from(offset) + i128::from(length);
    let overflow = i128::from(size) > end;
    let reached = if overflow { size.saturating_sub(1).into() } else { i128::from(offset) };
    let length = if overflow || reached < i128::from(size) { length } else { 0 };
    let length = u64::try_from(length).unwrap_or(0).min(size).min(MAX_PIECE);
    Tail { bytes: size - length..size, offset: size, overflow }
}

/// The offset at which a client starts to follow a file of `size` bytes.
#[must_use]
pub const fn followed_from(size: u64) -> u64 {
    size.saturating_sub(FOLLOWED_FROM)
}

/// Converts bytes from `offset` of a file to text. Drops the rest of a character that began before
/// them. Bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn text(bytes: &[u8], offset: u64) -> String {
    let start = if offset == 0 { 0 } else { continued(bytes, LONGEST_CHARACTER - 1) };
    String::from_utf8_lossy(&bytes[start..]).into_owned()
}

/// Converts a file that a client follows to text. Holds back a character that arrives in pieces
/// until it is complete.
#[derive(Clone, Debug)]
pub struct Follower {
    /// Bytes that may continue a character from before the start.
    to_skip: usize,
    /// The beginning of an incomplete character.
    held: Vec<u8>,
}

impl Follower {
    /// A follower that starts at `offset`.
    #[must_use]
    pub const fn new(offset: u64) -> Self {
        let to_skip = if offset == 0 { 0 } else { LONGEST_CHARACTER - 1 };
        Self { to_skip, held: Vec::new() }
    }

    /// The text of the next bytes, which may be empty.
    pub fn feed(&mut self, bytes: &[u8]) -> String {
        let skipped = continued(bytes, self.to_skip);
        // Only directly following continuation bytes can belong to the same character.
        self.to_skip = if skipped == bytes.len() { self.to_skip - skipped } else { 0 };
        let mut data = std::mem::take(&mut self.held);
        data.extend_from_slice(&bytes[skipped..]);
        self.held = data.split_off(data.len() - unfinished(&data));
        String::from_utf8_lossy(&data).into_owned()
    }

    /// The text of an incomplete character at the end of the file.
    #[must_use]
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.held).into_owned()
    }
}

/// The number of bytes at the beginning, at most `most`, that continue a character.
fn continued(bytes: &[u8], most: usize) -> usize {
    bytes.iter().take(most).take_while(|byte| is_continuation(**byte)).count()
}

/// The number of bytes at the end that begin a character without completing it.
fn unfinished(bytes: &[u8]) -> usize {
    let last = bytes.iter().rev().take(LONGEST_CHARACTER).position(|byte| !is_continuation(*byte));
    last.map_or(0, |before_end| {
        let start = bytes.len() - 1 - before_end;
        let character = std::str::from_utf8(&bytes[start..]);
        match character {
            Err(why) if why.error_len().is_none() => bytes.len() - start,
            Ok(_) | Err(_) => 0,
        }
    })
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_read_returns_the_requested_bytes_that_exist() {
        for (offset, length, size, bytes) in [
            (0, 0, 6, 0..6),
            (2, 0, 6, 2..6),
            (2, 3, 6, 2..5),
            (2, 30, 6, 2..6),
            (6, 1, 6, 6..6),
            (60, 0, 6, 6..6),
            (-4, 0, 6, 2..6),
            (-60, 0, 6, 0..6),
            (0, 0, 0, 0..0),
            (i64::MIN, 0, 6, 0..6),
            (i64::MAX, i64::MAX, 6, 6..6),
            (1, 0, u64::MAX, 1..1 + MAX_PIECE),
        ] {
            assert_eq!(read(offset, length, size), Ok(bytes), "{offset} {length} {size}");
        }
        for (offset, length) in [(0, -1), (-1, 1), (-1, -1), (i64::MIN, i64::MIN)] {
            assert_eq!(read(offset, length, 6), Err(BadArguments), "{offset} {length}");
        }
    }

    #[test]
    fn a_tail_is_the_end_of_the_log() {
        for (offset, length, size, bytes, overflow) in [
            (0, 10, 6, 0..6, false),
            (0, 1000, 6, 0..6, false),
            (5, 0, 6, 6..6, true),
            (100, 10, 6, 6..6, false),
            (20, 100, 6, 6..6, false),
            (0, 2, 6, 4..6, true),
            (0, 1, 6, 5..6, true),
            (6, 0, 6, 6..6, false),
            (0, 0, 0, 0..0, false),
            (-9, 3, 0, 0..0, true),
            (0, -3, 6, 6..6, true),
            (i64::MAX, i64::MAX, 6, 6..6, false),
            (i64::MIN, i64::MIN, 6, 6..6, true),
            (0, i64::MAX, 1 << 62, (1 << 62) - MAX_PIECE..1 << 62, false),
        ] {
            let expected = Tail { bytes, offset: size, overflow };
            assert_eq!(tail(offset, length, size), expected, "{offset} {length} {size}");
        }
        assert_eq!((followed_from(5000), followed_from(5)), (3976, 0));
    }

    #[test]
    fn a_tail_does_not_begin_within_a_character() {
        let log = "aé\u{1f600}b".as_bytes();
        for (start, expected) in [
            (0, "aé\u{1f600}b"),
            (1, "é\u{1f600}b"),
            (2, "\u{1f600}b"),
            (3, "\u{1f600}b"),
            (4, "b"),
            (6, "b"),
            (8, ""),
        ] {
            assert_eq!(text(&log[start..], start as u64), expected, "{start}");
        }
        assert_eq!(text(b"\xa9b", 0), "\u{fffd}b");
        assert_eq!(text(b"\x80\x80\x80\x80b", 7), "\u{fffd}b");
        assert_eq!(text(b"a\xff\xf0\x9f", 7), "a\u{fffd}\u{fffd}");
    }

    #[test]
    fn an_incomplete_character_is_held_back() {
        let mut follower = Follower::new(0);
        assert_eq!(follower.feed(b"a\xf0"), "a");
        assert_eq!(follower.feed(b"\x9f\x98"), "");
        assert_eq!(follower.feed(b"\x80b\xc3"), "\u{1f600}b");
        assert_eq!(follower.feed(b"x"), "\u{fffd}x");
        assert_eq!(follower.feed(b"\xff"), "\u{fffd}");
    }

    #[test]
    fn a_followed_log_does_not_begin_within_a_character() {
        let mut follower = Follower::new(9);
        assert_eq!(follower.feed(b"\x98"), "");
        assert_eq!(follower.feed(b""), "");
        assert_eq!(follower.feed(b"\x80b\x80"), "b\u{fffd}");
        assert_eq!(Follower::new(0).feed(b"\x80"), "\u{fffd}");
        assert_eq!(Follower::new(9).feed(b"\x80\x80\x80\x80"), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn followed_pieces_add_up_to_the_whole_text(
            bytes in proptest::collection::vec(
                proptest::sample::select(b"a\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff\xed".to_vec()),
                0..20,
            ),
            offset in 0_u64..2,
            cuts in proptest::collection::vec(1_usize..6, 1..40),
        ) {
            let (mut rest, mut together) = (bytes.as_slice(), String::new());
            let mut follower = Follower::new(offset);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                together += &follower.feed(piece);
                rest = after;
            }
            together += &follower.finish();
            prop_assert_eq!(together, text(&bytes, offset));
        }
    }
}
