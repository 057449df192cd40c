//! How a process is launched. The core passes this on unread.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{Limit, Socket, Stdio};

/// How to launch a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The command to execute.
    pub command: Command,
    /// Files of variables, read at each start and set on top of the supervisor's own
    /// environment, in order.
    pub env_files: Vec<EnvFile>,
    /// Variables that override these, in order.
    pub environment: Vec<(OsString, OsString)>,
    /// Working directory.
    pub directory: Option<PathBuf>,
    /// File mode creation mask.
    pub umask: Option<u32>,
    /// Limits that are set before it is executed, while it still has the supervisor's rights.
    pub limits: Vec<Limit>,
    /// The user to switch to.
    pub user: Option<User>,
    /// The standard streams of the process.
    pub stdio: Stdio,
    /// The command as it was written, for people to read.
    pub shown: String,
    /// The URL of the supervisor's own server for the process, if configured.
    pub serverurl: Option<String>,
    /// A socket that replaces stdin; all processes that name it share one.
    pub socket: Option<Socket>,
    /// The kernel kills the process when the supervisor is killed.
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
    /// If the file does not exist, the process starts without it.
    pub optional: bool,
}

/// The command to execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// These arguments, byte for byte. Never empty.
    Argv(Vec<OsString>),
    /// A `command=` that cannot be split into arguments; starting it fails with this message.
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
