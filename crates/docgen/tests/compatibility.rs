//! COMPATIBILITY.md has a row for each option and flag, and what its rows name is there.

#![allow(clippy::unwrap_used, reason = "a document that can't be read is a failed test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use supervisor_config::tables::ToolOption;
use supervisor_config::{CTL_COMMANDS, tool};
use supervisor_core::event::EventType;
use supervisor_docgen::reference;

/// With which words a row may begin to judge.
const VERDICTS: [&str; 3] = ["same", "better", "refused"];

/// The heads of the tables whose rows are judged: their last two columns.
const JUDGED: &str = " | ours | shown by |";

/// A row of a judged table.
#[derive(Debug)]
struct JudgedRow {
    /// The section of the document: `[program:NAME]`, or the words of its heading.
    heading: String,
    what: String,
    verdict: String,
    shown_by: Vec<String>,
}

#[test]
fn each_option_has_a_row_in_compatibility() {
    let rows = rows(&compatibility());
    let has = |heading: &str, key: &str| {
        rows.iter().any(|row| row.heading == heading && row.what == format!("`{key}`"))
    };
    let has_row = |section: &str, key: &str| {
        let shared = section.starts_with("[eventlistener") || section.starts_with("[fcgi");
        has(section, key) || shared && has("[program:NAME]", key)
    };
    let mut options = options();
    assert!(options.contains(&("[program:NAME]".to_owned(), "startsecs".to_owned())));
    options.retain(|(section, key)| !has_row(section, key));
    assert!(options.is_empty(), "no row: {options:#?}");
}

#[test]
fn each_flag_has_a_row_in_compatibility() {
    let rows = rows(&compatibility());
    let written = |option: &ToolOption| {
        let short = option.short.map_or_else(String::new, |short| format!("-{short}/"));
        format!("{short}--{}", option.long)
    };
    let flags: Vec<String> = tool("supervisord").options.iter().map(written).collect();
    assert!(flags.iter().any(|flag| flag == "-n/--nodaemon"), "{flags:?}");
    for flag in flags {
        assert!(rows.iter().any(|row| row.what == format!("`{flag}`")), "no row: {flag}");
    }
}

#[test]
fn each_event_and_command_of_supervisorctl_has_a_row_in_compatibility() {
    let rows = rows(&compatibility());
    let has = |heading: &str, what: &str| {
        rows.iter().any(|row| row.heading == heading && row.what == format!("`{what}`"))
    };
    let events = EventType::names().filter(|name| !has("Events", name));
    assert_eq!(events.collect::<Vec<_>>(), [""; 0], "no row");
    let commands = CTL_COMMANDS.iter().map(|command| command.name);
    let commands = commands.filter(|name| !has("supervisorctl", name));
    assert_eq!(commands.collect::<Vec<_>>(), [""; 0], "no row");
}

#[test]
fn each_row_has_a_verdict_and_existing_evidence() {
    let there = Evidence::read();
    let rows = rows(&compatibility());
    let mut wrong = Vec::new();
    for row in &rows {
        if !VERDICTS.iter().any(|verdict| row.verdict.starts_with(verdict)) {
            wrong.push(format!("{}: {:?} is no verdict", row.what, row.verdict));
        }
        if row.shown_by.is_empty() {
            wrong.push(format!("{}: nothing shows it", row.what));
        }
        let missing = row.shown_by.iter().filter(|name| !there.has(name));
        wrong.extend(missing.map(|name| format!("{}: there is no {name}", row.what)));
    }
    assert!(rows.len() > 100 && wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn missing_evidence_is_noticed() {
    let there = Evidence::read();
    assert!(there.has("rotation.conf") && there.has("bad: umask in decimals"));
    assert!(there.has("missing_evidence_is_noticed") && there.has("story: a-crash-loop-gives-up"));
    for name in ["rotations.conf", "bad: umask", "rotation", "read", "story: runs", ""] {
        assert!(!there.has(name), "{name}");
    }
}

fn compatibility() -> String {
    std::fs::read_to_string(document("COMPATIBILITY.md")).unwrap()
}

fn document(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Sections and keys of the reference.
fn options() -> Vec<(String, String)> {
    let (mut section, mut options) = ("", Vec::new());
    let text = reference();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            // One is no section: what stands there stands at its section again.
            section = heading.strip_prefix('`').unwrap_or_default().trim_end_matches('`');
        }
        let key = line.strip_prefix("| `").and_then(|line| line.split('`').next());
        if let Some(key) = key.filter(|_| !section.is_empty()) {
            options.push((section.to_owned(), key.to_owned()));
        }
    }
    options
}

/// The rows of all judged tables.
fn rows(text: &str) -> Vec<JudgedRow> {
    let (mut heading, mut judged, mut rows) = (String::new(), false, Vec::new());
    for line in text.lines() {
        if line.starts_with('#') {
            heading = line.trim_start_matches(['#', ' ', '`']).trim_end_matches('`').to_owned();
        }
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        match cells[..] {
            _ if !line.starts_with('|') => judged = false,
            _ if line.ends_with(JUDGED) => judged = true,
            [what, verdict, shown_by] if judged => rows.push(JudgedRow {
                heading: heading.clone(),
                what: what.to_owned(),
                verdict: verdict.to_owned(),
                shown_by: quoted(shown_by),
            }),
            _ => assert!(!judged || line.starts_with("|---"), "a row without three cells: {line}"),
        }
    }
    rows
}

/// What stands in backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// All that can show something.
struct Evidence(BTreeSet<String>);

impl Evidence {
    fn read() -> Self {
        let mut names = BTreeSet::new();
        let compare = document("crates/standard-supervisor/tests/compare");
        for folder in ["configs", "shapes"] {
            each_file(&compare.join(folder), "conf", &mut |path, _| {
                names.insert(path.file_name().unwrap().to_string_lossy().into_owned());
            });
        }
        each_file(&compare.join("configs/bad"), "conf", &mut |_, text| {
            let cases = text.lines().filter_map(|line| line.strip_prefix(";;; "));
            names.extend(cases.map(|case| format!("bad: {case}")));
        });
        each_file(&document("crates/core/tests/stories"), "txt", &mut |path, _| {
            names.insert(format!("story: {}", path.file_stem().unwrap().to_string_lossy()));
        });
        each_file(&document("crates"), "rs", &mut |_, text| {
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let tests = lines.windows(2).filter(|pair| pair[0] == "#[test]");
            let named = tests.filter_map(|pair| pair[1].strip_prefix("fn ")?.split_once('('));
            names.extend(named.map(|(name, _)| name.to_owned()));
        });
        Self(names)
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// Path and text of all files below a folder with this extension.
fn each_file(folder: &Path, extension: &str, then: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_file(&path, extension, then);
        } else if path.extension().is_some_and(|found| found == extension) {
            then(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}
