//! Compares the parsers with supervisord's.
//!
//! `SUPERVISOR_PYTHON` names a Python with supervisor 4.3.0. Without it, these tests are skipped,
//! or fail if `REQUIRE_PYTHON` is `1`. The generated values avoid intended differences; the
//! comments name them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::error::Report;
use crate::sources::Context;
use crate::testing::{FakeHost, sources};
use crate::text::expand::{Meaning, Names, expand};
use crate::text::ini::Sections;
use crate::values::{self};
use supervisor_core::signal::Signal;
use supervisor_wire::supervisord::python;

use crate::text::environment;
use crate::text::shlex;

const QUESTIONS: usize = 3000;

/// Compares the results for values that match `pattern`.
fn compare(mode: &str, pattern: &'static str, ours: impl Fn(&str) -> String) {
    let Some(python) = python() else { return };
    let mut runner = TestRunner::deterministic();
    let questions: Vec<String> =
        (0..QUESTIONS).map(|_| pattern.new_tree(&mut runner).unwrap().current()).collect();
    let answers = ask(&python, mode, &questions);
    assert_eq!(answers.len(), questions.len());
    for (question, answer) in questions.iter().zip(answers) {
        assert_eq!(ours(question), answer, "asked {question:?}");
    }
}

fn python() -> Option<OsString> {
    let python = std::env::var_os("SUPERVISOR_PYTHON").filter(|python| !python.is_empty());
    if python.is_none() {
        let required = std::env::var_os("REQUIRE_PYTHON").is_some_and(|value| value == "1");
        assert!(!required, "REQUIRE_PYTHON=1, but SUPERVISOR_PYTHON names no Python");
        println!("skipped: SUPERVISOR_PYTHON names no Python with supervisor 4.3.0");
    }
    python
}

fn ask(python: &OsString, mode: &str, questions: &[String]) -> Vec<String> {
    let path = std::env::temp_dir().join(format!("compare-{mode}-{}", std::process::id()));
    let mut file = std::fs::File::create_new(&path).unwrap();
    for question in questions {
        let hex: String = question.bytes().map(|byte| format!("{byte:02x}")).collect();
        writeln!(file, "{hex}").unwrap();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/compare.py");
    let input = Stdio::from(std::fs::File::open(&path).unwrap());
    let output = Command::new(python).arg(script).arg(mode).stdin(input).output().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).unwrap().lines().map(from_hex).collect()
}

fn from_hex(line: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
    String::from_utf8((0..line.len()).step_by(2).map(byte).collect()).unwrap()
}

fn read_ini(text: &str) -> String {
    let (mut sections, mut report) = (Sections::default(), Report::default());
    sections.read(Path::new("x"), text.as_bytes(), &mut report);
    if !report.is_clean() {
        return "!".to_owned();
    }
    let mut lines = Vec::new();
    for section in &sections.all {
        for entry in &section.entries {
            lines.push(format!("{}\0{}\0{}", section.name, entry.key, entry.value));
        }
    }
    lines.join("\x01")
}

fn checked<T: ToString>(result: Result<T, String>) -> String {
    match result {
        Ok(value) => format!("={}", value.to_string()),
        // The text of Python's runtime is replaced, because it is no message for users.
        Err(why) => {
            let python = "invalid literal for int() with base 10: ";
            format!("!{}", why.replace("not a whole number: ", python))
        }
    }
}

/// Uses one comment sign at a time: with both, supervisord may cut at the later one.
#[test]
fn ini_files_are_read_as_supervisord_reads_them() {
    compare(
        "ini",
        "(\\[[ab]\\]|k=|[klKÉ:;=]|v| |  |\n|\n |\n\t|\r\n?|\\x1c|\u{85}|\u{a0}|;x| ;|\\]){0,24}",
        read_ini,
    );
    compare(
        "ini",
        "\\[s\\]\n(k = v|[a-c]=|#|x#| # |\n|\n  |\n\t#|\\[t\\]\n|\u{2028}| ){0,24}",
        read_ini,
    );
}

#[test]
fn words_are_split_as_supervisord_splits_them() {
    compare("words", "([ab'\"\\\\ \t\n\r#]|\u{a0}|\\x0b|é){0,16}", |text| {
        match shlex::split(text) {
            Ok(words) => words.iter().map(|w| format!("w{w}")).collect::<Vec<_>>().join("\x01"),
            Err(why) => format!("!{why}"),
        }
    });
}

/// Uses no conversions without a name, because they are all the same error here.
#[test]
fn names_are_expanded_as_supervisord_expands_them() {
    let names = Names::only(BTreeMap::from([
        ("a".to_owned(), Meaning::Text("x".to_owned())),
        ("n".to_owned(), Meaning::Number(5)),
        ("ENV_LONG".to_owned(), Meaning::Text("it's ü".to_owned())),
    ]));
    let pattern = "(%%|%\\((a|n|ENV_LONG|b|a\\(\\))\\)[-+ #0]{0,2}[0-9]{0,1}(\\.[0-9])?[hl]?[sdiuxXorac%y]|[xyé ]|%\\(|%\\(a\\)){0,5}";
    compare("format", pattern, |text| checked(expand(text, &names, "program:p.k")));
}

/// Uses ASCII only: supervisord 4.4 does not accept some other letters in words.
#[test]
fn environments_are_read_as_supervisord_reads_them() {
    compare("pairs", "([AB]=|[ab]|['\"\\\\ \n#@$*]|,B=\"x y\"|/\\.\\+-\\(\\):){0,12}", |text| {
        match environment::parse(text) {
            Ok(pairs) => {
                pairs.iter().map(|(k, v)| format!("{k}\0{v}")).collect::<Vec<_>>().join("\x01")
            }
            Err(why) if why.starts_with("Unexpected") => "!".to_owned(),
            Err(why) => format!("!{why}"),
        }
    });
}

#[test]
fn texts_are_quoted_as_supervisord_quotes_them() {
    compare(
        "repr",
        "([a'\"\\\\\n\t\r]|[\\x00-\\xff]|é|\u{301}|\u{2028}|\u{1f600}|\u{200b}){0,8}",
        python::repr,
    );
}

#[test]
fn numbers_are_read_as_supervisord_reads_them() {
    compare("int", "[ \n]?[-+_]?[0-9_x. ]{0,6}", |text| checked(python::int(text)));
    compare("octal", "[-+]?(0o|0)?[0-9_x]{0,4}", |text| {
        let context = (sources(&[]), FakeHost::default());
        let context = Context { sources: &context.0, host: &context.1 };
        // A negative mask is an error here.
        match (values::OCTAL.parse)(text, &context) {
            Err(_) if text.starts_with('-') => checked(
                python::octal(text)
                    .ok_or_else(|| format!("{text} can not be converted to an octal type")),
            ),
            result => checked(result),
        }
    });
}

#[test]
fn values_are_checked_as_supervisord_checks_them() {
    let (sources, host) = (sources(&[]), FakeHost::default());
    let context = Context { sources: &sources, host: &host };
    compare("bytes", "[-0-9_]{0,3} ?(kb|KB|Mb|GB|k|TB|)", |text| {
        checked((values::BYTE_SIZE.parse)(text, &context))
    });
    compare("bool", "(yes|TRUE|On|1|no|falsE|off|0| |x|){0,2}", |text| {
        let value = (values::BOOLEAN.parse)(text, &context);
        checked(value.map(|value| if value { "True" } else { "False" }))
    });
    compare(
        "signal",
        "( |SIG|sig|)(TERM|hup|CLD|IOT|POLL|RTMIN|RTMAX|[0-9]{1,2}|-1|nope|)( |)",
        |text| match (values::SIGNAL.parse)(text, &context).map(Signal::number) {
            // Python knows signals by name, and 35 to 63 have none.
            Ok(35..=63) => format!("!value {} is not a valid signal number", python::repr(text)),
            read => checked(read),
        },
    );
    compare("exitcodes", "[-0-9, x]{0,7}", |text| {
        checked((values::EXIT_CODES.parse)(text, &context).map(|codes| format!("{codes:?}")))
    });
    compare("name", "[a-c :/\t.é]{0,4}", |text| checked(values::name(text)));
    compare("port", "(\\*|[A-Z]|localhost|)(:|)[-0-9 ]{0,6}", |text| {
        checked((values::PORT.parse)(text, &context).map(|address| {
            let host = address.host.unwrap_or_default();
            format!("({}, {})", python::repr(&host), address.port)
        }))
    });
}
