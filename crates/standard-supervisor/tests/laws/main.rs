//! The laws of the crates: each has a list of allowed dependencies, and only one has `unsafe` code.
//! The directories of a crate don't import each other in circles, no file is too long, and the name
//! of each test states its promise.
//! Packages of others come from one registry, under known licenses, in one version, and are used.
//! ARCHITECTURE.md gives the reasons.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

mod circles;
mod dependencies;
mod limits;
mod names;
mod packages;
mod sizes;
mod words;
mod workflows;

use std::path::{Path, PathBuf};

/// The folder of all crates.
fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files below `folder`, with their paths.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}
