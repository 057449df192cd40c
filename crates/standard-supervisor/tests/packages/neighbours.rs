//! The wheel, installed alongside Python packages that have commands of the same names, as
//! docs/start/install.md describes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{python, skip};
use crate::wheel::wheel;
use crate::{empty, run};

const COMMANDS: [&str; 6] = [
    "standard-supervisor",
    "generate-supervisor-config",
    "supervisord",
    "supervisorctl",
    "echo_supervisord_conf",
    "pidproxy",
];

/// A virtual environment, removed when dropped.
struct Environment(PathBuf);

impl Environment {
    fn new(name: &str, python: &str) -> Self {
        let folder = empty(name);
        run(Command::new(python).args(["-m", "venv"]).arg(&folder));
        Self(folder)
    }

    /// Runs pip without an index.
    fn pip(&self, words: &[&str], files: &[PathBuf]) {
        let mut command = Command::new(self.0.join("bin/python"));
        command.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]).args(words);
        run(command.args(files));
    }

    fn install(&self, files: &[PathBuf]) {
        self.pip(&["install", "--no-index", "--no-deps"], files);
    }

    /// The commands that our wheel has installed.
    fn ours(&self) -> Vec<&'static str> {
        COMMANDS.into_iter().filter(|name| is_ours(&self.0.join("bin").join(name))).collect()
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn is_ours(command: &Path) -> bool {
    let bytes = fs::read(command).unwrap_or_default();
    bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"#!/bin/sh")
}

/// The wheels of `supervisor` and `model-hosting-container-standards`.
fn neighbours(python: &str) -> Option<Vec<PathBuf>> {
    let folder = Path::new(python).parent()?.parent()?.join("neighbours");
    let files = fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path());
    Some(files.filter(|path| path.extension().is_some_and(|end| end == "whl")).collect())
}

fn needed() -> Option<(String, Vec<PathBuf>, Vec<PathBuf>)> {
    let python = python()?;
    let (theirs, ours) = (neighbours(&python)?, vec![wheel()?]);
    Some((python, theirs, ours))
}

#[test]
fn the_wheels_programs_replace_supervisors_if_it_is_installed_last() {
    let Some((python, theirs, ours)) = needed() else {
        return skip("there is no Python environment with both packages", "REQUIRE_PYTHON");
    };
    let environment = Environment::new("neighbours-last", &python);
    environment.install(&theirs);
    assert!(environment.ours().is_empty());
    environment.install(&ours);
    assert_eq!(environment.ours(), COMMANDS);
}

#[test]
fn the_wheels_programs_replace_supervisors_again_after_a_reinstall() {
    let Some((python, theirs, ours)) = needed() else {
        return skip("there is no Python environment with both packages", "REQUIRE_PYTHON");
    };
    let environment = Environment::new("neighbours-first", &python);
    environment.install(&ours);
    assert_eq!(environment.ours(), COMMANDS);
    environment.install(&theirs);
    assert!(environment.ours().is_empty(), "the page says that the last one wins");
    let again = ["install", "--no-index", "--force-reinstall", "--no-deps"];
    environment.pip(&again, &ours);
    assert_eq!(environment.ours(), COMMANDS);
    environment.pip(&["uninstall", "--yes", "supervisor"], &[]);
    let left = ["standard-supervisor", "generate-supervisor-config"];
    assert_eq!(environment.ours(), left, "the page says that shared commands go");
    environment.pip(&again, &ours);
    assert_eq!(environment.ours(), COMMANDS);
}
