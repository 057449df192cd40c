//! Answers the questions that reading a configuration raises about this host.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use glob::MatchOptions;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use supervisor_config::Host;
use supervisor_core::spec::User;
use supervisor_wire::passwd;

use crate::clock::Clock;
use crate::listening;
use crate::lookup;

/// The machine, or container, that we run on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ThisHost {
    /// No program runs: there is time to wait for a configuration.
    Starting,
    /// Programs run, and may need us at any moment.
    Running,
}

impl Host for ThisHost {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        let patience = match self {
            Self::Starting => WRITER_PATIENCE,
            Self::Running => Duration::ZERO,
        };
        read_bounded(path, patience).map_err(|error| error.to_string())
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

/// Where a script's interpreter is named; the kernel looks at 256 bytes.
const BEGINNING: u64 = 512;

/// Files that are larger, or never end, are no configuration.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// How long whoever writes into a pipe, as a shell's `<(command)`, may take.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);

fn read_bounded(path: &Path, patience: Duration) -> io::Result<Vec<u8>> {
    // Opening a pipe must not wait for somebody to write into it: nobody may.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let pipe = file.metadata()?.file_type().is_fifo();
    let mut content = Vec::new();
    Patient { file, clock: Clock::start(), patience }
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut content)?;
    if content.is_empty() && pipe {
        return Err(io::Error::new(io::ErrorKind::BrokenPipe, "nobody writes into this pipe"));
    }
    if content.len() as u64 > LARGEST_FILE {
        let message = format!("it is larger than {} MB", LARGEST_FILE >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(content)
}

/// A file that doesn't wait by itself, and is waited for within bounds.
struct Patient {
    file: File,
    clock: Clock,
    patience: Duration,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            let left = self.patience.saturating_sub(self.clock.mono().since_zero());
            let left = Timespec::try_from(left).ok();
            let mut watched = [PollFd::new(&self.file, PollFlags::IN)];
            if rustix::event::poll(&mut watched, left.as_ref())? == 0 {
                let message = if self.patience.is_zero() {
                    "while programs run, nobody waits for whoever writes into it".to_owned()
                } else {
                    let seconds = self.patience.as_secs();
                    format!("whoever has it open did not finish within {seconds} seconds")
                };
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
        }
    }
}

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
