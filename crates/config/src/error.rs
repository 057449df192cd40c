//! Collects the errors, warnings and notes of a configuration.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::mem::take;
use std::path::{Path, PathBuf};

use supervisor_core::level::Level;

/// All errors of a configuration.
///
/// The display form has one line per error, each starting with `ERROR: `. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Errors {
    /// The errors, one line each without the prefix `ERROR: `.
    pub fn messages(&self) -> impl Iterator<Item = &str> {
        self.errors.iter().map(String::as_str)
    }

    /// The warnings, one line each. They often explain an error. The display form does not include
    /// them.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, message) in self.errors.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}ERROR: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

/// Maximum number of reported errors, and of warnings: a file that is not a configuration has an
/// error in every line.
const MOST_TOLD: usize = 200;

/// Collects errors and warnings while the configuration is read.
#[derive(Debug, Default)]
pub(crate) struct Report {
    errors: Vec<String>,
    /// For each error in a file, the file and the line, so that errors can be sorted.
    places: BTreeMap<usize, (usize, usize)>,
    files: Vec<PathBuf>,
    warnings: Vec<String>,
    notes: Vec<(Level, String)>,
}

impl Report {
    /// Adds an error. An error that occurs several times, because a section is read for each
    /// process, is added once.
    pub(crate) fn error(&mut self, message: impl Into<String>) {
        note(&mut self.errors, message.into());
    }

    /// Adds an error in a line of a file. The message starts with the file and line.
    pub(crate) fn error_at(&mut self, path: &Path, line: usize, message: &str) {
        let before = self.errors.len();
        self.error(format!("{}:{line}: {message}", path.display()));
        if self.errors.len() > before {
            let file = self.files.iter().position(|known| known == path).unwrap_or_else(|| {
                self.files.push(path.to_owned());
                self.files.len() - 1
            });
            self.places.insert(before, (file, line));
        }
    }

    /// Sorts errors in files by line. Other errors keep their positions.
    fn sort(&mut self) {
        let mut placed: Vec<_> = self.places.iter().map(|(at, place)| (*place, *at)).collect();
        placed.sort_unstable();
        let sorted: Vec<String> =
            placed.into_iter().map(|(_, at)| take(&mut self.errors[at])).collect();
        for (at, message) in self.places.keys().zip(sorted) {
            self.errors[*at] = message;
        }
    }

    /// Adds a warning: the setting works, but probably not as intended.
    pub(crate) fn warn(&mut self, message: impl Into<String>) {
        note(&mut self.warnings, message.into());
    }

    /// Adds a note at level DEBUG.
    pub(crate) fn note(&mut self, message: impl Into<String>) {
        self.add_note(Level::Debug, &message.into());
    }

    /// Adds a note at level INFO.
    pub(crate) fn tell(&mut self, message: impl Into<String>) {
        self.add_note(Level::Info, &message.into());
    }

    fn add_note(&mut self, level: Level, message: &str) {
        let note = (level, one_line(message));
        if self.notes.len() < MOST_TOLD && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Takes the notes.
    pub(crate) fn take_notes(&mut self) -> Vec<(Level, String)> {
        take(&mut self.notes)
    }

    /// Whether there has been no error so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// Returns `value` and the warnings if there was no error and a value exists.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<(T, Vec<String>), Errors> {
        match value {
            Some(value) if self.errors.is_empty() => Ok((value, self.warnings)),
            Some(_) | None => {
                if self.errors.is_empty() {
                    self.error("the configuration is invalid");
                }
                self.sort();
                Err(Errors { errors: self.errors, warnings: self.warnings })
            }
        }
    }
}

fn note(list: &mut Vec<String>, message: String) {
    if list.len() > MOST_TOLD {
        return;
    }
    let line = one_line(&without_credentials(&message));
    if list.contains(&line) {
        return;
    }
    let full = list.len() == MOST_TOLD;
    list.push(if full { format!("only the first {MOST_TOLD} are shown") } else { line });
}

/// Escapes control characters: messages quote values, and a line break or an escape sequence in a
/// value must not get into the log.
fn one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for c in message.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// Removes names and passwords from URLs such as `http://user:password@host`.
pub(crate) fn without_credentials(text: &str) -> Cow<'_, str> {
    const SCHEME: &str = "://";
    let mut out = Cow::Borrowed(text);
    let mut from = 0;
    while let Some(at) = out[from..].find(SCHEME) {
        let start = from + at + SCHEME.len();
        let ends = |c: char| c.is_whitespace() || "/?#'\"".contains(c);
        let end = out[start..].find(ends).map_or(out.len(), |length| start + length);
        from = start;
        if let Some(length) = out[start..end].rfind('@') {
            out.to_mut().replace_range(start..start + length, MASK);
            from = start + MASK.len();
        }
    }
    out
}

/// The text in place of a secret.
pub(crate) const MASK: &str = "****";

/// Maximum length of a quoted value or explanation, in characters.
const LONGEST_TOLD: usize = 200;

/// Length of the end that remains after shortening, because the end of a path says more than its
/// middle.
const END_TOLD: usize = 50;

/// Shortens a value or an explanation to its beginning and its end, because a whole file in a
/// variable must not become a line of the log.
pub(crate) fn in_short(text: &str) -> Cow<'_, str> {
    let Some((end, _)) = text.char_indices().nth_back(END_TOLD - 1) else {
        return Cow::Borrowed(text);
    };
    if text.char_indices().nth(LONGEST_TOLD).is_none() {
        return Cow::Borrowed(text);
    }
    let beginning = text.chars().take(LONGEST_TOLD - END_TOLD - 1);
    Cow::Owned(beginning.chain(['…']).chain(text[end..].chars()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_reported_with_its_beginning_and_end() {
        for fits in ["", "x", &"é".repeat(LONGEST_TOLD)] {
            assert_eq!(in_short(fits), fits);
        }
        let long = format!("a{}/file", "é".repeat(100_000));
        let short = in_short(&long);
        assert_eq!(short.chars().count(), LONGEST_TOLD);
        assert!(short.starts_with("aé") && short.contains("é…é") && short.ends_with("é/file"));
    }

    #[test]
    fn every_error_is_a_separate_line() {
        let mut report = Report::default();
        report.error("first");
        report.error("a value with\na line break");
        report.error("first");
        let errors = report.finish(Some(())).unwrap_err();
        assert_eq!(errors.to_string(), "ERROR: first\nERROR: a value with\\na line break");
    }

    #[test]
    fn credentials_in_a_url_are_not_repeated() {
        for (text, shown) in [
            ("no http://u:p@h/x, ftp://me@h", "no http://****@h/x, ftp://****@h"),
            ("http://h/a@b 'http://u:p@h'", "http://h/a@b 'http://****@h'"),
            ("a://b@c@d://e@f", "a://****@d://****@f"),
            ("me@home ://", "me@home ://"),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }

    #[test]
    fn errors_in_a_file_are_reported_in_the_order_of_its_lines() {
        let mut report = Report::default();
        report.error_at("/b".as_ref(), 9, "b9");
        report.error("elsewhere");
        report.error_at("/a".as_ref(), 5, "a5");
        report.error_at("/b".as_ref(), 2, "b2");
        report.error_at("/a".as_ref(), 1, "a1");
        report.error_at("/b".as_ref(), 2, "b2");
        let errors = report.finish(Some(())).unwrap_err();
        let told: Vec<&str> = errors.messages().collect();
        assert_eq!(told, ["/b:2: b2", "elsewhere", "/b:9: b9", "/a:1: a1", "/a:5: a5"]);
    }

    #[test]
    fn only_the_first_200_errors_are_reported() {
        let mut report = Report::default();
        (0..10_000).for_each(|number| report.error(format!("mistake {number}")));
        let errors = report.finish(Some(())).unwrap_err();
        assert_eq!(errors.messages().count(), MOST_TOLD + 1);
        assert_eq!(errors.messages().last(), Some("only the first 200 are shown"));
    }

    #[test]
    fn errors_are_never_empty() {
        let errors = Report::default().finish::<()>(None).unwrap_err();
        assert!(!errors.to_string().is_empty());
    }
}
