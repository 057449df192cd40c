//! Writes sections as text that supervisord and this crate read back as the same sections.
//!
//! A value is on the option's line, and its further lines are indented. INI drops white space at
//! both ends of a line, and everything from a `;` or `#` after white space. In a command line, an
//! empty pair of quotes at the right place protects both without changing a word:
//!
//! ```text
//! echo 'a ;b'     is written as     echo 'a '';b'
//! ```

use std::borrow::Cow;
use std::path::Path;

use crate::error::Report;
use crate::text::environment;
use crate::text::ini::{Entry, Section, Sections};
use crate::text::shlex::{self, Quoting};
use supervisor_wire::supervisord::python::{is_space, strip};

/// The text, and what it does not represent exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    /// The values that cannot be read back, one sentence each.
    pub(crate) lost: Vec<String>,
}

/// A comment after an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) text: String,
    /// The column in which it starts.
    pub(crate) at: usize,
}

/// Writes `sections` in order, with `heading` as a comment at the top. `wanted` selects the
/// options, `note` returns the comment after an option. `lossy_command`: the built-in command is
/// not UTF-8.
pub(crate) fn render(
    heading: &str,
    sections: &Sections,
    wanted: impl Fn(&Entry) -> bool,
    note: impl Fn(&Section, &Entry) -> Option<Note>,
    lossy_command: bool,
) -> Rendered {
    let mut out = Rendered { text: String::new(), lost: Vec::new() };
    for line in heading.lines() {
        out.text.push_str(&format!("; {line}\n"));
    }
    let defaults = Section {
        name: "DEFAULT".to_owned(),
        origin: crate::text::ini::Origin::BuiltIn,
        entries: sections.defaults.clone(),
    };
    let defaults = (!defaults.entries.is_empty()).then_some(&defaults);
    for section in defaults.into_iter().chain(&sections.all) {
        let gap = if out.text.is_empty() { "" } else { "\n" };
        out.text.push_str(&format!("{gap}[{}]\n", section.name));
        for entry in section.entries.iter().filter(|entry| wanted(entry)) {
            let lossy = lossy_command && entry.key == COMMAND && !entry.origin.is_explicit();
            write(&mut out, section, entry, note(section, entry), lossy);
        }
    }
    out
}

const COMMAND: &str = "command";
const ENVIRONMENT: &str = "environment";

fn write(out: &mut Rendered, section: &Section, entry: &Entry, note: Option<Note>, lossy: bool) {
    let value = &entry.value;
    let safe = if entry.key == COMMAND { guard(value) } else { Cow::Borrowed(value.as_str()) };
    let lines = on_lines(&safe);
    let why = if lossy {
        Some("bytes that are not UTF-8")
    } else if same(entry, &read_back(&entry.key, &lines)) {
        None
    } else if value.contains('\r') {
        Some("a carriage return")
    } else {
        Some("spaces or comment signs that a configuration file cannot contain")
    };
    let blank = if lines.is_empty() { "" } else { " " };
    let mut option = format!("{} ={blank}{lines}", entry.key);
    if let Some(Note { text, at }) = note {
        let last = option.rsplit('\n').next().unwrap_or_default().chars().count();
        option.push_str(&format!("{:width$} ; {text}", "", width = at.saturating_sub(last)));
    }
    option.push('\n');
    if let Some(why) = why {
        let lost = format!("not reproducible from this file: {} contains {why}", entry.key);
        out.text.push_str(&format!("; {lost}\n"));
        out.lost.push(format!("[{}] {}: {lost}", section.name, entry.key));
        // A program needs a command, even if it is not exact. It is safer to omit any other option:
        // half a list of pairs is rejected, but half a password is accepted.
        if entry.key != COMMAND {
            option = option.lines().map(|line| format!("; {line}\n")).collect();
        }
    }
    out.text.push_str(&option);
}

/// Indents all lines except the first, so that none looks like an option. A carriage return also
/// ends a line.
fn on_lines(value: &str) -> String {
    let value = value.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = strip(&value).split('\n');
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| {
        let indent = if line.is_empty() { "" } else { "\t" };
        text + "\n" + indent + line
    })
}

fn read_back(key: &str, lines: &str) -> Option<String> {
    let (mut sections, mut report) = (Sections::default(), Report::default());
    let text = format!("[x]\n{key} = {lines}\n");
    sections.read(Path::new(""), text.as_bytes(), &mut report);
    let entry = sections.section("x")?.entry(key)?;
    report.is_clean().then(|| entry.value.clone())
}

/// Whether the value that is read back has the same meaning. Command lines and environments are
/// compared by words.
fn same(entry: &Entry, read: &Option<String>) -> bool {
    let (value, Some(read)) = (&entry.value, read) else { return false };
    let words = |text: &str| shlex::split(text).ok();
    match entry.key.as_str() {
        COMMAND => match words(value) {
            Some(words) => shlex::split(read) == Ok(words),
            None => strip(value) == read,
        },
        ENVIRONMENT if strip(value) != read => {
            let pairs = environment::parse(value);
            pairs.is_ok() && pairs == environment::parse(read)
        }
        _ => strip(value) == read,
    }
}

/// A command line with the same words in which no `;` or `#` follows white space and no significant
/// line starts or ends with white space.
fn guard(command: &str) -> Cow<'_, str> {
    if !command.contains(['\n', ';', '#', '\\']) && !command.contains(is_odd_blank) {
        return Cow::Borrowed(command);
    }
    let mut out = String::with_capacity(command.len() + 16);
    let mut quoting = Quoting::Blank;
    let mut before = '\n';
    for c in command.chars() {
        if needs_guard(before, quoting, c) {
            out.push_str(if quoting == Quoting::Double { "\"\"" } else { "''" });
        }
        out.push(c);
        before = c;
        let quoted = matches!(quoting, Quoting::Single | Quoting::Double | Quoting::DoubleEscape);
        let escaped_blank = quoting == Quoting::Escape && is_space(c);
        if escaped_blank || (!quoted && is_odd_blank(c)) {
            out.push_str("''");
            before = '\'';
        }
        quoting = quoting.after(c);
    }
    Cow::Owned(out)
}

/// Whether quotes are needed between `before` and `c`. `quoting` is the state at `c`.
fn needs_guard(before: char, quoting: Quoting, c: char) -> bool {
    let comment = matches!(c, ';' | '#') && is_space(before);
    let blank = |c: char| c != '\n' && is_space(c);
    match quoting {
        Quoting::Single | Quoting::Double => {
            comment || (c == '\n' && blank(before)) || (before == '\n' && blank(c))
        }
        Quoting::Blank | Quoting::Word => comment || is_odd_blank(c),
        Quoting::Escape | Quoting::DoubleEscape => false,
    }
}

/// White space for INI that is part of a word for shlex.
fn is_odd_blank(c: char) -> bool {
    is_space(c) && !matches!(c, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::modes::template::{self, Run};
    use crate::text::expand::{Names, escape, expand};
    use crate::text::ini::Origin;
    use crate::text::ini::tests::read;

    /// The words that a reader of the file gets.
    fn words_from_file(argv: &[String]) -> (Option<Vec<String>>, Rendered) {
        let command = escape(&shlex::join(argv.iter().map(String::as_str)));
        let sections = template::base("app", &command, Run::Supervised);
        let rendered = render("A record.", &sections, |_| true, |_, _| None, false);
        let (sections, report) = read(&rendered.text);
        assert!(report.is_clean(), "{report:?}\n{}", rendered.text);
        assert_eq!(sections.all.len(), 2, "{}", rendered.text);
        let value = sections.section("program:app").unwrap().entry("command").unwrap();
        let names = Names::only(std::collections::BTreeMap::new());
        let expanded = expand(&value.value, &names, "x").unwrap();
        (shlex::split(&expanded).ok(), rendered)
    }

    #[test]
    fn a_command_reads_back_from_a_generated_file() {
        for word in [
            "date +%s",
            "%(message)s",
            "{\"prompt\": \"a ; b # c\"}",
            "; rm",
            " # ",
            "def f():\n    return 1\n\n  \nf() ",
            "\n ;x\n#y\n",
            "it's; \"quoted\" \\ ;",
            "\x0b;\x0c#\x1c;\u{85}#\u{a0};\u{2028};",
            "a\x1c\n\x1cb\u{2028}",
            "",
            "[section]\nkey=value",
        ] {
            let argv = vec!["sh".to_owned(), "-c".to_owned(), word.to_owned()];
            let (words, rendered) = words_from_file(&argv);
            assert_eq!(words.as_ref(), Some(&argv), "{}", rendered.text);
            assert!(rendered.lost.is_empty(), "{}", rendered.text);
        }
    }

    #[test]
    fn a_carriage_return_is_marked_and_adds_no_section() {
        let argv = vec!["echo".to_owned(), "x\r[program:evil]\rcommand=evil".to_owned()];
        let (words, rendered) = words_from_file(&argv);
        assert_ne!(words, Some(argv));
        assert!(rendered.text.contains(
            "\n; not reproducible from this file: command contains a carriage \
                 return\n"
        ));
    }

    #[test]
    fn a_users_command_line_keeps_its_words() {
        for command in [
            "nginx -g 'daemon off ;' # x ;y",
            "a\\ \n b",
            "a \\\n  ;b",
            "\"x ;\\\" ;\" ';'",
            "x\u{2028}\n\u{2028}y",
            "\"a \\\\ ;\"",
        ] {
            let entry = Entry {
                key: "command".to_owned(),
                value: command.to_owned(),
                origin: Origin::Variable("V".to_owned()),
            };
            let text = on_lines(&guard(command));
            let back = read_back("command", &text);
            assert!(same(&entry, &back), "{command:?} {text:?} {back:?}");
        }
    }

    #[test]
    fn a_value_that_a_file_cannot_contain_is_marked() {
        let mut sections = Sections::default();
        let origin = Origin::Variable("V".to_owned());
        let value = "admin ;x".to_owned();
        let entry = Entry { key: "password".to_owned(), value, origin: origin.clone() };
        sections.section_mut("inet_http_server", &origin).set(entry);
        let rendered = render("", &sections, |_| true, |_, _| None, false);
        assert_eq!(rendered.lost.len(), 1, "{}", rendered.text);
        assert!(rendered.text.ends_with("\n; password = admin ;x\n"), "{}", rendered.text);
    }

    proptest! {
        #[test]
        fn any_command_reads_back_from_a_generated_file(
            argv in prop::collection::vec("([a-z;#%'\"\\\\ \t\n=\\[\\]\\x0b\\x1c\u{85}\u{2028}]|[^\0\r])*", 1..4)
        ) {
            let (words, rendered) = words_from_file(&argv);
            prop_assert_eq!(words, Some(argv));
            prop_assert!(rendered.lost.is_empty());
        }

        #[test]
        fn quoting_changes_no_word(command in "[a;#'\"\\\\ \t\n\u{2028}]*") {
            let guarded = guard(&command).into_owned();
            prop_assert_eq!(shlex::split(&guarded), shlex::split(&command));
            if let Ok(words) = shlex::split(&command) {
                let read = read_back("command", &on_lines(&guarded)).unwrap();
                prop_assert_eq!(shlex::split(&read), Ok(words), "{:?}", guarded);
            }
        }
    }
}
