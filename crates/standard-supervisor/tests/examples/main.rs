//! Builds and runs the examples that people copy, with a stand-in for each server, and checks them
//! against the schemas of the tools that read them. Also checks the commands, calls,
//! Dockerfiles, configurations, settings, notifications and log excerpts in the documents.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]
#![allow(unreachable_pub, reason = "nothing outside sees it")]

#[path = "../containers/docker.rs"]
#[allow(dead_code, reason = "the tests of containers use the rest")]
mod docker;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../crash/receiver.rs"]
mod receiver;

mod calls;
mod commands;
mod configurations;
mod dockerfiles;
mod excerpts;
mod manifests;
mod notifications;
mod pages;
mod replicas;
mod scenarios;
mod stand_in;
mod stubs;
mod tutorial;

use std::path::{Path, PathBuf};

/// A file of the examples.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}
