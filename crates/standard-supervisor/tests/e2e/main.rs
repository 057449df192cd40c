//! The promises, one file each, kept by the built binary with real processes.
//!
//! A test named `d07_…` is about a defect of the Python tool that this one
//! replaces; the number is the one that the project's notes give it.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

#[path = "../harness/mod.rs"]
mod harness;

mod arguments;
mod children;
mod drain;
mod environment;
mod files;
mod generate;
mod give_up;
mod job_control;
mod output;
mod readers;
mod requirements;
mod restart;
mod run_once;
mod sagemaker;
mod signals;
mod starts;
mod stop;
mod tree;
