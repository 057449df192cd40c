//! What Kubernetes and compose read.

use std::process::Command;

use crate::docker::Container;
use crate::example;
use crate::harness::{python, skip};
use crate::stand_in::Image;

/// Lines that `manifests.py` prints; `None`: it can't run here.
fn checked(what: &str) -> Option<Vec<String>> {
    let Some(python) = python() else {
        skip("there is no Python environment", "REQUIRE_PYTHON");
        return None;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/manifests.py");
    let output = Command::new(python).args([script, what]).arg(example("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn manifests_are_valid_and_their_timers_are_consistent() {
    let Some(lines) = checked("check") else { return };
    for name in ["deployment", "service", "leaderworkerset", "kustomization", "compose"] {
        assert!(lines.contains(&format!("{name}: fine")), "{lines:?}");
    }
}

#[test]
fn a_dead_rank_stops_its_container() {
    // Options of `docker run` and then the arguments, as the manifest has them.
    let Some(options) = checked("rank-options") else { return };
    let Some(arguments) = checked("rank-arguments") else { return };
    let Some(image) = Image::of("sglang") else { return };
    let words = options.iter().map(String::as_str).chain([image.name()]);
    let words: Vec<&str> = words.chain(arguments.iter().map(String::as_str)).collect();
    let mut container = Container::run(&words);
    let said = container.stdout().wait_for("stand-in");
    assert!(said.contains("--nnodes=2 --node-rank=1"), "{said}");
    let server = container.stderr().number_after("spawned: 'app' with pid ");
    container.stderr().wait_for("success: app entered RUNNING state");
    container.exec(&["kill", "-9", &server.to_string()]);
    assert_eq!(container.exit_code(), 1);
    container.stderr().wait_for("gave up: app");
}
