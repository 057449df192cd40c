//! What the documents say about variables and options is what the tables say.
//! `UPDATE=1 cargo test` rewrites the reference; the README is for people to edit.

#![allow(clippy::unwrap_used, reason = "a document that can't be read is a failed test")]

use std::path::{Path, PathBuf};

use supervisor_config::{VARIABLES, reference};

#[test]
fn the_reference_of_options_is_the_table() {
    let path = document("docs/reference/options.md");
    if std::env::vars_os().any(|(name, _)| name == "UPDATE") {
        std::fs::write(&path, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == reference(), "{} is not up to date", path.display());
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

fn document(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
