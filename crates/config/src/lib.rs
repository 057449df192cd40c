//! Reads a command line, the environment and configuration files, and returns one valid
//! [`Spec`], or all of their errors.
//!
//! The crate opens no file and resolves no user itself: the environment is an argument
//! ([`Sources`]), and a trait gives access to files and users ([`Host`]).
//!
//! ```text
//!   built-in settings ─┐
//!   included files    ─┼─> sections ──> Spec
//!   environment       ─┘      └───────> the generated file, --check
//! ```
//!
//! The layers are merged as sections of a configuration file; later layers override earlier ones.
//! The merged sections are interpreted once. Each option has one row in one table.

#![forbid(unsafe_code)]

mod env;
mod error;
mod flags;
mod lower;
mod modes;
mod options;
mod presets;
mod settings;
mod sources;
pub mod tables;
#[cfg(any(test, fuzzing))]
mod testing;
mod text;
mod tools;
mod values;

use std::path::PathBuf;
use std::rc::Rc;

use supervisor_core::spec::{RetryRule, Spec};

use crate::lower::Control;

pub use crate::env::VARIABLES;
pub use crate::error::Errors;
pub use crate::flags::command_mode::{CommandRequest, standard_supervisor_flags};
pub use crate::flags::companions::{
    Asked, Order, echo_supervisord_conf_flags, generate_supervisor_config_flags, pidproxy_flags,
};
pub use crate::flags::{Flags, Request, supervisord_flags};
pub use crate::lower::hook::{CERT_FILE, CERTIFICATE_BUNDLES};
pub use crate::modes::command::{command_mode, generate};
pub use crate::modes::ctl::{Ctl, CtlFlags, CtlRequest, supervisorctl, supervisorctl_flags};
pub use crate::modes::file::{Source, file_mode};
pub use crate::modes::status_port::{status_address, status_port};
pub use crate::settings::server::{Credentials, Listen, Server};
pub use crate::settings::supervisord::{Crash, CrashFiles, LogFormat, Supervisord, TerminationLog};
pub use crate::sources::{Host, RegularFile, Sources};
#[cfg(any(test, fuzzing))]
pub use crate::testing::bad_input;
pub use crate::tools::ctl_commands::{CTL_COMMANDS, CtlCommand};
pub use crate::tools::sample::sample;
pub use crate::tools::{Tool, tool};
pub use crate::values::signal;
pub use supervisor_core::level::Level;

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Installation that must succeed before `spec` starts.
    pub preparation: Option<Spec>,
    /// The programs to run, and how to keep them running.
    pub spec: Spec,
    /// The settings of the supervisor itself.
    pub supervisord: Supervisord,
    /// Listeners for operators, in the order in which they are opened.
    pub servers: Vec<Server>,
    /// Prefixes of the XML-RPC method names.
    pub namespaces: Vec<String>,
    /// The file with the effective configuration; `None` if none is written.
    pub record: Option<Record>,
    /// Warnings, one line each.
    pub warnings: Vec<String>,
    /// Notes at level INFO or DEBUG, one line each.
    pub notes: Vec<(Level, String)>,
    /// The files that were included, in the order in which they were read.
    pub included: Vec<PathBuf>,
    /// The configuration file; `None` in command mode.
    pub source: Option<Source>,
    sections: Rc<text::ini::Sections>,
    lossy_command: bool,
}

/// The generated file. Its text is created on demand, so that it does not delay the start of the
/// program.
#[derive(Clone, Debug)]
pub struct Record {
    /// Absolute path of the file.
    pub path: PathBuf,
    /// Whether the user chose the path. If so, the file is kept, and a failure to write it is an
    /// error.
    pub chosen_by_user: bool,
    sections: Rc<text::ini::Sections>,
    lossy_command: bool,
}

/// A configuration file for later use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The file's content.
    pub text: String,
    /// Warnings about arguments that the file cannot hold exactly; the text marks them too.
    pub warnings: Vec<String>,
}

impl Config {
    fn new(
        spec: Spec,
        supervisord: Supervisord,
        control: Control,
        record: Option<Record>,
        (sections, lossy_command): (Rc<text::ini::Sections>, bool),
    ) -> Self {
        let Control { servers, namespaces } = control;
        Self {
            preparation: None,
            spec,
            supervisord,
            servers,
            namespaces,
            record,
            warnings: Vec::new(),
            notes: Vec::new(),
            included: Vec::new(),
            source: None,
            sections,
            lossy_command,
        }
    }

    /// Whether the command runs once, as under a plain init process.
    #[must_use]
    pub fn runs_once(&self) -> bool {
        let mut processes = self.spec.groups.iter().flat_map(|group| &group.processes);
        processes.any(|process| process.retry == RetryRule::Once)
    }

    /// The effective configuration as text: all options with their defaults and origins, and a
    /// summary. Reading the text gives the same configuration, except for passwords, which are
    /// masked.
    #[must_use]
    pub fn effective(&self) -> String {
        let heading = if self.runs_once() {
            "The command runs once and is not supervised: it has the supervisor's own\n\
             standard streams and gets every signal."
        } else {
            "The configuration in effect."
        };
        let text = modes::effective::text(&self.sections, heading, self.lossy_command);
        // The summary describes a stop with SIGKILL, which a command that runs once never gets.
        if self.runs_once() { text } else { text + &modes::effective::summary(&self.spec) }
    }
}
