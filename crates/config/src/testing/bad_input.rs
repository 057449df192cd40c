//! Properties for any input, however invalid: nothing panics, everything terminates, and each error
//! names its place. The property tests below and the fuzz targets in `fuzz/` check them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Config;
use crate::error::{Report, in_short};
use crate::flags::Flags;
use crate::modes::file::file_mode;
use crate::sources::Context;
use crate::testing::{FakeHost, sources};
use crate::text::environment;
use crate::text::expand::{Meaning, Names, expand, pin_here};
use crate::text::ini::{Origin, Sections};
use crate::values::{self};
use supervisor_wire::supervisord::python::repr;

const FILE: &str = "/srv/t.conf";

/// The spec of a configuration file, for targets that need one.
///
/// # Panics
///
/// If the file has errors.
#[cfg(fuzzing)]
pub fn spec(bytes: &[u8]) -> supervisor_core::spec::Spec {
    configuration(bytes).unwrap().spec
}

/// A configuration file. Each error names the file, and the line, section and option if it is about
/// one. An accepted file has an effective configuration.
pub fn ini(bytes: &[u8]) {
    match configuration(bytes) {
        Ok(config) => drop(config.effective()),
        Err(messages) => {
            let places = places(bytes);
            for message in messages {
                assert!(names_its_place(&message, &places), "{message}");
            }
        }
    }
}

/// A value with names. The result has a limited length, and an escaped value expands to itself.
pub fn expansion(text: &str) {
    let names = BTreeMap::from([
        ("a".to_owned(), Meaning::Text("x".repeat(1000))),
        ("n".to_owned(), Meaning::Number(-5)),
        ("bytes".to_owned(), Meaning::NotUtf8),
    ]);
    let label = "program:p.k";
    let names = Names::only(names);
    if let Err(why) = expand(text, &names, label) {
        assert!(why.contains(&repr(&in_short(text))) && why.contains(label), "{why}");
    }
    let _ = pin_here(text, "/%");
    assert_eq!(expand(&crate::text::expand::escape(text), &names, label).as_deref(), Ok(text));
}

/// An `environment=` list. Names are not empty and occur once.
pub fn variables(text: &str) {
    let Ok(pairs) = environment::parse(text) else { return };
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.iter().all(|name| !name.is_empty() && !name.contains('=')), "{pairs:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), pairs.len(), "{pairs:?}");
}

/// A value of each complex type. The meaning of an accepted value is itself accepted; an error
/// quotes the value.
pub fn value(text: &str) {
    let (sources, host) = (sources(&[]), FakeHost::default());
    let context = Context { sources: &sources, host: &host };
    match (values::SIGNAL.parse)(text, &context) {
        Ok(signal) => {
            let number = signal.number().to_string();
            assert_eq!((values::SIGNAL.parse)(&number, &context), Ok(signal));
        }
        Err(why) => assert!(why.contains(&repr(text)), "{why}"),
    }
    match (values::EXIT_CODES.parse)(text, &context) {
        Ok(codes) => {
            let list: Vec<String> = codes.iter().map(u8::to_string).collect();
            assert_eq!((values::EXIT_CODES.parse)(&list.join(","), &context), Ok(codes));
        }
        Err(why) => assert!(why.contains(&repr(text)), "{why}"),
    }
    let _ = (values::BYTE_SIZE.parse)(text, &context);
    let _ = (values::PORT.parse)(text, &context);
    let _ = (values::FCGI_SOCKET.parse)(text, &context);
    let _ = (values::CHOWN.parse)(text, &context);
    let _ = (values::NORMAL_PATH.parse)(text, &context);
    let _ = (values::LOG_TARGET.parse)(text, &context);
    let _ = crate::text::shlex::split(text);
}

/// The configuration of a file, or its errors.
fn configuration(bytes: &[u8]) -> Result<Config, Vec<String>> {
    let host = FakeHost(BTreeMap::from([(FILE.into(), bytes.to_vec())]));
    let flags = Flags { configuration: Some(FILE.into()), ..Flags::default() };
    let sources = sources(&[("HOME", "/home/me")]);
    file_mode(&flags, Path::new("/usr/bin/supervisord"), &sources, &host)
        .map_err(|errors| errors.messages().map(str::to_owned).collect())
}

/// The section and the option that a message about a line must name.
type Mentioned = (Option<String>, Option<String>);

/// The sections and options of a file by line.
fn places(bytes: &[u8]) -> BTreeMap<usize, Mentioned> {
    let (mut sections, mut report) = (Sections::default(), Report::default());
    sections.read(Path::new(FILE), bytes, &mut report);
    let line = |origin: &Origin| match origin {
        Origin::File { line, .. } => *line,
        Origin::BuiltIn | Origin::Variable(_) | Origin::Flag(_) => 0,
    };
    let mut places = BTreeMap::new();
    for section in &sections.all {
        let name = Some(section.name.clone());
        places.insert(line(&section.origin), (name.clone(), None));
        for entry in &section.entries {
            places.insert(line(&entry.origin), (name.clone(), Some(entry.key.clone())));
        }
    }
    // A default may be an error in any section.
    for entry in &sections.defaults {
        places.insert(line(&entry.origin), (None, Some(entry.key.clone())));
    }
    places
}

fn names_its_place(message: &str, places: &BTreeMap<usize, Mentioned>) -> bool {
    let Some(rest) = message.strip_prefix(FILE).and_then(|rest| rest.strip_prefix(':')) else {
        // Two kinds of errors are about the whole file.
        return message.contains("does not include supervisord section")
            || message.starts_with("only the first");
    };
    let Some((line, rest)) = rest.split_once(": ") else { return false };
    let Ok(line) = line.parse() else { return false };
    let (section, key) = places.get(&line).cloned().unwrap_or_default();
    section.is_none_or(|name| rest.contains(&printed(&name)))
        && key.is_none_or(|key| rest.contains(&printed(&key)))
}

/// A name as messages print it, without quotes.
fn printed(name: &str) -> String {
    let name = repr(name);
    name[1..name.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::options::{KINDS, Setting};

    /// Values that are valid for some options and invalid for most.
    const VALUES: &[&str] = &[
        "",
        "0",
        "-1",
        "1",
        "true",
        "maybe",
        "99999999999999999999",
        "256",
        "0,2",
        "0,,2",
        "1,x",
        "TERM",
        "SIGFOO",
        "33",
        "-9",
        "cat",
        "a 'b",
        "%(here)s",
        "%(x)s",
        "%",
        "%(here",
        "%(n)d",
        "A=1",
        "A=\"1\",B='2",
        "A",
        "=",
        "A=1 B=2",
        "/nowhere/x",
        "/",
        "nobody",
        "me",
        "7777",
        "o7",
        "*:80",
        ":0",
        "unix:///x",
        "tcp://h",
        "\u{0}",
        "a\u{0}b",
        "über",
        "10MB",
        "MB",
        "AUTO",
        "syslog",
        "a,b",
        "a:b",
        "x y",
        "process_name",
        "%(program_name)s%(process_num)d",
    ];

    fn sections() -> Vec<String> {
        let names = KINDS.iter().map(|(name, _)| *name);
        let labels = ["", "a", "b", "a b", "\u{0}", "x:y", "%(here)s"];
        let labelled = names.flat_map(|name| labels.map(|label| format!("{name}{label}")));
        labelled.chain(["DEFAULT", "nonsense"].map(str::to_owned)).collect()
    }

    fn keys() -> Vec<&'static str> {
        let kinds = KINDS.iter().map(|(_, kind)| *kind);
        let keys = kinds.flat_map(|kind| kind.settings().map(|setting| Setting::def(setting).key));
        keys.chain(["nonsense"]).collect()
    }

    proptest! {
        #[test]
        fn no_bytes_in_a_configuration_cause_a_panic(bytes: Vec<u8>) {
            ini(&bytes);
        }

        #[test]
        fn no_lines_of_a_configuration_cause_a_panic(
            text in "(\\[(supervisord|program:a|include|DEFAULT|\\PC)?\\]?|command|=|:|%|\\(|[a-z0;#' \"\n\r\t\u{0}]|\\PC)*",
        ) {
            ini(text.as_bytes());
        }

        #[test]
        fn every_error_names_file_line_section_and_option(
            parts in proptest::collection::vec(
                (select(sections()), proptest::collection::vec((select(keys()), select(VALUES)), 0..12)),
                0..6,
            ),
        ) {
            let mut text = "[supervisord]\n[program:a]\ncommand=cat\n".to_owned();
            for (section, options) in parts {
                text.push_str(&format!("[{section}]\n"));
                for (key, value) in options {
                    text.push_str(&format!("{key}={value}\n"));
                }
            }
            ini(text.as_bytes());
        }

        #[test]
        fn every_invalid_value_is_reported_with_its_option(kind in select(&KINDS), value in select(VALUES)) {
            for setting in kind.1.settings() {
                let key = setting.def().key;
                let name = kind.0.trim_end_matches(':');
                let label = if kind.0.ends_with(':') { ":z" } else { "" };
                ini(format!("[supervisord]\n[{name}{label}]\n{key}={value}\n").as_bytes());
            }
        }

        #[test]
        fn no_text_causes_a_panic_in_an_expansion(
            text in "(%|\\(|\\)|a|n|bytes|[0-9.*+#diouxXeEfFgGcrsa -]|\\PC)*",
        ) {
            expansion(&text);
        }

        #[test]
        fn no_text_causes_a_panic_in_a_list_of_variables(text in "([A-C=,'\"\\\\# \n]|\\PC)*") {
            variables(&text);
        }

        #[test]
        fn no_text_causes_a_panic_in_a_value(
            text in "((SIG)?(RTMIN|RTMAX|TERM|term|KILL)?|[-+_,0-9 ]|[kKmMgG][bB]|:|/|unix://|tcp://|~|'|\"|\\\\|\\PC)*",
        ) {
            value(&text);
        }

        #[test]
        fn lists_of_exit_codes_read_back_the_same(codes: Vec<u8>, blank in "[ \t]?") {
            let list: Vec<String> = codes.iter().map(|code| format!("{blank}{code}{blank}")).collect();
            let (sources, host) = (sources(&[]), FakeHost::default());
            let context = Context { sources: &sources, host: &host };
            prop_assert_eq!((values::EXIT_CODES.parse)(&list.join(","), &context), Ok(codes));
        }
    }

    const MANY: usize = 50_000;

    /// The test fails after this time. Comparing each value with all others would take minutes.
    const PATIENCE: Duration = Duration::from_secs(100);

    #[test]
    fn large_inputs_are_read_within_seconds() {
        let (done, ended) = channel();
        std::thread::spawn(move || {
            much_of_anything();
            done.send(()).unwrap();
        });
        assert_eq!(ended.recv_timeout(PATIENCE), Ok(()));
    }

    fn much_of_anything() {
        let lines = |line: &dyn Fn(usize) -> String| (0..MANY).map(line).collect::<String>();
        for text in [
            lines(&|n| format!("[section{n}]\n")),
            format!("[supervisord]\n{}", lines(&|n| format!("option{n}=x\n"))),
            format!("[DEFAULT]\n{}", lines(&|n| format!("option{n}=x\n"))),
            format!("[supervisord]\n{}", lines(&|n| format!("mistake{n}\n"))),
            format!("[supervisord]\n{}=x\n", "key".repeat(MANY)),
            format!("[supervisord]\nidentifier={}\n", "%(here)s".repeat(MANY)),
            format!(
                "[supervisord]\nenvironment={}\n",
                lines(&|n| format!("V{n}=x,")).replace('\n', "")
            ),
            format!("[supervisord]\nidentifier=x\n{}", " y\n".repeat(MANY)),
            format!(
                "[supervisord]\n[group:x]\nprograms={}",
                lines(&|n| format!("p{n},")).replace('\n', "")
            ),
        ] {
            ini(text.as_bytes());
        }
        expansion(&"%(a)4096s".repeat(MANY));
        expansion(&"(".repeat(MANY));
        value(&"9".repeat(MANY));
    }
}
