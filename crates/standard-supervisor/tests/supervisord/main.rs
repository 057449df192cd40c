//! `supervisord` by its configuration file, with real processes. What it has in common
//! with the original is in `../compare`; here is what that can't show: the background,
//! trouble with files, floods, and what is better here.

#![allow(clippy::unwrap_used, reason = "a failed call is a failed test")]

#[path = "../harness/mod.rs"]
mod harness;

mod background;
mod bad_input;
mod command_line;
mod companions;
mod dependencies;
mod home;
mod lifecycle;
mod listeners;
mod logs;
mod secrets;
mod sockets;
mod superlance;
mod waiting_output;
