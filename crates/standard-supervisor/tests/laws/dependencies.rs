//! What each crate may depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::{crates, sources};

/// Crates, each with everything that it may be built from.
const LAWS: [(&str, &[&str]); 9] = [
    // Decides: no I/O, no clock, nothing that could bring either.
    ("supervisor-core", &[]),
    // Bytes to values and back.
    ("supervisor-wire", &["base64", "quick-xml", "sha1_smol", "subtle"]),
    // What was asked for, as a specification; files and users through a trait.
    ("supervisor-config", &["supervisor-core", "supervisor-wire"]),
    // The system calls, and everything that is unsafe.
    (
        "supervisor-sys",
        &[
            "supervisor-core",
            "supervisor-config",
            "supervisor-wire",
            "glob",
            "libc",
            "rustix",
            "tokio",
        ],
    ),
    // Carries out what the core decides; knows no HTTP server.
    (
        "supervisor-daemon",
        &[
            "supervisor-core",
            "supervisor-config",
            "supervisor-wire",
            "supervisor-sys",
            "hyper",
            "hyper-util",
            "libc",
            "rustix",
            "rustls",
            "serde_json",
            "tokio",
            "tokio-rustls",
        ],
    ),
    // Answers operators through a trait; never knows the daemon.
    (
        "supervisor-control",
        &[
            "supervisor-core",
            "supervisor-config",
            "supervisor-wire",
            "supervisor-sys",
            "hyper",
            "hyper-util",
            "libc",
            "rustix",
            "serde_json",
            "tokio",
        ],
    ),
    // A client: neither the core nor the daemon.
    (
        "supervisor-ctl",
        &[
            "supervisor-config",
            "supervisor-wire",
            "supervisor-sys",
            "base64",
            "hyper",
            "hyper-util",
            "libc",
            "rustix",
            "rustyline",
            "serde_json",
            "tokio",
        ],
    ),
    // Writes manual pages, completions and reference pages; linked into no product.
    ("supervisor-docgen", &["supervisor-config", "supervisor-core"]),
    // Wires the others together.
    (
        "standard-supervisor",
        &[
            "supervisor-core",
            "supervisor-config",
            "supervisor-wire",
            "supervisor-sys",
            "supervisor-daemon",
            "supervisor-control",
            "supervisor-ctl",
            "rustix",
            "tokio",
        ],
    ),
];

/// What each crate of the workspace is built from, as cargo reads it.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let manifest = crates().join("../Cargo.toml");
    let words = ["metadata", "--no-deps", "--offline", "--format-version=1", "--manifest-path"];
    let output = Command::new(env!("CARGO")).args(words).arg(manifest).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter().map(|package| {
        let all = package["dependencies"].as_array().unwrap().iter();
        // Those with a kind are for tests or builds alone.
        let linked = all.filter(|dependency| dependency["kind"].is_null());
        let names = linked.map(|dependency| dependency["name"].as_str().unwrap().to_owned());
        (package["name"].as_str().unwrap().to_owned(), names.collect())
    });
    packages.collect()
}

#[test]
fn each_crate_has_only_the_dependencies_that_its_law_allows() {
    let allowed: BTreeMap<String, BTreeSet<String>> = LAWS
        .iter()
        .map(|(name, all)| ((*name).to_owned(), all.iter().map(|one| (*one).to_owned()).collect()))
        .collect();
    assert_eq!(dependencies(), allowed);
}

#[test]
fn only_one_crate_has_unsafe_code() {
    let mut allowing = Vec::new();
    for (path, text) in sources(&crates()) {
        let is_root = path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
        if is_root && !text.contains("#![forbid(unsafe_code)]") {
            allowing.push(path.strip_prefix(crates()).unwrap().display().to_string());
        }
    }
    allowing.sort();
    // The other one is the name of `main` for the C library.
    assert_eq!(allowing, ["standard-supervisor/src/main.rs", "sys/src/lib.rs"]);
}
