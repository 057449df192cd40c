//! `%(NAME)s` in values.
//!
//! supervisord hands a value and a dictionary to Python's
//! [`%` operator](https://docs.python.org/3/library/stdtypes.html#printf-style-string-formatting);
//! this is that operator for a dictionary of strings and whole numbers. `%%` is a
//! percent sign. A conversion without a name, which there prints the whole
//! environment, is an error here.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

use crate::error::in_short;
use crate::sources::Sources;
use supervisor_wire::python::{ascii, repr};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Text(String),
    Number(i64),
    /// An environment variable whose value can't be part of a text.
    NotUtf8,
}

/// The names that every value may use: `here`, `host_node_name` and `ENV_` with the
/// name of an environment variable. Most values use none, so nothing is prepared.
#[derive(Clone, Debug)]
pub(crate) struct Shared<'a> {
    sources: &'a Sources,
    here: &'a Path,
    /// Variables that programs get besides ours.
    added: BTreeMap<String, Meaning>,
}

impl<'a> Shared<'a> {
    /// The names that come with what was said in the directory `here`.
    pub(crate) const fn new(sources: &'a Sources, here: &'a Path) -> Self {
        Self { sources, here, added: BTreeMap::new() }
    }

    /// Adds an environment variable or gives it another value.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.added.insert(format!("ENV_{name}"), Meaning::Text(value.to_owned()));
    }

    fn meaning(&self, name: &str) -> Option<Meaning> {
        if let Some(added) = self.added.get(name) {
            return Some(added.clone());
        }
        match name {
            "here" => Some(Meaning::Text(self.here.to_string_lossy().into_owned())),
            "host_node_name" => Some(Meaning::Text(self.sources.hostname.clone())),
            _ => {
                let value = self.sources.variable(name.strip_prefix("ENV_")?)?;
                Some(value.to_str().map_or(Meaning::NotUtf8, |text| Meaning::Text(text.to_owned())))
            }
        }
    }

    fn list(&self) -> impl Iterator<Item = String> {
        let variables = self.sources.environment.iter();
        let variables = variables.map(|(name, _)| format!("ENV_{}", name.to_string_lossy()));
        let others = ["here", "host_node_name"].map(str::to_owned);
        variables.chain(others).chain(self.added.keys().cloned())
    }
}

/// The names that a value may use.
#[derive(Clone, Debug)]
pub(crate) struct Names<'a> {
    shared: Option<&'a Shared<'a>>,
    own: BTreeMap<String, Meaning>,
}

impl<'a> Names<'a> {
    /// The names that every value may use.
    pub(crate) const fn new(shared: &'a Shared<'a>) -> Self {
        Self { shared: Some(shared), own: BTreeMap::new() }
    }

    /// These names and no others.
    #[cfg(any(test, fuzzing))]
    pub(crate) const fn only(own: BTreeMap<String, Meaning>) -> Self {
        Self { shared: None, own }
    }

    /// Adds a name or gives it another meaning.
    pub(crate) fn set(&mut self, name: impl Into<String>, meaning: Meaning) {
        self.own.insert(name.into(), meaning);
    }

    /// These names and one more.
    pub(crate) fn with(mut self, name: &str, text: impl Into<String>) -> Self {
        self.set(name, Meaning::Text(text.into()));
        self
    }

    fn meaning(&self, name: &str) -> Option<Meaning> {
        self.own.get(name).cloned().or_else(|| self.shared?.meaning(name))
    }

    /// The value of an environment variable that programs get.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        match self.meaning(&format!("ENV_{name}"))? {
            Meaning::Text(text) => Some(text),
            Meaning::Number(_) | Meaning::NotUtf8 => None,
        }
    }

    /// All names, sorted, as supervisord lists them.
    fn list(&self) -> String {
        let shared = self.shared.into_iter().flat_map(Shared::list);
        let mut all: Vec<String> = self.own.keys().cloned().chain(shared).collect();
        all.sort_unstable();
        all.dedup();
        all.join(", ")
    }
}

/// `text` with every name replaced. `label` says whose value it is:
/// `program:app.command`. Fails with supervisord's message.
pub(crate) fn expand(text: &str, names: &Names<'_>, label: &str) -> Result<String, String> {
    expanded(text, names).map_err(|(fault, _)| match fault {
        Fault::Unknown(name) => format!(
            "Format string {} for {} contains names ({}) which cannot be expanded. Available names: {}",
            repr(&in_short(text)),
            repr(label),
            repr(&in_short(&name)),
            names.list()
        ),
        Fault::Malformed(why) | Fault::Unfit(why) => {
            let text = repr(&in_short(text));
            format!("Format string {text} for {} is badly formatted: {why}", repr(label))
        }
    })
}

/// As [`expand`], but the message tells nothing of `text`: only where in it the mistake is,
/// and a variable that isn't there. Other names may be what happens to stand in a password.
pub(crate) fn expand_secret(text: &str, names: &Names<'_>, label: &str) -> Result<String, String> {
    expanded(text, names).map_err(|(fault, index)| {
        let what = match fault {
            Fault::Unknown(name) if name.starts_with("ENV_") => {
                let name = repr(&in_short(&name));
                format!("contains a name ({name}) which cannot be expanded")
            }
            Fault::Unknown(_) => "contains a name which cannot be expanded".to_owned(),
            Fault::Malformed(_) => "is badly formatted".to_owned(),
            Fault::Unfit(why) => format!("is badly formatted: {why}"),
        };
        format!("The value of {} {what}, at index {index}", repr(label))
    })
}

/// If it can't be expanded, why, and at which character the conversion begins.
fn expanded(text: &str, names: &Names<'_>) -> Result<String, (Fault, usize)> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut expansion = Expansion { chars: text.chars().peekable(), position: 0, began: 0, names };
    expansion.run().map_err(|fault| (fault, expansion.began))
}

/// `text` written so that expanding it gives `text` back.
pub(crate) fn escape(text: &str) -> String {
    text.replace('%', "%%")
}

/// `text` with `%(here)s` replaced and everything else left to be expanded later.
/// A `%%(here)s` is a percent sign and the word, and stays.
pub(crate) fn pin_here(text: &str, here: &str) -> String {
    const HERE: &str = "%(here)s";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix(HERE) {
            out.push_str(&escape(here));
            rest = after;
        } else {
            let length = if rest.starts_with("%%") { 2 } else { 1 };
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    out.push_str(rest);
    out
}

enum Fault {
    Unknown(String),
    /// Why the text makes no sense; tells of what stands in it.
    Malformed(String),
    /// Why what it makes sense as won't do; tells nothing else of it.
    Unfit(String),
}

/// The number of characters that a width or precision may ask for; no real value
/// comes near, and a typing error must not ask for all the memory there is.
const WIDEST: usize = 4096;

/// No value that a program can be started with is longer, and a short text can ask for
/// a long one many times.
const LONGEST: usize = 16 * 1024 * 1024;

struct Expansion<'a> {
    chars: Peekable<Chars<'a>>,
    /// How many characters have been read.
    position: usize,
    /// How many had been before the last conversion.
    began: usize,
    names: &'a Names<'a>,
}

#[derive(Default)]
struct Format {
    left: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

impl Expansion<'_> {
    fn run(&mut self) -> Result<String, Fault> {
        let mut out = String::new();
        while let Some(c) = self.next() {
            if c == '%' {
                self.began = self.position - 1;
            }
            if c != '%' {
                out.push(c);
            } else if self.skip('%') {
                out.push('%');
            } else {
                out.push_str(&self.conversion()?);
            }
            if out.len() > LONGEST {
                return Err(Fault::Unfit(format!(
                    "the result is longer than {} MB",
                    LONGEST >> 20
                )));
            }
        }
        Ok(out)
    }

    /// One conversion, from behind its percent sign.
    fn conversion(&mut self) -> Result<String, Fault> {
        let name = if self.skip('(') { Some(self.name()?) } else { None };
        let meaning = match &name {
            Some(name) => {
                Some(self.names.meaning(name).ok_or_else(|| Fault::Unknown(name.clone()))?)
            }
            None => None,
        };
        let format = self.format()?;
        if self.chars.peek().is_some_and(|c| matches!(c, 'h' | 'l' | 'L')) {
            self.next();
        }
        let Some(conversion) = self.next() else {
            return Err(malformed("incomplete format"));
        };
        let place = self.position - 1;
        if !"diouxXeEfFgGcrsa".contains(conversion) {
            return Err(unsupported(conversion, place));
        }
        let (Some(name), Some(meaning)) = (name, meaning) else {
            return Err(malformed("not enough arguments for format string"));
        };
        match meaning {
            Meaning::Text(text) => text_as(&text, conversion, &format),
            Meaning::Number(number) => number_as(number, conversion, place, &format),
            Meaning::NotUtf8 => {
                Err(Fault::Unfit(format!("the value of {} is not UTF-8", repr(&name))))
            }
        }
    }

    /// The name, up to the bracket that closes it; inner brackets come in pairs.
    fn name(&mut self) -> Result<String, Fault> {
        let mut depth = 1;
        let mut name = String::new();
        while let Some(c) = self.next() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(name);
            }
            name.push(c);
        }
        Err(malformed("incomplete format key"))
    }

    fn format(&mut self) -> Result<Format, Fault> {
        let mut format = Format::default();
        while let Some(flag) = self.chars.peek().copied() {
            match flag {
                '-' => format.left = true,
                '+' => format.plus = true,
                ' ' => format.blank = true,
                '#' => format.alternate = true,
                '0' => format.zero = true,
                _ => break,
            }
            self.next();
        }
        format.width = self.number("width too big")?.unwrap_or(0);
        if self.skip('.') {
            format.precision = Some(self.number("precision too big")?.unwrap_or(0));
        }
        Ok(format)
    }

    fn number(&mut self, too_big: &str) -> Result<Option<usize>, Fault> {
        if self.skip('*') {
            return Err(malformed("* wants int"));
        }
        let mut number = None;
        while let Some(digit) = self.chars.peek().and_then(|c| c.to_digit(10)) {
            let digit = usize::try_from(digit).unwrap_or(0);
            let next = number.unwrap_or(0_usize) * 10 + digit;
            if next > WIDEST {
                return Err(malformed(too_big));
            }
            number = Some(next);
            self.next();
        }
        Ok(number)
    }

    fn skip(&mut self, wanted: char) -> bool {
        let found = self.chars.peek() == Some(&wanted);
        if found {
            self.next();
        }
        found
    }

    fn next(&mut self) -> Option<char> {
        let next = self.chars.next()?;
        self.position += 1;
        Some(next)
    }
}

fn text_as(text: &str, conversion: char, format: &Format) -> Result<String, Fault> {
    let whole = match conversion {
        's' => text.to_owned(),
        'r' => repr(text),
        'a' => ascii(text),
        'c' if text.chars().count() == 1 => return Ok(padded(text.to_owned(), format)),
        'c' => return Err(malformed("%c requires int or char")),
        'o' | 'x' | 'X' => {
            return Err(Fault::Malformed(format!(
                "%{conversion} format: an integer is required, not str"
            )));
        }
        'd' | 'i' | 'u' => {
            return Err(Fault::Malformed(format!(
                "%{conversion} format: a real number is required, not str"
            )));
        }
        _ => return Err(malformed("must be real number, not str")),
    };
    let limit = format.precision.unwrap_or(usize::MAX);
    Ok(padded(whole.chars().take(limit).collect(), format))
}

fn number_as(n: i64, conversion: char, position: usize, format: &Format) -> Result<String, Fault> {
    let size = n.unsigned_abs();
    let (prefix, digits) = match conversion {
        'd' | 'i' | 'u' => ("", size.to_string()),
        'o' => ("0o", format!("{size:o}")),
        'x' => ("0x", format!("{size:x}")),
        'X' => ("0X", format!("{size:X}")),
        's' | 'r' | 'a' => return text_as(&n.to_string(), 's', format),
        'c' => {
            let c = u32::try_from(n).ok().and_then(char::from_u32);
            let c = c.ok_or_else(|| malformed("%c arg not in range(0x110000)"))?;
            return Ok(padded(c.to_string(), format));
        }
        // The numbers here count processes: nobody prints them as fractions.
        _ => return Err(unsupported(conversion, position)),
    };
    let sign = match (n < 0, format.plus, format.blank) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    };
    let prefix = if format.alternate { prefix } else { "" };
    let front = sign.len() + prefix.len();
    let fill = if format.zero && !format.left { format.width.saturating_sub(front) } else { 0 };
    let zeros = format.precision.unwrap_or(0).max(fill);
    Ok(padded(format!("{sign}{prefix}{digits:0>zeros$}"), format))
}

fn padded(text: String, format: &Format) -> String {
    let width = format.width;
    if format.left { format!("{text:<width$}") } else { format!("{text:>width$}") }
}

fn malformed(why: &str) -> Fault {
    Fault::Malformed(why.to_owned())
}

fn unsupported(c: char, position: usize) -> Fault {
    let shown = if c.is_ascii() { c } else { '?' };
    let code = u32::from(c);
    Fault::Malformed(format!(
        "unsupported format character '{shown}' (0x{code:x}) at index {position}"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let names = BTreeMap::from([
            ("a".to_owned(), Meaning::Text("x".to_owned())),
            ("n".to_owned(), Meaning::Number(5)),
            ("bytes".to_owned(), Meaning::NotUtf8),
        ]);
        expand(text, &Names::only(names), "program:p.k")
    }

    #[test]
    fn formats_are_pythons() {
        for (text, result) in [
            ("100%%", "100%"),
            ("%(a)s%(n)02d", "x05"),
            ("%(a)5s|%(a)-5s|", "    x|x    |"),
            ("%(n)+d%%", "+5%"),
            ("%(n)#x %(n).3d %(n)-05d|", "0x5 005 5    |"),
            ("%(n)08.3d", "00000005"),
            ("%(a)hs %(a)r %(a)05s", "x 'x'     x"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(result), "{text}");
        }
    }

    #[test]
    fn faults_carry_pythons_words() {
        for (text, words) in [
            ("%", "incomplete format"),
            ("%(a", "incomplete format key"),
            ("%(a)d", "%d format: a real number is required, not str"),
            ("100%y", "unsupported format character 'y' (0x79) at index 4"),
            ("é%(a)y", "unsupported format character 'y' (0x79) at index 5"),
            ("%(a)*d", "* wants int"),
            ("%(a)99999999999s", "width too big"),
            ("%(bytes)s", "the value of 'bytes' is not UTF-8"),
        ] {
            let whole = format!(
                "Format string {} for 'program:p.k' is badly formatted: {words}",
                repr(text)
            );
            assert_eq!(expanded(text), Err(whole));
        }
        assert_eq!(
            expanded("%(b)s").unwrap_err(),
            "Format string '%(b)s' for 'program:p.k' contains names ('b') which cannot be expanded. \
             Available names: a, bytes, n"
        );
    }

    #[test]
    fn of_a_secret_only_the_place_of_the_mistake_is_told() {
        let names = Names::only(BTreeMap::from([("ENV_X".to_owned(), Meaning::NotUtf8)]));
        let label = "inet_http_server.password";
        for (text, what) in [
            ("p4ss%word", "is badly formatted, at index 4"),
            ("%%p4ss%", "is badly formatted, at index 6"),
            ("p4%(word)s", "contains a name which cannot be expanded, at index 2"),
            ("p4%(ENV_W)s", "contains a name ('ENV_W') which cannot be expanded, at index 2"),
            ("%(ENV_X)s", "is badly formatted: the value of 'ENV_X' is not UTF-8, at index 0"),
        ] {
            let why = format!("The value of 'inet_http_server.password' {what}");
            assert_eq!(expand_secret(text, &names, label), Err(why));
        }
        assert_eq!(expand_secret("100%%", &names, label).as_deref(), Ok("100%"));
    }

    #[test]
    fn a_conversion_without_a_name_never_prints_the_environment() {
        for text in ["date +%s", "%d", "50% done", "%5s", "%c"] {
            assert!(
                expanded(text).unwrap_err().ends_with("not enough arguments for format string")
            );
        }
    }

    #[test]
    fn here_is_pinned_and_a_doubled_percent_sign_protects_it() {
        assert_eq!(pin_here("%(here)s/a %%(here)s %(x)s %", "/d%"), "/d%%/a %%(here)s %(x)s %");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(%|\\(|\\)|[a-zA-Z0-9.*+# -]|\\PC)*") {
            let _ = expanded(&text);
        }

        #[test]
        fn escaped_text_comes_back(text: String) {
            prop_assert_eq!(expanded(&escape(&text)), Ok(text));
        }
    }
}
