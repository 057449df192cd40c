//! How a process is launched. The core passes this on unread.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{Limit, Socket, Stdio};

/// The data for launching a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The command to execute.
    pub command: Command,
    /// Files with environment variables. They are read at each start and override the supervisor's
    /// own environment, in order.
    pub env_files: Vec<EnvFile>,
    /// Variables that override the ones above, in order.
    pub environment: Vec<(OsString, OsString)>,
    /// Working directory.
    pub directory: Option<PathBuf>,
    /// File mode creation mask.
    pub umask: Option<u32>,
    /// Limits to set before the execution, while the process still has the supervisor's rights.
    pub limits: Vec<Limit>,
    /// The user to switch to.
    pub user: Option<User>,
    /// The standard streams of the process.
    pub stdio: Stdio,
    /// The command as written in the configuration.
    pub shown: String,
    /// The URL of the supervisor's control server for the process, if configured.
    pub serverurl: Option<String>,
    /// A socket that replaces stdin. All processes with the same socket share it.
    pub socket: Option<Socket>,
    /// Whether the kernel kills the process when the supervisor dies.
    pub die_with_supervisor: bool,
}

impl Launch {
    /// A process with the supervisor's own user, directory, environment and streams.
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
    /// The absolute path.
    pub path: PathBuf,
    /// Whether the process starts without it if it does not exist.
    pub optional: bool,
}

/// The command to execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// These arguments, byte for byte. Never empty.
    Argv(Vec<OsString>),
    /// A `command=` that cannot be split into arguments. Starting it fails with this message.
    Unparsable(String),
}

/// A user to switch to, resolved to ids.
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
