//! The archive, the checksums and the bill of materials.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{python, skip};
use crate::{ARCH, assert_names_version, dist, empty, file, run};

#[test]
fn the_checksums_are_right_and_complete() {
    let Some(dist) = dist() else { return };
    let words = ["--check", "--strict", "--quiet", "SHA256SUMS"];
    run(Command::new("sha256sum").args(words).current_dir(&dist));
    let text = fs::read_to_string(dist.join("SHA256SUMS")).unwrap();
    let named: BTreeSet<_> =
        text.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect();
    let found =
        run(Command::new("find").args([".", "-type", "f", "-printf", "%P\\n"]).current_dir(&dist));
    let found: BTreeSet<_> =
        found.lines().filter(|path| *path != "SHA256SUMS").map(str::to_owned).collect();
    assert_eq!(named, found);
}

#[test]
fn the_programs_of_the_archive_run() {
    let Some(dist) = dist() else { return };
    let root = empty("archive");
    run(Command::new("tar")
        .arg("-xzf")
        .arg(file(&dist, &format!("-linux-{ARCH}.tar.gz")))
        .arg("-C")
        .arg(&root));
    let bin = root.join("usr/local/bin");
    let version = run(Command::new(bin.join("standard-supervisor")).arg("--version"));
    assert_names_version(&version);
    let share = root.join("usr/local/share");
    for path in [
        "man/man1/standard-supervisor.1",
        "man/man8/supervisord.8",
        "bash-completion/completions/standard-supervisor",
        "doc/standard-supervisor/LICENSE",
        "doc/standard-supervisor/LGPL-2.1.txt",
    ] {
        assert!(share.join(path).is_file(), "{path}");
    }
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_dockerfile_can_copy_from_the_image_of_the_archive() {
    let Some(dist) = dist() else { return };
    if !Command::new("docker").arg("version").output().is_ok_and(|out| out.status.success()) {
        return skip("there is no container engine", "REQUIRE_DOCKER");
    }
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/Dockerfile");
    let (image, user) = ("standard-supervisor-archive-test", "standard-supervisor-archive-user");
    let build = ["build", "--quiet", "--tag", image, "--file"];
    run(Command::new("docker").args(build).arg(packaging).arg(&dist));
    let context = empty("copy-from");
    let lines = format!(
        "FROM scratch\nCOPY --from={image} /usr/local/bin/standard-supervisor /\n\
         ENTRYPOINT [\"/standard-supervisor\"]\n"
    );
    fs::write(context.join("Dockerfile"), lines).unwrap();
    run(Command::new("docker").args(["build", "--quiet", "--tag", user]).arg(&context));
    let said = run(Command::new("docker").args(["run", "--rm", user, "--version"]));
    run(Command::new("docker").args(["rmi", "--force", user, image]));
    fs::remove_dir_all(context).unwrap();
    assert_names_version(&said);
}

#[test]
fn the_sbom_is_valid_and_lists_the_linked_crates() {
    let Some(dist) = dist() else { return };
    let Some(python) = python() else {
        return skip("there is no Python environment", "REQUIRE_PYTHON");
    };
    let script = r#"
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
text = open(sys.argv[1]).read()
error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
assert error is None, error
assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text.replace("library", "libary")), "anything is valid"
"#;
    let sbom = file(&dist, &format!("-linux-{ARCH}.cdx.json"));
    run(Command::new(python).args(["-c", script]).arg(&sbom));
    let text = fs::read_to_string(sbom).unwrap();
    let linked = run(Command::new("cargo").args([
        "tree",
        "--locked",
        "--package",
        "standard-supervisor",
        "--prefix",
        "none",
        "--edges",
        "normal,no-proc-macro",
        "--format",
        "{p}",
    ]));
    for line in linked.lines() {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        let purl = format!("pkg:cargo/{name}@{}", version.trim_start_matches('v'));
        assert!(text.contains(&purl), "{purl} is missing");
    }
    assert!(text.contains("pkg:generic/glibc@") && !text.contains("pkg:cargo/proptest@"));
}
