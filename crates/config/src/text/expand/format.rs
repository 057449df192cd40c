//! Python's `%` operator.

use std::iter::Peekable;
use std::str::Chars;

use supervisor_wire::supervisord::python::{ascii, repr};

use super::names::{Meaning, Names};

pub(super) enum Fault {
    Unknown(String),
    /// The text is malformed. The explanation repeats a part of it.
    Malformed(String),
    /// A value cannot be used. The explanation repeats nothing of the text.
    Unfit(String),
}

/// Maximum width or precision. No real value comes close, and a typing error must not use all
/// memory.
const WIDEST: usize = 4096;

/// Maximum length of the result. No program can be started with a longer value, and a short text
/// can repeat a long value many times.
const LONGEST: usize = 16 * 1024 * 1024;

pub(super) struct Expansion<'a> {
    chars: Peekable<Chars<'a>>,
    /// Number of characters that have been read.
    position: usize,
    /// Position of the current conversion.
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

impl<'a> Expansion<'a> {
    pub(super) fn new(text: &'a str, names: &'a Names<'a>) -> Self {
        Self { chars: text.chars().peekable(), position: 0, began: 0, names }
    }

    /// Expands the text. The error has the reason and the position of the conversion.
    pub(super) fn run(mut self) -> Result<String, (Fault, usize)> {
        self.expand().map_err(|fault| (fault, self.began))
    }

    fn expand(&mut self) -> Result<String, Fault> {
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

    /// One conversion, after its percent sign.
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

    /// The name up to the closing bracket. Inner brackets must be balanced.
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
        // The numbers are counts of processes, so no format for fractions is needed.
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
