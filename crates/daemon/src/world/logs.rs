//! Log files as operators see them.

use std::io;
use std::path::Path;

use rustix::fs::FileType;
use supervisor_core::event::Channel;
use supervisor_core::ids::ProcId;
use supervisor_core::level::Level;
use supervisor_core::spec;
use supervisor_sys::io::guarded::Place;

use super::World;

impl World {
    /// The log file of a stream, if it goes to one.
    pub fn log_path(&self, proc: ProcId, channel: Channel) -> Option<&Path> {
        match self.slots.get(&proc)?.sink(channel)? {
            spec::Sink::File(file) => Some(&file.path),
            spec::Sink::Discard
            | spec::Sink::Stdout
            | spec::Sink::Stderr
            | spec::Sink::Auto { .. } => None,
        }
    }

    /// Clears the log files of a process.
    pub fn clear_logs(&self, proc: ProcId) -> io::Result<()> {
        for channel in [Channel::Stdout, Channel::Stderr] {
            if let Some(recent) = self.recent_output(proc, channel) {
                recent.clear();
            }
            if let Some(path) = self.log_path(proc, channel) {
                remove_file(path)?;
                if let Some(relay) = self.slots.get(&proc).and_then(|slot| slot.relay(channel)) {
                    relay.reopen();
                }
            }
        }
        Ok(())
    }

    /// Clears the supervisor's own log file.
    pub fn clear_main_log(&self, path: &Path) -> io::Result<()> {
        remove_file(path)?;
        self.parts.journal.say(Level::Info, "reopening log file");
        self.parts.journal.reopen();
        Ok(())
    }

    pub(super) fn reopen_logs(&self) {
        self.parts.journal.say(Level::Info, "supervisord logreopen");
        self.parts.journal.reopen();
        for slot in self.slots.values() {
            [&slot.stdout, &slot.stderr].into_iter().flatten().for_each(|relay| relay.reopen());
        }
    }
}

/// Removes a log file. A device, or a link to one, stays, because other programs use it too.
fn remove_file(path: &Path) -> io::Result<()> {
    let removed = Place::of(path).and_then(|place| match place.file_type()? {
        FileType::RegularFile => place.remove(),
        FileType::Directory => Err(io::ErrorKind::IsADirectory.into()),
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Ok(()),
    });
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn clearing_a_log_removes_a_file_and_rejects_a_directory() {
        let folder = std::env::temp_dir().join(format!("clear-{}", std::process::id()));
        fs::create_dir_all(folder.join("sub")).unwrap();
        fs::write(folder.join("log"), "text").unwrap();
        std::os::unix::fs::symlink("/dev/null", folder.join("device")).unwrap();
        assert!(remove_file(&folder.join("sub")).is_err());
        for name in ["log", "log", "device"] {
            remove_file(&folder.join(name)).unwrap();
        }
        assert!(!folder.join("log").exists() && folder.join("device").exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
