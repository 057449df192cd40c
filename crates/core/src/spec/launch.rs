//! How a process is launched. The core carries this and never looks inside.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{Limit, Socket, Stdio};

/// How to launch a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// What to execute.
    pub command: Command,
    /// Files of variables, read at each start and set on top of the supervisor's own
    /// environment, in order.
    pub env_files: Vec<EnvFile>,
    /// Set on top of these, in order.
    pub environment: Vec<(OsString, OsString)>,
    /// Working directory.
    pub directory: Option<PathBuf>,
    /// File mode creation mask.
    pub umask: Option<u32>,
    /// Limits that are set before it is executed, while it still has the supervisor's rights.
    pub limits: Vec<Limit>,
    /// The user to switch to.
    pub user: Option<User>,
    /// What happens to the standard streams.
    pub stdio: Stdio,
    /// The command as it was written, for people to read.
    pub shown: String,
    /// The URL under which it finds the supervisor's own server, if it was given one.
    pub serverurl: Option<String>,
    /// A socket that takes the place of stdin, one for all processes that name it.
    pub socket: Option<Socket>,
    /// The kernel ends the process when the supervisor is killed.
    pub die_with_supervisor: bool,
}

impl Launch {
    /// A process that executes `argv` as the supervisor itself runs: with its user, directory,
    /// environment and streams.
    #[must_use]
    pub const fn as_supervisor(argv: Vec<OsString>) -> Self {
        Self {
            command: Command::Argv(argv),
            env_files: Vec::new(),
            environment: Vec::new(),
            directory: None,
            umask: None,
            limits: Vec::new(),
            user: None,
            stdio: Stdio::Inherited,
            shown: String::new(),
            serverurl: None,
            socket: None,
            die_with_supervisor: true,
        }
    }
}

/// A file of environment variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFile {
    /// Absolute.
    pub path: PathBuf,
    /// A process starts without it where there is none.
    pub optional: bool,
}

/// What to execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// These words, byte for byte. Never empty.
    Argv(Vec<OsString>),
    /// A `command=` that can't be split into words; starting it fails with this message.
    Unparsable(String),
}

/// A user to become, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Home directory.
    pub home: PathBuf,
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// All groups, the primary one first.
    pub groups: Vec<u32>,
}
