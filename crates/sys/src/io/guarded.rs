//! Opens files as root in directories that other users can write.
//!
//! A log is often in a directory of the user whose program writes it. If root followed every
//! symbolic link there, that user could make root append to, rotate, clear or show any file.
//! Therefore root follows a link only if root owns it, and only in a directory in which no other
//! user can replace it. Links such as `/var/log` to a volume, or `access.log` to `/dev/stdout`, are
//! in directories of root.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// The maximum number of links on the way to a file, as in the kernel.
const MOST_LINKS: usize = 40;

/// The magic number of procfs, whose links do not lead to a path.
const PROC: u64 = 0x9fa0;

/// A name in a directory that was reached through trusted links only.
#[derive(Debug)]
pub struct Place {
    directory: OwnedFd,
    name: OsString,
}

/// Opens a file, following trusted links only.
pub fn open(path: &Path, flags: OFlags, mode: Mode) -> io::Result<File> {
    let flags = flags | OFlags::CLOEXEC;
    let mode = if flags.contains(OFlags::CREATE) { mode } else { Mode::empty() };
    if !rustix::process::geteuid().is_root() {
        return Ok(rustix::fs::open(path, flags, mode)?.into());
    }
    match rustix::fs::openat2(CWD, path, flags, mode, ResolveFlags::NO_SYMLINKS) {
        // There is a link, or the kernel or a filter doesn't know the call.
        Err(Errno::LOOP | Errno::NOSYS | Errno::PERM) => Place::walk(path, Some((flags, mode)))?
            .opened
            .map(File::from)
            .ok_or_else(|| Errno::ISDIR.into()),
        opened => Ok(opened?.into()),
    }
}

impl Place {
    /// Resolves a path. A link at its end is not followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        let Walk { directory, name, .. } = Self::walk(path, None)?;
        Ok(Self { directory, name })
    }

    /// The same directory with another name: this name and a suffix.
    pub fn with_ending(&self, ending: &str) -> io::Result<Self> {
        let mut name = self.name.clone();
        name.push(ending);
        self.with_name(name)
    }

    /// The same directory with another name.
    pub fn with_name(&self, name: OsString) -> io::Result<Self> {
        Ok(Self { directory: self.directory.try_clone()?, name })
    }

    /// Creates a new file.
    pub fn create(&self, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode);
        Ok(rustix::fs::openat(&self.directory, &self.name, flags, mode)?.into())
    }

    /// Renames the entry to another place, and replaces an entry there.
    pub fn rename(&self, to: &Self) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.directory, &self.name, &to.directory, &to.name)?)
    }

    /// Removes the entry, unless it is a directory.
    pub fn remove(&self) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty())?)
    }

    /// The attributes of the entry; a link is not followed.
    pub fn stat(&self) -> io::Result<Stat> {
        Ok(rustix::fs::statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// The type of the entry.
    pub fn file_type(&self) -> io::Result<FileType> {
        Ok(FileType::from_raw_mode(self.stat()?.st_mode))
    }

    fn walk(path: &Path, open: Option<(OFlags, Mode)>) -> io::Result<Walk> {
        let mut walk = Walk { directory: start(path)?, name: OsString::new(), opened: None };
        let mut rest = parts(path);
        let mut links = 0;
        while let Some(name) = rest.pop() {
            let link = match (rest.is_empty(), open) {
                (true, None) => {
                    walk.name = name;
                    break;
                }
                (true, Some((flags, mode))) => {
                    walk.name.clone_from(&name);
                    match rustix::fs::openat(&walk.directory, &name, flags | OFlags::NOFOLLOW, mode)
                    {
                        Err(Errno::LOOP) => {}
                        opened => {
                            walk.opened = Some(opened?);
                            break;
                        }
                    }
                    open_link(&walk.directory, &name)?
                }
                (false, _) => open_link(&walk.directory, &name)?,
            };
            if !FileType::from_raw_mode(rustix::fs::fstat(&link)?.st_mode).is_symlink() {
                walk.directory = link;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP.into());
            }
            walk.trust(&link, path)?;
            if rustix::fs::fstatfs(&link)?.f_type.cast_unsigned() == PROC {
                // Where it leads only the kernel knows.
                if let (true, Some((flags, mode))) = (rest.is_empty(), open) {
                    walk.opened = Some(rustix::fs::openat(&walk.directory, &name, flags, mode)?);
                    break;
                }
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                walk.directory = rustix::fs::openat(&walk.directory, &name, flags, Mode::empty())?;
                continue;
            }
            let target = rustix::fs::readlinkat(&link, c"", Vec::new())?;
            let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
            if target.is_absolute() {
                walk.directory = start(&target)?;
            }
            rest.extend(parts(&target));
        }
        Ok(walk)
    }
}

/// The state of following a path.
#[derive(Debug)]
struct Walk {
    directory: OwnedFd,
    name: OsString,
    opened: Option<OwnedFd>,
}

impl Walk {
    /// Whether a link in the directory may be followed.
    fn trust(&self, link: &OwnedFd, path: &Path) -> io::Result<()> {
        let (directory, link) = (rustix::fs::fstat(&self.directory)?, rustix::fs::fstat(link)?);
        if is_trusted(&directory, &link) {
            return Ok(());
        }
        let message = format!(
            "'{}' contains a symbolic link that a user other than root may have created",
            path.display()
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
    }
}

/// Whether no user but root can have put this link into this directory.
fn is_trusted(directory: &Stat, link: &Stat) -> bool {
    let mode = Mode::from_raw_mode(directory.st_mode);
    let by_others =
        mode.contains(Mode::WOTH) || (mode.contains(Mode::WGRP) && directory.st_gid != 0);
    // In a sticky directory others can't move the link away.
    let replaceable = by_others && !mode.contains(Mode::SVTX);
    link.st_uid == 0 && directory.st_uid == 0 && !replaceable
}

/// Opens the directory in which a path starts.
fn start(path: &Path) -> io::Result<OwnedFd> {
    let at = if path.is_absolute() { c"/" } else { c"." };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(at, flags, Mode::empty())?)
}

/// The components of a path in reverse order.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    names.collect()
}

fn open_link(directory: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, name.as_bytes(), flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

    use super::*;

    const NOBODY: Option<u32> = Some(65534);

    fn append(path: &Path) -> io::Result<()> {
        let flags = OFlags::APPEND | OFlags::CREATE | OFlags::WRONLY | OFlags::NOCTTY;
        open(path, flags, Mode::from_raw_mode(0o644))?.write_all(b"line\n")
    }

    /// A directory with a file `precious`, and a directory `app` of another user.
    fn folder(name: &str) -> Option<PathBuf> {
        let folder = std::env::temp_dir().join(format!("guarded-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("app")).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.join("precious"), "").unwrap();
        // Only root gives directories away, and only root's links are the matter.
        chown(folder.join("app"), NOBODY, NOBODY).ok().map(|()| folder)
    }

    fn is_untouched(folder: &Path) -> bool {
        fs::read(folder.join("precious")).unwrap().is_empty()
    }

    #[test]
    fn a_link_of_another_user_is_not_followed() {
        let Some(folder) = folder("theirs") else { return };
        symlink("../precious", folder.join("app/log")).unwrap();
        for owner in [NOBODY, Some(0)] {
            // Also root's: in their directory they can give it this name.
            lchown(folder.join("app/log"), owner, None).unwrap();
            let error = append(&folder.join("app/log")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
        }
        symlink("..", folder.join("app/up")).unwrap();
        assert!(append(&folder.join("app/up/precious")).is_err());
        assert!(Place::of(&folder.join("app/up/precious")).is_err());
        symlink("app/up", folder.join("by-root")).unwrap();
        assert!(append(&folder.join("by-root/precious")).is_err());
        assert!(is_untouched(&folder));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_of_another_user_may_be_written() {
        let Some(folder) = folder("file") else { return };
        append(&folder.join("app/log")).unwrap();
        append(&folder.join("app/log")).unwrap();
        assert_eq!(fs::read(folder.join("app/log")).unwrap(), b"line\nline\n");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn links_of_root_are_followed_where_only_root_writes() {
        let Some(folder) = folder("ours") else { return };
        let precious = folder.join("precious");
        symlink(&precious, folder.join("absolute")).unwrap();
        symlink("app/../absolute", folder.join("relative")).unwrap();
        symlink("app", folder.join("logs")).unwrap();
        append(&folder.join("relative")).unwrap();
        append(&folder.join("logs/log")).unwrap();
        assert!(!is_untouched(&folder) && folder.join("app/log").exists());
        symlink("new", folder.join("dangling")).unwrap();
        append(&folder.join("dangling")).unwrap();
        assert!(folder.join("new").exists());
        symlink("loop", folder.join("loop")).unwrap();
        assert!(append(&folder.join("loop")).is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn links_to_stdout_and_stderr_are_followed() {
        let Some(folder) = folder("devices") else { return };
        symlink("/dev/stdout", folder.join("access.log")).unwrap();
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOCTTY;
        open(&folder.join("access.log"), flags, Mode::empty()).unwrap();
        open(Path::new("/dev/stderr"), flags, Mode::empty()).unwrap();
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_sticky_directory_keeps_the_links_of_root() {
        let Some(folder) = folder("sticky") else { return };
        let sticky = folder.join("tmp");
        fs::create_dir(&sticky).unwrap();
        symlink("../precious", sticky.join("log")).unwrap();
        for (mode, followed) in [(0o1777, true), (0o777, false), (0o775, true), (0o755, true)] {
            fs::set_permissions(&sticky, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(append(&sticky.join("log")).is_ok(), followed, "{mode:o}");
        }
        fs::set_permissions(&sticky, fs::Permissions::from_mode(0o1777)).unwrap();
        lchown(sticky.join("log"), NOBODY, None).unwrap();
        assert!(append(&sticky.join("log")).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
