//! Installed as users install it: what `make dist` made, where nothing else is.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

#[path = "../harness/mod.rs"]
mod harness;

mod archive;
mod debian;
mod neighbours;
mod wheel;
mod workflows;

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::skip;

/// The folder that `make dist` filled.
fn dist() -> Option<PathBuf> {
    let folder = std::env::var_os("STANDARD_SUPERVISOR_DIST").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.join("SHA256SUMS").is_file());
    if folder.is_none() {
        skip("there are no packages (`make dist` makes them)", "REQUIRE_PYTHON");
    }
    folder
}

/// This machine's architecture, as Debian and Docker call it.
const ARCH: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

/// The only file in `folder` whose name ends so.
fn file(folder: &Path, end: &str) -> PathBuf {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found = names.filter(|path| path.to_str().unwrap().ends_with(end));
    let first = found.next().unwrap_or_else(|| panic!("no {end} in {}", folder.display()));
    assert_eq!(found.next(), None, "more than one {end}");
    first
}

/// `--version` names the version, the commit and the target.
#[track_caller]
fn assert_names_version(said: &str) {
    let start = format!("standard-supervisor {} (", env!("CARGO_PKG_VERSION"));
    let end = format!(", {}-unknown-linux-gnu)\n", std::env::consts::ARCH);
    assert!(said.starts_with(&start) && said.ends_with(&end), "{said}");
    assert!(!said.contains("development build"), "{said}");
}

/// An empty folder of this test run.
fn empty(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("packages-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
