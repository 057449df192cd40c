//! Python's built-in functions, where supervisord's texts and rules depend on them.

use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// `repr()` of a string, as
/// [Python](https://docs.python.org/3/library/functions.html#repr) prints it.
#[must_use]
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        if c == quote {
            out.push('\\');
        }
        push_shown(&mut out, c);
    }
    out.push(quote);
    out
}

/// An untrusted text for a log line: escaped as in [`repr`] except for quotes, and at most `most`
/// characters long.
#[must_use]
pub fn shown(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let mut out = String::new();
    chars.by_ref().take(most).for_each(|c| push_shown(&mut out, c));
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// `repr()` of bytes, including the `b` prefix.
#[must_use]
pub fn bytes_repr(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    let mut out = format!("b{}", char::from(quote));
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if *byte == quote => out.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => out.push(char::from(*byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push(char::from(quote));
    out
}

/// `ascii()` of a string: as [`repr`], and all non-ASCII characters are escaped.
#[must_use]
pub fn ascii(text: &str) -> String {
    repr(text).chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect()
}

/// `str.isspace()` of one character. Unlike Unicode and Rust, Python includes the four ASCII
/// separators 0x1C to 0x1F.
#[must_use]
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// `str.strip()`.
#[must_use]
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `int(text)`: accepts white space around the number, a sign, and `_` between digits. A number
/// that is too large for 64 bits becomes the largest one, because it means "forever" or is out of
/// range anyway.
///
/// # Errors
///
/// The text is not a whole number.
pub fn int(text: &str) -> Result<i64, String> {
    int_base(text, 10).ok_or_else(|| format!("not a whole number: {}", repr(text)))
}

/// `int(text, 8)`, which also accepts the prefix `0o`.
#[must_use]
pub fn octal(text: &str) -> Option<i64> {
    int_base(text, 8)
}

/// `base64.b64encode()`.
#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// `base64.b64decode()`, which ignores white space and unused bits. Python also ignores invalid
/// characters but requires padding; this function does neither.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(digits).ok()
}

fn int_base(text: &str, base: u32) -> Option<i64> {
    let text = strip(text);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = match base {
        8 => prefixed_octal(digits),
        _ => digits,
    };
    let well_formed = !digits.is_empty()
        && digits.split('_').all(|run| !run.is_empty() && run.chars().all(|c| c.is_digit(base)));
    let value = digits.chars().filter_map(|c| c.to_digit(base)).fold(0_i64, |value, digit| {
        value.saturating_mul(i64::from(base)).saturating_add(i64::from(digit))
    });
    well_formed.then_some(if negative { -value } else { value })
}

fn prefixed_octal(digits: &str) -> &str {
    let bare = digits.strip_prefix("0o").or_else(|| digits.strip_prefix("0O"));
    bare.map_or(digits, |rest| rest.strip_prefix('_').unwrap_or(rest))
}

/// Rust's debug formatting escapes unprintable characters. It also escapes a leading combining
/// mark, therefore the letter in front.
fn is_printable(c: char) -> bool {
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().count() == 2 || matches!(c, '"' | '\'' | '\\')
}

fn push_shown(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_printable(c) => out.push(c),
        c => out.push_str(&escaped(c)),
    }
}

fn escaped(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code @ 0x100..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_like_pythons_repr() {
        for (text, printed) in [
            ("plain", "'plain'"),
            ("it's", "\"it's\""),
            ("both ' and \"", "'both \\' and \"'"),
            ("tab\tnl\ncr\r", "'tab\\tnl\\ncr\\r'"),
            ("\x00\x7f\u{85}\u{a0}", "'\\x00\\x7f\\x85\\xa0'"),
            ("über \u{301}\u{2028}\u{1f600}", "'über \u{301}\\u2028\u{1f600}'"),
            ("back\\slash", "'back\\\\slash'"),
        ] {
            assert_eq!(repr(text), printed);
        }
        assert_eq!(bytes_repr(b"a'\x88\n\\"), r#"b"a'\x88\n\\""#);
        assert_eq!(bytes_repr(b"it's \"x\""), r#"b'it\'s "x"'"#);
        assert_eq!(ascii("ü\u{1f600}"), "'\\xfc\\U0001f600'");
    }

    #[test]
    fn shown_text_is_one_short_line() {
        assert_eq!(shown("it's \"x\"\n\x1b[31m\\é\u{202e}", 20), r#"it's "x"\n\x1b[31m\\é\u202e"#);
        assert_eq!(shown("éab", 3), "éab");
        assert_eq!(shown("éabc", 3), "éab…");
    }

    #[test]
    fn whole_numbers_are_read_like_pythons() {
        for (text, value) in
            [("5", 5), (" +7\n", 7), ("-3", -3), ("1_000", 1000), ("007", 7), ("0", 0)]
        {
            assert_eq!(int(text), Ok(value), "{text:?}");
        }
        for text in ["", " ", "x", "1.5", "_1", "1_", "1__0", "+-1", "0x10", "1 2"] {
            assert!(int(text).is_err(), "{text:?}");
        }
        assert_eq!(int("99999999999999999999"), Ok(i64::MAX));
        assert_eq!(octal("0o22"), Some(18));
        assert_eq!(octal("022"), Some(18));
        assert_eq!(octal("9"), None);
    }

    #[test]
    fn base64_is_read_with_and_without_padding() {
        assert_eq!(to_base64(b"any:thing"), "YW55OnRoaW5n");
        assert_eq!(to_base64(b":"), "Og==");
        for text in ["Og==", "Og", "O g=\n=", "Oh=="] {
            assert_eq!(from_base64(text).as_deref(), Some(&b":"[..]), "{text:?}");
        }
        for text in ["O", "Og=O", "*g==", "\u{e9}"] {
            assert_eq!(from_base64(text), None, "{text:?}");
        }
    }
}
