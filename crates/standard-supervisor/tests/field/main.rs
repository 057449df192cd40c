//! Servers as they are really deployed: in containers behind start scripts, in pods, on
//! networks of their own, with the real thing wherever it can be had.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed call is a failed test, and here is where the clock is read"
)]
#![allow(unreachable_pub, reason = "nothing outside sees it")]

#[path = "../containers/docker.rs"]
#[allow(dead_code, reason = "the tests of containers use the rest")]
mod docker;
#[path = "../harness/mod.rs"]
mod harness;

mod drain;
mod host_python;
mod llm;
mod net;
mod networks;
mod pod;
mod presets;
mod ray;
mod ray_group;
mod sagemaker;
mod signals;
#[path = "../examples/stand_in.rs"]
mod stand_in;

use std::path::{Path, PathBuf};

/// A file beside these tests.
fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field").join(name)
}

/// A file of the examples.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}
