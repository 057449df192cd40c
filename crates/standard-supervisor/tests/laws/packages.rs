//! The packages that the workspace is built and tested with: their source, their licenses, their
//! versions, and that each is used.
//!
//! Security advisories are not checked here, because no registry that cargo knows holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::{crates, sources};

/// Licenses of packages. A package may offer others beside them.
const LICENSES: [&str; 5] =
    ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-3-Clause", "ISC"];

/// Packages in more than one version, each with the reason.
const IN_SEVERAL_VERSIONS: [(&str, &str); 1] =
    [("getrandom", "ring requires 0.2; proptest, in tests alone, requires a later version")];

/// The output of a command that must succeed.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).current_dir(crates()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// All packages for this platform. Those of other platforms may not have been downloaded.
fn packages() -> Vec<Value> {
    let version = printed("rustc", &["-vV"]);
    let platform = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let metadata = ["metadata", "--locked", "--offline", "--format-version=1"];
    let arguments = [&metadata[..], &["--filter-platform", platform]].concat();
    let metadata: Value = serde_json::from_str(&printed(env!("CARGO"), &arguments)).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Whether a license expression can be met with `LICENSES` alone.
fn is_allowed(license: &str) -> bool {
    let choices = license.split(" OR ").flat_map(|choice| choice.split('/'));
    let mut met = choices.map(|choice| choice.split(" AND ").all(|one| LICENSES.contains(&one)));
    met.any(|choice| choice)
}

#[test]
fn each_package_comes_from_crates_io_under_an_allowed_license() {
    for package in packages() {
        let name = &package["name"];
        let source = package["source"].as_str();
        let is_known = source.is_none_or(|source| source.ends_with("/crates.io-index"));
        assert!(is_known, "{name} comes from {source:?}");
        let license = package["license"].as_str().unwrap_or("no license");
        assert!(is_allowed(license), "{name}: {license}");
    }
}

#[test]
fn a_package_has_one_version_unless_there_is_a_reason() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        let [name, version] = ["name", "version"].map(|key| package[key].as_str().unwrap());
        versions.entry(name.to_owned()).or_default().insert(version.to_owned());
    }
    let several = versions.iter().filter(|(_, versions)| versions.len() > 1);
    let several: Vec<_> = several.map(|(name, _)| name.as_str()).collect();
    assert_eq!(several, IN_SEVERAL_VERSIONS.map(|(name, _)| name), "{versions:?}");
}

#[test]
fn each_dependency_is_used() {
    for package in packages().iter().filter(|package| package["source"].is_null()) {
        let manifest = package["manifest_path"].as_str().unwrap();
        let folder = std::path::Path::new(manifest).parent().unwrap();
        let texts: Vec<_> = sources(folder).into_iter().map(|(_, text)| text).collect();
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = dependency["name"].as_str().unwrap();
            let path = format!("{}::", name.replace('-', "_"));
            let is_used = texts.iter().any(|text| text.contains(&path));
            assert!(is_used, "{} does not use {name}", package["name"]);
        }
    }
}

#[test]
fn a_license_expression_is_read() {
    for allowed in ["MIT", "MIT/Apache-2.0", "Unlicense OR MIT", "Apache-2.0 AND ISC"] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in ["GPL-3.0", "MIT AND GPL-3.0", "Unlicense"] {
        assert!(!is_allowed(refused), "{refused}");
    }
}
