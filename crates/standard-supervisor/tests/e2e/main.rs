//! The promises, one file each, kept by the built binary with real processes.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

#[path = "../harness/mod.rs"]
mod harness;

mod arguments;
mod children;
mod drain;
mod env_file;
mod environment;
mod files;
mod generate;
mod give_up;
mod job_control;
mod limits;
mod output;
mod output_lines;
mod programs;
mod readers;
mod replicas;
mod requirements;
mod restart;
mod run_once;
mod sagemaker;
mod signals;
mod starts;
mod stop;
mod tree;
