//! The sources of a configuration apart from the command line and files, and the questions that
//! only the host can answer.

pub(crate) mod service_link;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use supervisor_core::ids::Pid;
use supervisor_core::spec::{Limit, User};

/// The data that the caller reads once from its process, apart from the command line.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The environment in its own order. If a name occurs twice, the first value counts.
    pub environment: Vec<(OsString, OsString)>,
    /// The value of `%(host_node_name)s`.
    pub hostname: String,
    /// The absolute working directory, to which relative paths and `%(here)s` refer.
    pub cwd: PathBuf,
    /// The directory for temporary files.
    pub temp_dir: PathBuf,
    /// The supervisor that already supervises this process, if any.
    pub keeper: Option<Pid>,
    /// The user id at startup.
    pub uid: u32,
}

impl Sources {
    /// The value of an environment variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        let (_, value) = self.environment.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// The value of a variable that configures the supervisor.
    pub(crate) fn setting(&self, name: &str) -> Option<&OsStr> {
        self.variable(name).filter(|_| !service_link::is(self, name))
    }

    /// The names of all variables with this prefix that may configure the supervisor. An image sets
    /// hundreds of other variables, and each lookup would delay the start.
    pub(crate) fn settings_with(&self, prefix: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let names = self.environment.iter().map(|(name, _)| name.to_string_lossy());
        names.filter(move |name| name.starts_with(prefix) && !service_link::is(self, name))
    }
}

/// The program's name in command mode.
pub(crate) const APP: &str = "app";

/// The command or the configuration file that the supervisor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode<'a> {
    /// A command, whose arguments are used unchanged unless the configuration sets another one.
    Command(&'a [OsString]),
    /// A command that runs once.
    Once(&'a [OsString]),
    /// A configuration file.
    File,
}

impl<'a> Mode<'a> {
    /// The arguments of the command.
    pub(crate) fn command(self) -> Option<&'a [OsString]> {
        match self {
            Self::Command(command) | Self::Once(command) => Some(command),
            Self::File => None,
        }
    }
}

/// The context for interpreting a value.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) host: &'a dyn Host,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("sources", self.sources).finish_non_exhaustive()
    }
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegularFile {
    /// The whole content.
    pub content: Vec<u8>,
    /// Whether users other than its owner and its group may write to it.
    pub others_may_write: bool,
}

/// Access to the host. The crate itself performs no I/O.
pub trait Host {
    /// Reads a file. The error is the reason as text.
    fn read(&self, path: &Path) -> Result<Vec<u8>, String>;
    /// Reads a regular file of at most `largest` bytes; `None` if the path does not exist. The
    /// error is the reason as text.
    fn regular_file(&self, path: &Path, largest: u64) -> Result<Option<RegularFile>, String>;
    /// The existing paths that match a shell pattern (`*`, `?`, `[…]`; only a literal dot matches a
    /// leading dot), in any order.
    fn glob(&self, pattern: &Path) -> Vec<PathBuf>;
    /// Whether this path exists.
    fn exists(&self, path: &Path) -> bool;
    /// Whether this is an existing regular file.
    fn is_file(&self, path: &Path) -> bool;
    /// The first few hundred bytes of a file; empty if it cannot be read.
    fn beginning(&self, path: &Path) -> Vec<u8>;
    /// The file to execute for the first word of a command, with the search path `path`.
    fn find_program(&self, word: &OsStr, path: Option<&OsStr>) -> Option<PathBuf>;
    /// Checks that the system allows a limit. The error says what it allows.
    fn check_limit(&self, limit: Limit) -> Result<(), String>;
    /// Whether this is an existing directory.
    fn is_dir(&self, path: &Path) -> bool;
    /// The user with this name.
    fn user_by_name(&self, name: &str) -> Option<User>;
    /// The user with this id, if the user database has it.
    fn user_by_id(&self, uid: u32) -> Option<User>;
    /// The id of the group with this name.
    fn group_by_name(&self, name: &str) -> Option<u32>;
    /// Whether the group database has this id.
    fn group_exists(&self, gid: u32) -> bool;
    /// Whether this is an IP address or a name in `/etc/hosts`. A server listens on this machine,
    /// so no name server is queried.
    fn has_address(&self, host: &str) -> bool;
    /// The home directory of a user, or of the current user without a name.
    fn home(&self, user: Option<&str>) -> Option<PathBuf>;
}
