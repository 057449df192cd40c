//! Answers questions about this host for the configuration.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use glob::MatchOptions;
use supervisor_config::{Host, RegularFile};
use supervisor_core::spec::{Limit, User};
use supervisor_wire::system::passwd;

use crate::io::bounded_read::{bounded_read, read_regular};
use crate::io::errno;
use crate::net::listening;
use crate::process::start::{limits, lookup};

/// The machine or container on which the supervisor runs.
#[derive(Clone, Copy, Debug)]
pub enum ThisHost {
    /// No program is running, so waiting for a configuration delays nothing.
    Starting,
    /// Programs are running, so the supervisor must not wait.
    Running,
}

impl Host for ThisHost {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        let patience = match self {
            Self::Starting => WRITER_PATIENCE,
            Self::Running => Duration::ZERO,
        };
        bounded_read(path, patience).map_err(|error| error.to_string())
    }

    fn regular_file(&self, path: &Path, largest: u64) -> Result<Option<RegularFile>, String> {
        match read_regular(path, largest) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(errno::words(&error)),
        }
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
        let paths = pattern.to_str().and_then(|text| glob::glob_with(text, options).ok());
        paths.into_iter().flatten().flatten().collect()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn beginning(&self, path: &Path) -> Vec<u8> {
        let mut start = Vec::new();
        let read = File::open(path).and_then(|file| file.take(BEGINNING).read_to_end(&mut start));
        read.map_or_else(|_| Vec::new(), |_| start)
    }

    fn find_program(&self, word: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
        lookup::find(word, path, None).ok()
    }

    fn check_limit(&self, limit: Limit) -> Result<(), String> {
        limits::check(limit)
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn user_by_name(&self, name: &str) -> Option<User> {
        users().into_iter().find(|user| user.name == name).map(with_groups)
    }

    fn user_by_id(&self, uid: u32) -> Option<User> {
        users().into_iter().find(|user| user.uid == uid).map(with_groups)
    }

    fn group_by_name(&self, name: &str) -> Option<u32> {
        groups().into_iter().find(|group| group.name == name).map(|group| group.gid)
    }

    fn group_exists(&self, gid: u32) -> bool {
        groups().into_iter().any(|group| group.gid == gid)
    }

    fn has_address(&self, host: &str) -> bool {
        listening::resolve(host).is_ok()
    }

    fn home(&self, user: Option<&str>) -> Option<PathBuf> {
        let own = rustix::process::getuid().as_raw();
        let wanted = |candidate: &passwd::User| match user {
            Some(name) => candidate.name == name,
            None => candidate.uid == own,
        };
        users().into_iter().find(wanted).map(|user| user.home.into())
    }
}

/// Time that the writer of a configuration pipe, for example a shell's `<(command)`, has to finish.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);

/// The part of a script that is searched for its interpreter. The kernel reads 256 bytes.
const BEGINNING: u64 = 512;

fn with_groups(user: passwd::User) -> User {
    let belongs = |group: &passwd::Group| group.members.contains(&user.name);
    let more = groups().into_iter().filter(belongs).map(|group| group.gid);
    let groups = [user.gid].into_iter().chain(more.filter(|gid| *gid != user.gid)).collect();
    User { name: user.name, home: user.home.into(), uid: user.uid, gid: user.gid, groups }
}

fn users() -> Vec<passwd::User> {
    passwd::users(&fs::read("/etc/passwd").unwrap_or_default()).collect()
}

fn groups() -> Vec<passwd::Group> {
    passwd::groups(&fs::read("/etc/group").unwrap_or_default()).collect()
}
