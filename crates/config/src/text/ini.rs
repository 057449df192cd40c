//! Parses supervisord's dialect of INI: Python's
//! [`configparser`](https://docs.python.org/3/library/configparser.html) with inline comments and
//! without interpolation.
//!
//! A comment starts at a `;` or `#` at the beginning of a line or after white space, also inside
//! quotes. A line that is indented deeper than its option continues the option's value. Repeated
//! sections are merged, the last of repeated keys counts, and keys are converted to lower case.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Report;
use crate::text::expand::pin_here;
use crate::text::named::{HasName, NamedList};
use supervisor_wire::supervisord::python::{is_space, strip};

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The supervisor's default.
    BuiltIn,
    /// The environment variable with this name.
    Variable(String),
    /// This option of the command line.
    Flag(String),
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line of the section or option, counted from 1.
        line: usize,
        /// The comment after the value, if there is one.
        comment: Option<Comment>,
    },
}

/// A comment after a value. If it is inside quotes, the user may have meant it as part of the
/// value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) line: usize,
    /// `;` or `#`.
    pub(crate) sign: char,
}

impl Origin {
    /// Whether the user set it.
    pub(crate) fn is_explicit(&self) -> bool {
        match self {
            Self::BuiltIn => false,
            Self::Variable(_) | Self::Flag(_) | Self::File { .. } => true,
        }
    }

    /// The file and the line.
    pub(crate) fn file(&self) -> Option<(&Path, usize)> {
        match self {
            Self::BuiltIn | Self::Variable(_) | Self::Flag(_) => None,
            Self::File { path, line, .. } => Some((path, *line)),
        }
    }

    /// The comment after the value.
    pub(crate) fn comment(&self) -> Option<Comment> {
        match self {
            Self::BuiltIn | Self::Variable(_) | Self::Flag(_) => None,
            Self::File { comment, .. } => *comment,
        }
    }
}

/// The prefix of messages: `VARIABLE` or `file:line`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in default"),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
            Self::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// An option as written, before expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// A section with its options in order of first appearance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) entries: NamedList<Entry>,
}

impl HasName for Entry {
    fn name(&self) -> &str {
        &self.key
    }
}

impl HasName for Section {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Section {
    /// The option with this key in lower case.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.named(key)
    }

    /// Sets an option. An existing one keeps its position.
    pub(crate) fn set(&mut self, entry: Entry) {
        self.entries.set(entry);
    }

    /// The part of the section's name after the first colon.
    pub(crate) fn label(&self) -> &str {
        self.name.split_once(':').map_or("", |(_, label)| label)
    }
}

/// All sections, in order of first appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sections {
    /// `[DEFAULT]`: options for every section that does not set them.
    pub(crate) defaults: NamedList<Entry>,
    pub(crate) all: NamedList<Section>,
}

impl Sections {
    /// The section with exactly this name.
    pub(crate) fn section(&self, name: &str) -> Option<&Section> {
        self.all.named(name)
    }

    /// The section with this name. If it does not exist, adds an empty one at the end.
    pub(crate) fn section_mut(&mut self, name: &str, origin: &Origin) -> &mut Section {
        let index = self.all.place(name).unwrap_or_else(|| {
            let (name, origin) = (name.to_owned(), origin.clone());
            self.all.set(Section { name, origin, entries: NamedList::default() })
        });
        &mut self.all[index]
    }

    /// The option of a section, or otherwise of `[DEFAULT]`.
    pub(crate) fn entry<'a>(&'a self, section: &'a Section, key: &str) -> Option<&'a Entry> {
        section.entry(key).or_else(|| self.defaults.named(key))
    }

    /// Adds the content of a file.
    pub(crate) fn read(&mut self, path: &Path, bytes: &[u8], report: &mut Report) {
        self.read_in(None, path, bytes, report);
    }

    /// Adds the content of a file and replaces `%(here)s`, which differs for each file.
    pub(crate) fn read_in(
        &mut self,
        here: Option<&Path>,
        path: &Path,
        bytes: &[u8],
        report: &mut Report,
    ) {
        match std::str::from_utf8(bytes) {
            Ok(text) => Reader::new(self, here, path, report).read(text),
            Err(error) => {
                let why = undecodable(bytes, error);
                let why = format!("{why}; a configuration file is UTF-8 text");
                report.error_at(path, line_of(bytes, error.valid_up_to()), &why);
            }
        }
    }
}

/// The number of the line that contains the byte at this position.
fn line_of(bytes: &[u8], position: usize) -> usize {
    bytes.iter().take(position).filter(|byte| **byte == b'\n').count() + 1
}

/// Python's error for bytes that are not UTF-8.
fn undecodable(bytes: &[u8], error: std::str::Utf8Error) -> String {
    let position = error.valid_up_to();
    let byte = bytes.get(position).copied().unwrap_or_default();
    let reason = match (error.error_len(), byte) {
        (None, _) => "unexpected end of data",
        (Some(_), 0xc2..=0xf4) => "invalid continuation byte",
        (Some(_), _) => "invalid start byte",
    };
    format!("'utf-8' codec can't decode byte 0x{byte:02x} in position {position}: {reason}")
}

/// Parses one file.
struct Reader<'a> {
    sections: &'a mut Sections,
    /// The value of `%(here)s`, if it is known.
    here: Option<String>,
    path: &'a Path,
    report: &'a mut Report,
    /// The section of the following options; `None` before the first header.
    current: Option<Receiver>,
    /// The option whose value may continue.
    open: Option<Open>,
}

enum Receiver {
    Defaults,
    Section(String),
}

struct Open {
    key: String,
    line: usize,
    lines: Vec<String>,
    comment: Option<Comment>,
}

impl<'a> Reader<'a> {
    fn new(
        sections: &'a mut Sections,
        here: Option<&Path>,
        path: &'a Path,
        report: &'a mut Report,
    ) -> Self {
        let here = here.map(|here| here.to_string_lossy().into_owned());
        Self { sections, here, path, report, current: None, open: None }
    }

    fn read(mut self, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut indent = 0;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let number = index + 1;
            let (content, sign) = without_comment(line);
            let content = strip(content);
            let comment = sign.map(|sign| Comment { line: number, sign });
            if content.is_empty() {
                self.blank(line);
                continue;
            }
            let depth = line.chars().take_while(|c| is_space(*c)).count();
            if let Some(open) = self.open.as_mut().filter(|_| depth > indent) {
                open.lines.push(content.to_owned());
                open.comment = open.comment.or(comment);
                continue;
            }
            indent = depth;
            if !self.item(content, number, comment) {
                break;
            }
        }
        self.close();
    }

    /// Handles an empty line or a comment. Only an empty line is part of a value that continues.
    fn blank(&mut self, line: &str) {
        if strip(line).is_empty()
            && let Some(open) = &mut self.open
        {
            open.lines.push(String::new());
        }
    }

    /// Handles a header or an option. Returns `false` if the rest of the file must not be parsed.
    fn item(&mut self, content: &str, number: usize, comment: Option<Comment>) -> bool {
        if let Some(name) = header(content) {
            self.close();
            self.enter(name, number);
        } else if self.current.is_none() {
            self.complain(
                number,
                "File contains no section headers: expected a \"[section]\" line before this one",
            );
            return false;
        } else if let Some((key, value)) = option(content) {
            self.close();
            let lines = vec![value.to_owned()];
            self.open = Some(Open { key: key.to_lowercase(), line: number, lines, comment });
        } else {
            self.complain(number, "Source contains parsing errors: expected \"[section]\", \"key=value\" or a comment");
        }
        true
    }

    fn enter(&mut self, name: &str, line: usize) {
        self.current = Some(if name == "DEFAULT" {
            Receiver::Defaults
        } else {
            let origin = Origin::File { path: self.path.to_owned(), line, comment: None };
            self.sections.section_mut(name, &origin);
            Receiver::Section(name.to_owned())
        });
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let (line, comment) = (open.line, open.comment);
        let origin = Origin::File { path: self.path.to_owned(), line, comment };
        let value = open.lines.join("\n");
        let value = value.trim_end_matches(is_space);
        let value =
            self.here.as_ref().map_or_else(|| value.to_owned(), |here| pin_here(value, here));
        let entry = Entry { key: open.key, value, origin };
        match &self.current {
            Some(Receiver::Section(name)) => {
                self.sections.section_mut(name, &entry.origin.clone()).set(entry);
            }
            Some(Receiver::Defaults) => {
                self.sections.defaults.set(entry);
            }
            None => {}
        }
    }

    /// Reports an unreadable line without repeating it, because it may contain a password.
    fn complain(&mut self, line: usize, what: &str) {
        self.report.error_at(self.path, line, what);
    }
}

/// The line up to its comment, and the sign that starts the comment.
fn without_comment(line: &str) -> (&str, Option<char>) {
    let mut after_blank = true;
    for (index, c) in line.char_indices() {
        if after_blank && matches!(c, ';' | '#') {
            return (&line[..index], Some(c));
        }
        after_blank = is_space(c);
    }
    (line, None)
}

/// The name in `[name]`: up to the last bracket, whatever follows it.
fn header(content: &str) -> Option<&str> {
    let (name, _) = content.strip_prefix('[')?.rsplit_once(']')?;
    Some(name).filter(|name| !name.is_empty())
}

/// Splits a line into key and value at the first `=` or `:`.
fn option(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.split_once(['=', ':'])?;
    let key = strip(key);
    (!key.is_empty()).then_some((key, strip(value)))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads one text and prints it as `section.key=value` lines.
    fn flat(text: &str) -> Vec<String> {
        let (sections, report) = read(text);
        assert!(report.is_clean(), "{text:?}: {report:?}");
        let lines = |s: &Section| -> Vec<String> {
            s.entries.iter().map(|e| format!("{}.{}={}", s.name, e.key, e.value)).collect()
        };
        sections.all.iter().flat_map(lines).collect()
    }

    pub(crate) fn read(text: &str) -> (Sections, Report) {
        let (mut sections, mut report) = (Sections::default(), Report::default());
        sections.read(Path::new("/t.conf"), text.as_bytes(), &mut report);
        (sections, report)
    }

    fn complaints(text: &str) -> String {
        read(text).1.finish(Some(())).unwrap_err().to_string()
    }

    #[test]
    fn a_comment_starts_after_a_space_even_inside_quotes() {
        assert_eq!(flat("[a]\nk=bash -c 'a ; b'\n"), ["a.k=bash -c 'a"]);
        assert_eq!(
            flat("[a]\nk=v;c\nl=;x\nm=http://x/#f\n"),
            ["a.k=v;c", "a.l=;x", "a.m=http://x/#f"]
        );
        assert_eq!(flat("[a]\nk=a;b ;c #d\n"), ["a.k=a;b"]);
    }

    #[test]
    fn an_indented_line_continues_the_value() {
        assert_eq!(
            flat("[a]\nx=1\n;c\n y\n # foo\n\n z ;c\n\n\nw=2\n"),
            ["a.x=1\ny\n\nz", "a.w=2"]
        );
        assert_eq!(flat("  [a]\n  x=1\n   [b]\ny=2"), ["a.x=1\n[b]", "a.y=2"]);
        assert_eq!(flat("[b]\n z=3\n   w=4\n v=5\n"), ["b.z=3\nw=4", "b.v=5"]);
    }

    #[test]
    fn the_last_bracket_ends_a_section_name() {
        assert_eq!(flat("[a]junk\nx=1\n[a] x] y]\nz : 2 = 3"), ["a.x=1", "a] x] y.z=2 = 3"]);
    }

    #[test]
    fn repeated_sections_merge_and_the_last_key_counts() {
        assert_eq!(flat("[a]\nX=1\n[b]\n[a]\nx=2\ny="), ["a.x=2", "a.y="]);
    }

    #[test]
    fn the_default_section_is_a_fallback_for_every_section() {
        let (sections, _) = read("[DEFAULT]\nuser=me\n[a]\nx=1\n");
        let a = sections.section("a").unwrap();
        assert_eq!(sections.entry(a, "user").unwrap().value, "me");
        assert_eq!(sections.all.len(), 1);
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(flat("\u{feff}[a]\r\nk=v\rl=w"), ["a.k=v", "a.l=w"]);
    }

    #[test]
    fn every_invalid_line_is_reported() {
        assert_eq!(
            complaints("[a]\nbad\n=v\n"),
            "ERROR: /t.conf:2: Source contains parsing errors: expected \"[section]\", \"key=value\" or a comment\n\
             ERROR: /t.conf:3: Source contains parsing errors: expected \"[section]\", \"key=value\" or a comment"
        );
        assert!(complaints("foo\n[a]\n").contains(
            "/t.conf:1: File contains no section headers: expected a \"[section]\" line"
        ));
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_reported_with_their_line() {
        let (mut sections, mut report) = (Sections::default(), Report::default());
        sections.read(Path::new("/t.conf"), b"[a]\nk=\x88", &mut report);
        let text = report.finish(Some(())).unwrap_err().to_string();
        assert!(
            text.contains(
                "/t.conf:2: 'utf-8' codec can't decode byte 0x88 in position 6: invalid start byte"
            ),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "(\\PC|[\\[\\]=:;# \n\t\r\\x1c\u{2028}])*") {
            let _ = read(&text);
        }
    }
}
