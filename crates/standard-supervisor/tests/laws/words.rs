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

/// A table of the names of faults, which stay as they are.
const NAMES: &str = "docs/design/seeded-faults.md";

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
    found.retain(|name| name != NAMES);
    found.sort();
    found
}

/// The number of forbidden words in a text, outside of code.
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
fn documents_never_gain_discouraged_words() {
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

/// The string literals of a source file, outside of comments and tests.
fn texts(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut rest = code.char_indices();
    let mut found = Vec::new();
    while let Some((at, c)) = rest.next() {
        let tail = &code[at..];
        if tail.starts_with("//") {
            let _ = rest.find(|(_, c)| *c == '\n');
        } else if tail.starts_with("'\"'") {
            let _ = rest.nth(1);
        } else if c == '"' {
            let mut text = String::new();
            while let Some((_, c)) = rest.next() {
                match c {
                    '"' => break,
                    '\\' => drop(rest.next()),
                    c => text.push(c),
                }
            }
            found.push(text);
        }
    }
    found
}

/// A text without the names of its arguments.
fn without_arguments(text: &str) -> String {
    text.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after)).collect()
}

/// The source files of all crates, without their tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap_or_default();
        if name == "tests" || name == "testing" {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Log lines, errors, help, metrics and the rest of the texts that programs print.
#[test]
fn program_texts_have_no_discouraged_words() {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(crates()).unwrap() {
        sources(&entry.unwrap().path().join("src"), &mut files);
    }
    let mut wrong = Vec::new();
    for path in &files {
        for text in texts(&std::fs::read_to_string(path).unwrap()) {
            // One word alone is a name, such as that of SIGILL.
            if text.contains(' ') && count(&without_arguments(&text)) > 0 {
                wrong.push(format!("{}: {text}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\nwords to avoid: {WORDS:?}", wrong.join("\n"));
}

#[test]
fn program_texts_are_the_strings_outside_comments_and_tests() {
    let source = r#"// "a"
const A: &str = "b \"c"; let q = '"'; f("d");
#[cfg(test)]
mod tests { "e" }"#;
    assert_eq!(texts(source), ["b c", "d"]);
    assert_eq!(without_arguments("{whom} is {0}"), " is ");
}

#[test]
fn discouraged_words_are_counted_outside_code() {
    assert_eq!(count("Nobody knows `who` it is; whoever asks is told. A will, a hero."), 3);
    assert_eq!(count("```\nwho\n```\nIt is for ever so."), 1);
}
