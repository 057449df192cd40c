//! What the documents say about variables and options is what the tables say.
//! `UPDATE=1 cargo test` rewrites the reference; the other pages are for people to edit.

#![allow(clippy::unwrap_used, reason = "a document that can't be read is a failed test")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod links;
mod readme;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use supervisor_config::tables::{VARIABLES, health_options, health_variable};
use supervisor_docgen::{
    commands_reference, completions, environment_reference, exits_reference, failures_reference,
    manual_pages, presets_reference, reference, troubleshooting_page,
};

#[test]
fn reference_pages_match_the_tables() {
    check("docs/reference/options.md", &reference());
    check("docs/reference/environment.md", &environment_reference());
    check("docs/reference/exit-codes.md", &exits_reference());
    check("docs/reference/failures.md", &failures_reference());
    check("docs/reference/presets.md", &presets_reference());
    check("docs/reference/commands.md", &commands_reference());
    check("docs/reference/troubleshooting.md", &troubleshooting_page());
}

#[test]
fn manual_pages_match_the_tables() {
    for (name, text) in manual_pages() {
        check(&format!("docs/man/{name}"), &text);
    }
}

#[test]
fn manual_pages_have_the_date_of_the_newest_release() {
    let changes = std::fs::read_to_string(document("CHANGELOG.md")).unwrap();
    let released = changes.lines().find_map(|line| line.strip_prefix("## [")?.split_once("] - "));
    for (name, text) in manual_pages() {
        let date = text.lines().find_map(|line| line.strip_prefix(".TH ")?.split(' ').nth(2));
        let date = date.unwrap();
        let numbers: Vec<_> = date.split('-').map(str::len).collect();
        assert_eq!(numbers, [4, 2, 2], "{name}: {date}");
        assert!(released.is_none_or(|(_, day)| day.trim() == date), "{name}: {date}, {released:?}");
    }
}

#[test]
fn manual_pages_have_no_formatter_warnings() {
    for (name, text) in manual_pages() {
        let mut lint = Command::new("mandoc");
        lint.args(["-T", "lint", "-W", "warning"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut lint) = lint.spawn() else {
            assert!(std::env::var_os("REQUIRE_SHELLS").is_none(), "there is no mandoc");
            return println!("skipped: there is no mandoc");
        };
        lint.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = lint.wait_with_output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn completions_match_the_tables() {
    for (name, text) in completions() {
        check(&format!("completions/{name}"), &text);
    }
}

#[test]
fn the_documents_name_only_existing_variables() {
    let mut names = 0;
    // These name events of supervisord, and variables of the past.
    let others = ["COMPATIBILITY.md", "CHANGELOG.md", "SPECIFICATION.md", "CONTRIBUTING.md"];
    for page in pages().into_iter().filter(|page| !others.iter().any(|name| page.ends_with(name))) {
        let text = std::fs::read_to_string(&page).unwrap();
        let in_names = |c: char| c.is_ascii_uppercase() || c == '_';
        for word in text.split(|c| !in_names(c)) {
            let ours = ["PROCESS_", "STANDARD_"].iter().any(|start| word.starts_with(start));
            // STANDARD_SUPERVISOR… belongs to the tests' set-up.
            if ours && word.len() > 9 && !word.starts_with("STANDARD_SUPERVISOR") {
                names += 1;
                // What stands before the key is the beginning of all those of a kind.
                let known = VARIABLES.iter().any(|v| v.name.split('{').next() == Some(word))
                    || health_options().any(|def| health_variable(def.key) == word);
                assert!(known, "{}: there is no variable {word}", page.display());
            }
        }
    }
    assert!(names > 20, "only {names} names");
}

/// All that is written for people to read.
fn pages() -> Vec<PathBuf> {
    let root = std::fs::read_dir(document("")).unwrap().map(|entry| entry.unwrap().path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let mut pages: Vec<_> = root.filter(is_page).collect();
    let mut folders = vec![document("docs"), document("examples")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_page(&path) {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

#[track_caller]
fn check(path: &str, wanted: &str) {
    let path = document(path);
    if std::env::vars_os().any(|(name, _)| name == "UPDATE") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, wanted).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == wanted, "{} is not up to date", path.display());
}

fn document(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
