//! Lines of a program's output with its name in front, or as JSON objects.
//!
//! A line is forwarded when it is complete, so that programs that share a stream never tear each
//! other's lines.

use std::io::BufRead;

use serde_json::{Map, Value};
use supervisor_core::event::Channel;
use supervisor_core::spec::LineFormat;
use supervisor_sys::clock;
use supervisor_wire::date;

/// Bytes of a line at most. A longer line is split into several.
pub(crate) const LONGEST_LINE: usize = 64 * 1024;

/// The separator between a program's name and its line.
const SEPARATOR: &str = " | ";

/// A formatter that joins pieces of output into complete lines.
#[derive(Debug)]
pub(crate) struct Lines {
    style: Style,
    /// The start of an incomplete line.
    open: Vec<u8>,
}

#[derive(Debug)]
enum Style {
    /// The prefix of each line.
    Named(Vec<u8>),
    /// The fields that all objects share, as JSON text.
    Json(String),
}

impl Lines {
    /// `None`: the format leaves lines unchanged.
    pub(crate) fn new(format: LineFormat, name: &str, channel: Channel) -> Option<Self> {
        let style = match format {
            LineFormat::Unchanged => return None,
            LineFormat::Named => Style::Named(format!("{name}{SEPARATOR}").into_bytes()),
            LineFormat::Json => {
                let (name, stream) = (Value::from(name), channel.name());
                Style::Json(format!(",\"program\":{name},\"stream\":\"{stream}\""))
            }
        };
        Some(Self { style, open: Vec::new() })
    }

    /// A formatter that only completes lines.
    pub(crate) const fn whole() -> Self {
        Self { style: Style::Named(Vec::new()), open: Vec::new() }
    }

    /// The lines that `bytes` completes, formatted.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Out { time: self.time(), lines: Vec::with_capacity(2 * bytes.len()) };
        let mut rest = bytes;
        while !rest.is_empty() {
            let before = rest;
            // The standard library's fastest search; a slice can always be read.
            let length = rest.skip_until(b'\n').unwrap_or(before.len());
            match before[..length].strip_suffix(b"\n") {
                Some(line) if self.open.is_empty() && line.len() <= LONGEST_LINE => {
                    out.put(&self.style, line, false);
                }
                Some(line) => {
                    self.open.extend_from_slice(line);
                    self.cut(&mut out);
                    out.put(&self.style, &std::mem::take(&mut self.open), false);
                }
                None => {
                    self.open.extend_from_slice(before);
                    self.cut(&mut out);
                }
            }
        }
        out.lines
    }

    /// The incomplete line at the end of the output, formatted as a line.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let mut out = Out { time: self.time(), lines: Vec::new() };
        if !self.open.is_empty() {
            out.put(&self.style, &std::mem::take(&mut self.open), false);
        }
        out.lines
    }

    /// Splits off lines while the incomplete line is too long, between two characters.
    fn cut(&mut self, out: &mut Out) {
        while self.open.len() > LONGEST_LINE {
            let within = |at: &usize| self.open[*at] & 0xC0 == 0x80;
            let end = (LONGEST_LINE - 3..=LONGEST_LINE).rev().find(|at| !within(at));
            let rest = self.open.split_off(end.unwrap_or(LONGEST_LINE));
            out.put(&self.style, &std::mem::replace(&mut self.open, rest), true);
        }
    }

    fn time(&self) -> String {
        match self.style {
            Style::Named(_) => String::new(),
            Style::Json(_) => date::rfc3339_millis(clock::wall().since_epoch()),
        }
    }
}

struct Out {
    /// The time at which these lines were read.
    time: String,
    lines: Vec<u8>,
}

impl Out {
    fn put(&mut self, style: &Style, line: &[u8], is_partial: bool) {
        match style {
            Style::Named(front) => {
                self.lines.extend_from_slice(front);
                self.lines.extend_from_slice(line);
            }
            Style::Json(fields) => {
                self.lines.extend_from_slice(b"{\"time\":\"");
                self.lines.extend_from_slice(self.time.as_bytes());
                self.lines.push(b'"');
                self.lines.extend_from_slice(fields.as_bytes());
                self.put_message(line);
                if is_partial {
                    self.lines.extend_from_slice(b",\"partial\":true");
                }
                self.lines.push(b'}');
            }
        }
        self.lines.push(b'\n');
    }

    /// Adds a line as `message`, or as `fields` if it is a JSON object. `message` is thus always a
    /// string, and a log collector needs no second parse.
    fn put_message(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let object = line.trim_ascii();
        if object.starts_with(b"{")
            && object.ends_with(b"}")
            && serde_json::from_slice::<Map<String, Value>>(object).is_ok()
        {
            self.lines.extend_from_slice(b",\"fields\":");
            self.lines.extend_from_slice(object);
            return;
        }
        self.lines.extend_from_slice(b",\"message\":");
        // Writing into memory does not fail.
        let _ = serde_json::to_writer(&mut self.lines, &*String::from_utf8_lossy(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(format: LineFormat) -> Lines {
        Lines::new(format, "we\"b", Channel::Stderr).unwrap()
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_line_gets_its_name_when_it_is_complete() {
        let whole = b"a\n\nb c\r\nd";
        for cut in 0..whole.len() {
            let mut named = lines(LineFormat::Named);
            let mut all = named.pass(&whole[..cut]);
            all.extend(named.pass(&whole[cut..]));
            assert_eq!(text(&all), "we\"b | a\nwe\"b | \nwe\"b | b c\r\n", "{cut}");
            assert_eq!(text(&named.finish()), "we\"b | d\n");
            assert!(named.finish().is_empty());
        }
        assert!(Lines::new(LineFormat::Unchanged, "x", Channel::Stdout).is_none());
    }

    #[test]
    fn a_line_that_is_too_long_is_split_between_characters() {
        for format in [LineFormat::Named, LineFormat::Json] {
            for (letter, extra) in [("x", 0), ("x", 1), ("\u{20ac}", 7), ("\u{20ac}", LONGEST_LINE)]
            {
                let long = letter.repeat((LONGEST_LINE + extra) / letter.len() + 1);
                let mut lines = lines(format);
                let mut all = Vec::new();
                for piece in long.as_bytes().chunks(5000) {
                    all.extend(lines.pass(piece));
                    assert!(lines.open.len() <= LONGEST_LINE);
                }
                all.extend(lines.pass(b"\nnext\n"));
                let all = text(&all);
                let front = "we\"b | ";
                let read = |line: &str| match format {
                    LineFormat::Json => {
                        let object: Map<String, Value> = serde_json::from_str(line).unwrap();
                        let message = object["message"].as_str().unwrap().to_owned();
                        (message, object.contains_key("partial"))
                    }
                    LineFormat::Unchanged | LineFormat::Named => {
                        (line.strip_prefix(front).unwrap().to_owned(), false)
                    }
                };
                let pieces: Vec<_> = all.lines().map(read).collect();
                let (last, pieces) = pieces.split_last().unwrap();
                assert_eq!(last.0, "next");
                let joined: String = pieces.iter().map(|(piece, _)| piece.as_str()).collect();
                assert!(joined == long && pieces.len() > 1);
                let partial = pieces.iter().filter(|(_, partial)| *partial).count();
                let json = format == LineFormat::Json;
                assert_eq!(partial, if json { pieces.len() - 1 } else { 0 });
            }
        }
    }

    #[test]
    fn each_json_object_contains_the_text_or_the_object_of_its_line() {
        let mut json = lines(LineFormat::Json);
        let input = b"plain \"x\" \x1b[1m\t\xff\r\n {\"level\":\"info\",\"n\":1.50} \n{not json}\n[1]\n\n{\"a\":1";
        let mut all = json.pass(input);
        all.extend(json.finish());
        let all = text(&all);
        let read: Vec<Map<String, Value>> =
            all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for object in &read {
            assert_eq!(
                (&object["program"], &object["stream"]),
                (&"we\"b".into(), &"stderr".into())
            );
            assert!(object["time"].as_str().unwrap().ends_with('Z'));
        }
        let messages: Vec<_> = read.iter().map(|object| object.get("message")).collect();
        let some = |text: &str| Some(Value::from(text));
        let expected = [
            some("plain \"x\" \u{1b}[1m\t\u{fffd}"),
            None,
            some("{not json}"),
            some("[1]"),
            some(""),
            some("{\"a\":1"),
        ];
        assert_eq!(messages, expected.each_ref().map(Option::as_ref));
        // Numbers keep all their digits.
        assert!(all.contains(",\"fields\":{\"level\":\"info\",\"n\":1.50}}\n"), "{all}");
    }
}
