//! Log files with automatic names:
//! [`AUTO`](https://supervisord.org/configuration.html#program-x-section-settings).
//!
//! They are named `PROGRAM-STREAM---IDENTIFIER-RANDOM.log`; the identifier shows which files are
//! from earlier runs of this supervisor.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::rand::GetRandomFlags;
use supervisor_config::Supervisord;
use supervisor_core::event::Channel;
use supervisor_core::level::Level;
use supervisor_core::spec::{LogFile, Output, Sink, Spec, Stdio};

use super::journal::Journal;

/// The letters of the random part of a name, and its length.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
const RANDOM_LETTERS: usize = 8;

/// The number of names to try before the creation fails.
const ATTEMPTS: usize = 100;

/// Whether any stream goes to such a file.
pub fn is_wanted(spec: &Spec) -> bool {
    let is_auto = |output: &Output| matches!(output.sink, Sink::Auto { .. });
    let mut processes = spec.groups.iter().flat_map(|group| &group.processes);
    processes.any(|process| match &process.launch.stdio {
        Stdio::Inherited => false,
        Stdio::Captured { stdout, stderr } => {
            is_auto(stdout) || stderr.as_ref().is_some_and(is_auto)
        }
    })
}

/// The directory of automatic log files, and the parts of their names.
#[derive(Clone, Debug)]
pub struct AutoLogs {
    directory: PathBuf,
    identifier: String,
}

impl AutoLogs {
    /// The settings in `[supervisord]`.
    pub fn new(supervisord: &Supervisord) -> Self {
        let (directory, identifier) = (&supervisord.childlogdir, &supervisord.identifier);
        Self { directory: directory.clone(), identifier: identifier.clone() }
    }

    /// Removes the files of earlier runs, including rotated ones.
    pub fn clean_up(&self, journal: &Journal) {
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return journal.say(Level::Warn, "Could not clear childlog dir");
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| is_ours(name, &self.identifier))
                && fs::remove_file(entry.path()).is_err()
            {
                let path = entry.path();
                journal.say(Level::Warn, &format!("Failed to clean up '{}'", path.display()));
            }
        }
    }

    /// Creates a file for a stream of the process `name`. If that fails, the stream's output is
    /// lost and the program still runs.
    pub(crate) fn create(
        &self,
        name: &str,
        channel: Channel,
        (maxbytes, backups): (u64, u32),
        journal: &Journal,
    ) -> Sink {
        let stream = channel.name();
        let front = format!("{name}-{stream}---{}-", self.identifier);
        match new_file(&self.directory, &front) {
            Ok(path) => Sink::File(LogFile { path, maxbytes, backups }),
            Err(error) => {
                let place = self.directory.display();
                let message = format!(
                    "cannot create a log for the {stream} of {name} in {place}: {error}; \
                     output is being dropped"
                );
                journal.say(Level::Warn, &message);
                Sink::Discard
            }
        }
    }
}

/// Whether this is the name of a file that an instance with this identifier created.
fn is_ours(name: &str, identifier: &str) -> bool {
    let mark = format!("---{identifier}-");
    let Some((_, rest)) = name.split_once(&mark).filter(|(program, _)| !program.is_empty()) else {
        return false;
    };
    let rotated = rest.rsplit_once(".log").filter(|(random, _)| !random.is_empty());
    rotated.is_some_and(|(random, number)| {
        let digits = number.strip_prefix('.').unwrap_or(number);
        digits.len() <= 4
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !random.contains(char::is_whitespace)
    })
}

fn new_file(directory: &Path, front: &str) -> io::Result<PathBuf> {
    for _ in 0..ATTEMPTS {
        let path = directory.join(format!("{front}{}.log", random()?));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn random() -> io::Result<String> {
    let mut bytes = [0_u8; RANDOM_LETTERS];
    rustix::rand::getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_log_files_of_the_same_identifier_are_removed() {
        for ours in ["web-stdout---app-abcd1234.log", "a b-stderr---app-x.log.10", "w---app-x.log3"]
        {
            assert!(is_ours(ours, "app"), "{ours}");
        }
        for other in [
            "web-stdout---other-abcd1234.log",
            "---app-abcd1234.log",
            "web-stdout---app-.log",
            "web-stdout---app-abcd1234.log.gz",
            "web-stdout---app-abcd1234.log.12345",
            "web-stdout---app-a b.log",
            "web.log",
        ] {
            assert!(!is_ours(other, "app"), "{other}");
        }
    }
}
