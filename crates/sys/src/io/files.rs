//! Files that say that we are here: the record of the configuration, the pidfile.
//!
//! A file is written whole or not at all, never through a symbolic link, and held
//! under a lock as long as we live, so that instances can tell each other's files
//! from those of the dead.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

/// Links in here, such as `/dev/stdout`, are for all programs.
const DEVICES: &str = "/dev";

/// A file of ours. Removing it leaves alone what others have put in its place.
#[derive(Debug)]
pub struct OwnFile {
    path: PathBuf,
    file: File,
}

impl OwnFile {
    /// Puts a file with this content at `path`, in place of what is there.
    pub fn put(path: &Path, mode: u32, content: &[u8]) -> io::Result<Self> {
        if let Ok(there) = fs::symlink_metadata(path)
            && !there.is_file()
            && (!there.is_symlink() || path.parent() == Some(Path::new(DEVICES)))
        {
            let message = "there is something that is not a file";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let draft = beside(path);
        // Left by a predecessor with our pid that was killed while it wrote.
        let _ = fs::remove_file(&draft);
        let draft_file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft);
        let mut file = match draft_file {
            // The file may be ours to write where its folder isn't.
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
            .and_then(|()| fs::rename(&draft, path));
        if let Err(error) = placed {
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes into the file that is there.
    fn rewrite(path: &Path, content: &[u8]) -> io::Result<Self> {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let mut file =
            OpenOptions::new().write(true).truncate(true).custom_flags(flags).open(path)?;
        file.write_all(content)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Takes the file away, if it is still ours.
    pub fn remove(self) {
        let ours = self.file.metadata().map(|ours| (ours.dev(), ours.ino()));
        let there = fs::symlink_metadata(&self.path).map(|there| (there.dev(), there.ino()));
        if let (Ok(ours), Ok(there)) = (ours, there)
            && ours == there
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the file at `path` belongs to another instance that is alive.
pub fn is_taken(path: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::open(path, flags, Mode::empty()) else { return false };
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// `path` with our pid before its extension: `/tmp/supervisord.42.conf`.
pub fn with_pid(path: &Path) -> PathBuf {
    let mut name = path.file_stem().map_or_else(OsString::new, OsStr::to_owned);
    name.push(format!(".{}", std::process::id()));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
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
    fn what_all_programs_use_is_not_replaced() {
        for path in ["/dev/stdout", "/dev/null", "/dev/fd"] {
            let error = OwnFile::put(Path::new(path), 0o600, b"new").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{path}");
        }
    }

    #[test]
    fn only_its_owner_may_read_it() {
        let folder = folder("mode");
        let _own = OwnFile::put(&folder.join("conf"), 0o600, b"--api-key x").unwrap();
        assert_eq!(fs::metadata(folder.join("conf")).unwrap().mode() & 0o777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_is_taken_while_its_owner_lives() {
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
    fn what_another_put_there_is_left_alone() {
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
