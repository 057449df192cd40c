//! Plays the stories in `tests/stories/*.txt` and compares the core's effects with those in the
//! story. Each story is a test, named after its file. `UPDATE=1 cargo test -p supervisor-core
//! --test stories` rewrites the effects; read the diff before you commit it.
//!
//! A story starts with the programs, one per line. Then it has one input per line, each followed by
//! its indented effects:
//!
//! ```text
//! program app startretries=1
//!
//! 0.000 boot
//!   app STOPPED -> STARTING
//!   spawn app#1
//! ```
//!
//! `next` is the next deadline, shown when an input changed it. The wall clock shows a full hour
//! when the other clock is at zero. `later` before a program excludes it from the first
//! configuration; `request N reread NAME...` reads a configuration with these programs. Lines that
//! end with `?` query the core: `waits?`, `ready?`, `info? NAME`, `pools?`.

#![expect(clippy::unwrap_used, reason = "a story that cannot be read is a failed test")]

mod effects;
mod inputs;
mod list;
mod programs;
mod stage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories")
}

/// Plays the story with this name.
fn play(test: &str) {
    let path = folder().join(test.replace('_', "-")).with_extension("txt");
    let stored = std::fs::read_to_string(&path).unwrap();
    let played = stage::play(&stored);
    if std::env::vars_os().any(|(name, _)| name == "UPDATE") {
        std::fs::write(&path, &played).unwrap();
    } else {
        assert!(stored == played, "{}\n{}", path.display(), first_difference(&stored, &played));
    }
}

fn first_difference(stored: &str, played: &str) -> String {
    let mut line = 0;
    let (mut stored, mut played) = (stored.lines(), played.lines());
    loop {
        line += 1;
        let pair = (stored.next(), played.next());
        if pair.0 != pair.1 {
            return format!("line {line}\n  stored: {:?}\n  played: {:?}", pair.0, pair.1);
        }
    }
}

#[test]
fn each_story_file_is_in_the_list() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let stories = files.filter(|path| path.extension().is_some_and(|ending| ending == "txt"));
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().replace('-', "_");
    let files: BTreeSet<String> = stories.map(name).collect();
    let listed: BTreeSet<String> = list::STORIES.iter().map(|&name| name.to_owned()).collect();
    let missing: Vec<_> = files.difference(&listed).collect();
    assert!(missing.is_empty(), "add to tests/stories/list.rs: {missing:?}");
}
