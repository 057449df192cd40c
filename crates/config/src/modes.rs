//! The three modes: a command, a command that runs once, and a configuration file. Each mode turns
//! its sources into sections; all sections are lowered in the same way.

pub(crate) mod command;
pub(crate) mod ctl;
pub(crate) mod effective;
pub(crate) mod file;
pub(crate) mod once;
pub(crate) mod prestop;
pub(crate) mod requirements;
pub(crate) mod sagemaker;
pub(crate) mod search;
pub(crate) mod status_port;
pub(crate) mod stop_budget;
pub(crate) mod template;
