//! Parses files of environment variables: one `KEY=VALUE` per line, in the common syntax of shells,
//! [systemd](https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=)
//! and
//! [Compose](https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax).
//!
//! The parser expands nothing: a password with a dollar sign does not change.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;

/// Maximum size of such a file in bytes.
pub const LARGEST: u64 = 1024 * 1024;

/// An error in such a file. It does not contain the text of the line, because that may be a
/// password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line, counted from 1; the line of the opening quote if the quote is not closed.
    pub line: usize,
    /// The error in that line.
    pub what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// The variables in the file's order. If a name occurs twice, the last value counts.
///
/// # Errors
///
/// The error of the first line that is not empty, a comment, or `KEY=VALUE`.
pub fn parse(content: &[u8]) -> Result<Vec<(OsString, OsString)>, Malformed> {
    let rest = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
    let mut reader = Reader { rest, line: 1 };
    let mut variables = Vec::new();
    loop {
        reader.skip_blanks();
        match reader.rest.first() {
            None => return Ok(variables),
            Some(b'#') => drop(reader.rest_of_line()),
            Some(b'\n') => reader.skip(1),
            Some(_) => variables.push(reader.variable()?),
        }
    }
}

/// The byte order mark that some editors write at the start of UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

struct Reader<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Reader<'a> {
    fn variable(&mut self) -> Result<(OsString, OsString), Malformed> {
        let line_length = self.line_length();
        let equals = self.rest[..line_length].iter().position(|byte| *byte == b'=');
        let equals = equals.ok_or_else(|| self.malformed("expected KEY=VALUE"))?;
        let name = without_export(self.rest[..equals].trim_ascii());
        if !is_name(name) {
            let what = "expected a name of letters, digits, '_', '.' and '-' before the '='";
            return Err(self.malformed(what));
        }
        self.skip(equals + 1);
        self.skip_blanks();
        let line = self.line;
        let value = match self.rest.first() {
            Some(b'\'') => self.single_quoted()?,
            Some(b'"') => self.double_quoted()?,
            _ => self.rest_of_line().trim_ascii_end().to_vec(),
        };
        if value.contains(&0) {
            return Err(Malformed { line, what: "the value has a zero byte" });
        }
        Ok((OsString::from_vec(name.to_vec()), OsString::from_vec(value)))
    }

    fn single_quoted(&mut self) -> Result<Vec<u8>, Malformed> {
        let length = self.rest[1..].iter().position(|byte| *byte == b'\'');
        let length = length.ok_or_else(|| self.malformed("the quote has no end"))?;
        let value = self.rest[1..=length].to_vec();
        self.skip(length + 2);
        self.end_quoted(value)
    }

    /// A backslash works as in a shell. `\n`, `\r` and `\t` also work, as in most languages.
    fn double_quoted(&mut self) -> Result<Vec<u8>, Malformed> {
        let mut value = Vec::new();
        let mut bytes = self.rest.iter().enumerate().skip(1);
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.skip(at + 1);
                    return self.end_quoted(value);
                }
                b'\\' => match bytes.next() {
                    Some((_, b'n')) => value.push(b'\n'),
                    Some((_, b'r')) => value.push(b'\r'),
                    Some((_, b't')) => value.push(b'\t'),
                    Some((_, byte @ (b'"' | b'\\' | b'$' | b'`'))) => value.push(*byte),
                    Some((_, byte)) => value.extend([b'\\', *byte]),
                    None => break,
                },
                byte => value.push(*byte),
            }
        }
        Err(self.malformed("the quote has no end"))
    }

    /// After a quoted value only a comment may follow.
    fn end_quoted(&mut self, value: Vec<u8>) -> Result<Vec<u8>, Malformed> {
        let behind = self.rest.first().copied();
        self.skip_blanks();
        match (behind, self.rest.first()) {
            (_, None | Some(b'\n')) | (Some(b' ' | b'\t'), Some(b'#')) => {
                self.rest_of_line();
                Ok(value)
            }
            _ => Err(self.malformed("expected nothing behind the quote")),
        }
    }

    fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { line: self.line, what }
    }

    fn skip_blanks(&mut self) {
        let blanks = self.rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        self.skip(blanks.count());
    }

    fn line_length(&self) -> usize {
        self.rest.iter().position(|byte| *byte == b'\n').unwrap_or(self.rest.len())
    }

    /// The rest of this line, without its line break, which is not consumed.
    fn rest_of_line(&mut self) -> &'a [u8] {
        let (line, rest) = self.rest.split_at(self.line_length());
        self.rest = rest;
        line
    }

    fn skip(&mut self, count: usize) {
        let (skipped, rest) = self.rest.split_at(count);
        self.line += skipped.iter().filter(|byte| **byte == b'\n').count();
        self.rest = rest;
    }
}

/// The name without `export`, which files for shells have.
fn without_export(name: &[u8]) -> &[u8] {
    match name.strip_prefix(b"export") {
        Some(rest) if rest.first().is_some_and(u8::is_ascii_whitespace) => rest.trim_ascii_start(),
        _ => name,
    }
}

fn is_name(name: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    name.first().is_some_and(|first| !first.is_ascii_digit()) && name.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> String {
        match parse(text.as_bytes()) {
            Ok(pairs) => {
                let pair = |(name, value): &(OsString, OsString)| {
                    format!("<{}={}>", name.display(), value.display())
                };
                pairs.iter().map(pair).collect()
            }
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn lines_of_an_env_file_are_quoted_as_in_a_shell() {
        for (text, pairs) in [
            ("", ""),
            ("\n  \n# A=1\n\t#\n", ""),
            ("A=1\nB=2", "<A=1><B=2>"),
            ("\u{feff}A=1\r\nB=2\r\n", "<A=1><B=2>"),
            ("A=\nB = b c \n", "<A=><B=b c>"),
            ("export A=1\nexport\tB=2\nexported=3", "<A=1><B=2><exported=3>"),
            ("A=a#b # c", "<A=a#b # c>"),
            ("A=$HOME/${X}`y`\\n", "<A=$HOME/${X}`y`\\n>"),
            ("A='a \"b\" # $c\\n'", "<A=a \"b\" # $c\\n>"),
            ("A=\"a 'b' # \\\"c\\\" \\\\ \\$d \\x\"", "<A=a 'b' # \"c\" \\ $d \\x>"),
            ("A=\"a\\nb\\tc\\r\"", "<A=a\nb\tc\r>"),
            ("A='a\nb'\nB=\"c\nd\"", "<A=a\nb><B=c\nd>"),
            ("A='x' # said\nB=\"y\"\t#\nC='z'  \n", "<A=x><B=y><C=z>"),
            ("A=x=y\nA.b-c_1=2", "<A=x=y><A.b-c_1=2>"),
            ("A=a'b\"c", "<A=a'b\"c>"),
        ] {
            assert_eq!(flat(text), pairs, "{text:?}");
        }
    }

    #[test]
    fn an_invalid_line_is_reported_by_number_without_its_text() {
        const PAIR: &str = "expected KEY=VALUE";
        const NAME: &str = "expected a name of letters, digits, '_', '.' and '-' before the '='";
        const OPEN: &str = "the quote has no end";
        const BEHIND: &str = "expected nothing behind the quote";
        for (text, line, what) in [
            ("s3cret", 1, PAIR),
            ("A=1\n\ns3cret\n", 3, PAIR),
            ("export A", 1, PAIR),
            ("=1", 1, NAME),
            ("1A=1", 1, NAME),
            ("a b=1", 1, NAME),
            ("A=1\n'B'=2", 2, NAME),
            ("A='x\ny\n", 1, OPEN),
            ("A=1\nB=\"x\\\"\ny", 2, OPEN),
            ("A=\"x\\", 1, OPEN),
            ("A='x\ny'z", 2, BEHIND),
            ("A='x'#", 1, BEHIND),
            ("A=\"x\"'y'", 1, BEHIND),
            ("A=\0", 1, "the value has a zero byte"),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(Malformed { line, what }), "{text:?}");
        }
    }

    #[test]
    fn values_in_an_env_file_may_be_any_bytes() {
        let pairs = parse(b"A=\xff\nB='\xfe'").unwrap();
        let values: Vec<_> = pairs.into_iter().map(|(_, value)| value.into_vec()).collect();
        assert_eq!(values, [vec![0xff], vec![0xfe]]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "([A-Z= \t\r\n'\"\\\\#]|\\PC)*") {
            let _ = parse(text.as_bytes());
        }
    }
}
