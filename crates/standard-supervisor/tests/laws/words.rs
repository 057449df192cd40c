//! Words that stop a reader: processes are no persons, and idioms hide who does what.
//!
//! `words.txt` says how many of them each document still has. A document may only get fewer:
//! `UPDATE=1` writes the lower number.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::crates;

/// Words, and phrases, that documents do without.
const WORDS: [&str; 22] = [
    "who",
    "whom",
    "whoever",
    "whose",
    "nobody",
    "somebody",
    "anybody",
    "he",
    "him",
    "unasked",
    "anew",
    "meanwhile",
    "honour",
    "behaviour",
    "ill",
    "for ever",
    "for want of",
    "in vain",
    "is told",
    "any more",
    "whatever",
    "unheard",
];

const COUNTS: &str = "tests/laws/words.txt";

fn root() -> PathBuf {
    crates().join("..")
}

/// All documents for readers, with their paths from the root.
fn documents() -> Vec<String> {
    let mut found = vec!["README.md".to_owned(), "CHANGELOG.md".to_owned()];
    found.extend(["ARCHITECTURE.md", "COMPATIBILITY.md", "CONTRIBUTING.md"].map(str::to_owned));
    let mut folders = vec![root().join("docs"), root().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// How many of the words a text has, outside of code.
fn count(text: &str) -> usize {
    let prose: String = text.split('`').step_by(2).collect::<Vec<_>>().join(" ").to_lowercase();
    let words: Vec<&str> = prose
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|w| !w.is_empty())
        .collect();
    let hits = |phrase: &&str| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).filter(|window| *window == phrase).count()
    };
    WORDS.iter().map(hits).sum()
}

fn known(path: &Path) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(count, name)| (name.to_owned(), count.parse().unwrap())).collect()
}

#[test]
fn documents_have_fewer_words_that_stop_a_reader_and_never_more() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(COUNTS);
    let known = known(&path);
    let mut wrong = Vec::new();
    let mut now = String::new();
    for name in documents() {
        let found = count(&std::fs::read_to_string(root().join(&name)).unwrap());
        let allowed = known.get(&name).copied().unwrap_or(0);
        if found > allowed {
            wrong.push(format!("{name} has {found}, and may have {allowed}"));
        }
        if found.min(allowed) > 0 {
            now.push_str(&format!("{} {name}\n", found.min(allowed)));
        }
    }
    if std::env::vars_os().any(|(name, _)| name == "UPDATE") {
        std::fs::write(&path, &now).unwrap();
    }
    assert!(wrong.is_empty(), "{}: {WORDS:?}", wrong.join("; "));
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, now, "some documents have fewer words now: UPDATE=1 writes that down");
}

#[test]
fn words_are_counted_outside_of_code() {
    assert_eq!(count("Nobody knows `who` it is; whoever asks is told. A will, a hero."), 3);
    assert_eq!(count("```\nwho\n```\nIt is for ever so."), 1);
}
