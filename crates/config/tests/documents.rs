//! What the documents say about variables and options is what the tables say.
//! `UPDATE=1 cargo test` rewrites the reference; the README is for people to edit.

#![allow(clippy::unwrap_used, reason = "a document that can't be read is a failed test")]

use std::path::{Path, PathBuf};

use supervisor_config::{
    VARIABLES, commands_reference, completions, environment_reference, exits_reference,
    manual_pages, reference,
};

#[test]
fn reference_pages_are_what_the_tables_say() {
    check("docs/reference/options.md", &reference());
    check("docs/reference/environment.md", &environment_reference());
    check("docs/reference/exit-codes.md", &exits_reference());
    check("docs/reference/commands.md", &commands_reference());
}

#[test]
fn manual_pages_are_what_the_tables_say() {
    for (name, text) in manual_pages() {
        check(&format!("docs/man/{name}"), &text);
    }
}

#[test]
fn completions_are_what_the_tables_say() {
    for (name, text) in completions() {
        check(&format!("completions/{name}"), &text);
    }
}

#[test]
fn the_readme_has_a_row_for_each_variable() {
    let readme = std::fs::read_to_string(document("README.md")).unwrap();
    for variable in VARIABLES {
        let default = match variable.default {
            "" => "–".to_owned(),
            value => format!("`{value}`"),
        };
        let row = format!("| `{}` | {default} | {} |", variable.name, variable.doc);
        assert!(readme.contains(&row), "the README lacks\n{row}");
    }
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
