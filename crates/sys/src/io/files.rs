//! Files that exist while the supervisor runs: the effective configuration and the pidfile.
//!
//! A file is written completely or not at all, never through a symbolic link. The supervisor holds
//! a lock on it while it runs, so that supervisors can distinguish files in use from stale ones.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::guarded::{self, Place};

/// Links in this directory, such as `/dev/stdout`, are shared by all programs.
const DEVICES: &str = "/dev";

/// A file that this supervisor created. Removing it keeps a file that another process has put in
/// its place.
#[derive(Debug)]
pub struct OwnFile {
    place: Place,
    file: File,
}

impl OwnFile {
    /// Creates a file with this content at `path`, or replaces the file there.
    pub fn put(path: &Path, mode: u32, content: &[u8]) -> io::Result<Self> {
        let place = Place::of(path)?;
        if let Ok(there) = place.file_type()
            && !there.is_file()
            && (!there.is_symlink() || path.parent() == Some(Path::new(DEVICES)))
        {
            let message = "it exists and is not a regular file";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let draft = place.with_name(draft_name(path))?;
        remove_stale(&draft);
        let mut file = match draft.create(mode) {
            // The file may be writable although its directory is not.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return match Self::rewrite(path, content) {
                    Err(none) if none.kind() == io::ErrorKind::NotFound => Err(error),
                    rewritten => rewritten,
                };
            }
            other => other?,
        };
        let placed = file
            .write_all(content)
            .and_then(|()| Ok(rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?))
            .and_then(|()| draft.rename(&place));
        if let Err(error) = placed {
            let _ = draft.remove();
            return Err(error);
        }
        Ok(Self { place, file })
    }

    /// Overwrites the content of the existing file.
    fn rewrite(path: &Path, content: &[u8]) -> io::Result<Self> {
        let place = Place::of(path)?;
        let flags = OFlags::WRONLY | OFlags::TRUNC | OFlags::NOFOLLOW;
        let mut file = guarded::open(path, flags, Mode::empty())?;
        file.write_all(content)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { place, file })
    }

    /// Removes the file if it is still this supervisor's.
    pub fn remove(self) {
        let ours = self.file.metadata().map(|ours| (ours.dev(), ours.ino()));
        let there = self.place.stat().map(|there| (there.st_dev, there.st_ino));
        if let (Ok(ours), Ok(there)) = (ours, there)
            && ours == there
        {
            let _ = self.place.remove();
        }
    }
}

/// Whether the file at `path` belongs to another supervisor that is running.
pub fn is_taken(path: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::open(path, flags, Mode::empty()) else { return false };
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// `path` with this supervisor's pid before the extension: `/tmp/supervisord.42.conf`.
pub fn with_pid(path: &Path) -> PathBuf {
    let mut name = path.file_stem().map_or_else(OsString::new, OsStr::to_owned);
    name.push(format!(".{}", std::process::id()));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn draft_name(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    name
}

/// Removes the draft of an earlier process with the same pid that was killed while it wrote. Such a
/// draft is a file that only its owner, this user, can write. Anything else of this name is kept
/// and is an error.
fn remove_stale(draft: &Place) {
    let Ok(there) = draft.stat() else { return };
    let is_file = FileType::from_raw_mode(there.st_mode).is_file();
    let is_ours = there.st_uid == rustix::process::geteuid().as_raw();
    if is_file && is_ours && there.st_nlink == 1 && there.st_mode & 0o022 == 0 {
        let _ = draft.remove();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_symbolic_link_is_replaced_and_not_followed() {
        let folder = folder("link");
        fs::write(folder.join("victim"), "precious").unwrap();
        std::os::unix::fs::symlink("victim", folder.join("conf")).unwrap();
        let own = OwnFile::put(&folder.join("conf"), 0o600, b"new").unwrap();
        assert_eq!(fs::read(folder.join("victim")).unwrap(), b"precious");
        assert_eq!(fs::read(folder.join("conf")).unwrap(), b"new");
        own.remove();
        assert!(!folder.join("conf").exists() && folder.join("victim").exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn shared_devices_are_not_replaced() {
        for path in ["/dev/stdout", "/dev/null", "/dev/fd"] {
            let error = OwnFile::put(Path::new(path), 0o600, b"new").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{path}");
        }
    }

    #[test]
    fn a_link_with_the_name_of_the_draft_is_kept() {
        let folder = folder("draft");
        let path = folder.join("conf");
        let draft = folder.join(draft_name(&path));
        std::os::unix::fs::symlink("precious", &draft).unwrap();
        assert!(OwnFile::put(&path, 0o600, b"new").is_err());
        assert!(draft.is_symlink());
        fs::remove_file(&draft).unwrap();
        fs::write(&draft, "left behind").unwrap();
        OwnFile::put(&path, 0o600, b"new").unwrap();
        assert!(!draft.exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_the_owner_may_read_a_file() {
        let folder = folder("mode");
        let _own = OwnFile::put(&folder.join("conf"), 0o600, b"--api-key x").unwrap();
        assert_eq!(fs::metadata(folder.join("conf")).unwrap().mode() & 0o777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_is_in_use_while_its_owner_is_alive() {
        let folder = folder("taken");
        let path = folder.join("conf");
        assert!(!is_taken(&path));
        let own = OwnFile::put(&path, 0o600, b"").unwrap();
        assert!(is_taken(&path));
        drop(own);
        assert!(!is_taken(&path));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_another_owner_replaced_is_not_removed() {
        let folder = folder("other");
        let path = folder.join("conf");
        let own = OwnFile::put(&path, 0o600, b"mine").unwrap();
        let other = OwnFile::put(&path, 0o600, b"theirs").unwrap();
        own.remove();
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        drop(other);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_directory_or_device_is_never_replaced() {
        let folder = folder("device");
        assert!(OwnFile::put(&folder, 0o600, b"").is_err());
        assert!(OwnFile::put(Path::new("/dev/null"), 0o600, b"").is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("files-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }
}
