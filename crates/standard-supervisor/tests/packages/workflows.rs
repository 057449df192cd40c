//! Checks the workflows against GitHub's schema, and the requirements of a release.

use std::path::Path;
use std::process::Command;

use crate::harness::{python, skip};
use crate::run;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn the_workflows_are_valid() {
    let Some(python) = python() else {
        return skip("there is no Python environment", "REQUIRE_PYTHON");
    };
    let folder = Path::new(ROOT).join(".github/workflows");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut check = Command::new(python);
    check.args(["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]);
    run(check.args(files));
}

#[test]
fn the_changelog_has_a_dated_section_of_this_version() {
    run(Command::new(Path::new(ROOT).join("scripts/release")).arg("--check"));
}
