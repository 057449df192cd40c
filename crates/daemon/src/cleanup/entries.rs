//! The directories in which runs leave shared memory and sockets.
//!
//! A directory stays open from the inspection of an entry to its removal, so that no other
//! directory can take its place.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::{AtFlags, Dir, FileType, MemfdFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// The number of entries of one directory that are examined.
pub(super) const ENTRIES: usize = 4096;

/// The identity of a file, whatever its name: its device and its inode number.
pub(super) type Identity = (u64, u64);

/// The kinds of entries to find in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Shared memory and sockets.
    Everything,
    /// Sockets, also in direct subdirectories.
    Sockets,
}

/// The directories in which runs leave files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places(pub(super) Vec<(PathBuf, Kind)>);

impl Places {
    /// The directories that every user has.
    pub(crate) fn of_user(uid: u32) -> Self {
        Self(vec![
            ("/dev/shm".into(), Kind::Everything),
            ("/tmp".into(), Kind::Sockets),
            (format!("/run/user/{uid}").into(), Kind::Sockets),
        ])
    }
}

/// The files that existed when a program was first started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    /// The time of that start, on the clock of the file system.
    pub(super) since: Duration,
    /// The files that existed in directories whose files have no creation time.
    pub(super) known: BTreeSet<Identity>,
}

/// The present time on the clock of the file system: no file that was created before is younger.
/// That clock is coarser than others, but since Linux 6.13 it runs ahead of the coarse clock, which
/// programs can read, whenever files [need finer
/// dates](https://docs.kernel.org/filesystems/multigrain-ts.html). The function therefore creates
/// an unnamed file and reads its time. Existing files are then never taken for new ones, and a
/// program's first files are never taken for old ones.
pub(crate) fn file_time() -> Duration {
    let file = rustix::fs::memfd_create(c"clock", MemfdFlags::CLOEXEC);
    file.ok().and_then(|file| stat(file.as_fd(), c"")).map_or_else(coarse_time, |it| it.changed)
}

fn coarse_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), nanos)
}

impl Before {
    /// Records the existing files. `since`: the time of the program's first start, a moment ago.
    pub(crate) fn look(places: &Places, since: Duration) -> Self {
        let mut known = BTreeSet::new();
        for (path, kind) in &places.0 {
            let Ok(folder) = open_folder(path) else { continue };
            let dated = stat(folder.as_fd(), c"").is_some_and(|stat| stat.born.is_some());
            if !dated {
                let mut note = |found: Seen<'_>| {
                    // A file that changed since then may also have been created since then.
                    if found.stat.changed < since {
                        known.insert(found.stat.identity);
                    }
                };
                Walk::new(*kind, Duration::ZERO, &mut note).through(path, &folder);
            }
        }
        Self { since, known }
    }

    pub(super) fn had(&self, stat: &Stat) -> bool {
        match stat.born {
            Some(born) => born < self.since,
            None => stat.changed < self.since || self.known.contains(&stat.identity),
        }
    }
}

/// The attributes of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stat {
    pub(super) identity: Identity,
    pub(super) kind: FileType,
    pub(super) uid: u32,
    pub(super) bytes: u64,
    pub(super) born: Option<Duration>,
    pub(super) changed: Duration,
}

/// An entry under examination.
pub(super) struct Seen<'a> {
    pub(super) folder: &'a Rc<OwnedFd>,
    pub(super) folder_path: &'a Path,
    pub(super) name: &'a CStr,
    pub(super) stat: Stat,
}

/// An entry that may be a leftover file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) folder: Rc<OwnedFd>,
    pub(super) name: CString,
    pub(super) path: PathBuf,
    pub(super) stat: Stat,
}

impl Seen<'_> {
    pub(super) fn keep(&self) -> Found {
        let path = self.folder_path.join(self.name.to_string_lossy().as_ref());
        let (folder, name) = (Rc::clone(self.folder), self.name.to_owned());
        Found { folder, name, path, stat: self.stat }
    }
}

impl Found {
    /// A socket at any path.
    pub(super) fn socket_at(path: &Path) -> Option<Self> {
        let name = CString::new(path.file_name()?.as_encoded_bytes()).ok()?;
        let folder = open_folder(path.parent()?).ok()?;
        let stat = stat(folder.as_fd(), &name).filter(|stat| stat.kind == FileType::Socket)?;
        Some(Self { folder, name, path: path.to_owned(), stat })
    }

    /// Removes the entry if it is still the same file; returns whether it did.
    pub(super) fn remove(&self) -> bool {
        let same = stat(self.folder.as_fd(), &self.name)
            .is_some_and(|stat| stat.identity == self.stat.identity);
        same && rustix::fs::unlinkat(&*self.folder, &*self.name, AtFlags::empty()).is_ok()
    }
}

/// Whether a process listens on a socket. Only a connection shows this if the socket is listed
/// under another name, or in the list of another network namespace.
pub(super) fn answers(entry: &Found) -> bool {
    let path = format!("/proc/self/fd/{}/", entry.folder.as_raw_fd()).into_bytes();
    let path = [&path, entry.name.to_bytes()].concat();
    let Ok(address) = SocketAddrUnix::new(path) else { return true };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let Ok(socket) = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
    else {
        return true;
    };
    rustix::net::connect(&socket, &address) != Err(Errno::CONNREFUSED)
}

pub(super) fn open_folder(path: &Path) -> rustix::io::Result<Rc<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map(Rc::new)
}

/// Shows the entries of a directory that are of the wanted kind.
pub(super) struct Walk<'a> {
    kind: Kind,
    /// Subdirectories that last changed before this time contain no wanted entry, because creating
    /// an entry changes its directory.
    changed_since: Duration,
    see: &'a mut dyn FnMut(Seen<'_>),
    /// The number of entries that may still be examined.
    left: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        kind: Kind,
        changed_since: Duration,
        see: &'a mut dyn FnMut(Seen<'_>),
    ) -> Self {
        Self { kind, changed_since, see, left: ENTRIES }
    }

    pub(super) fn through(mut self, path: &Path, folder: &Rc<OwnedFd>) {
        self.show(path, folder, true);
    }

    fn show(&mut self, path: &Path, folder: &Rc<OwnedFd>, deeper: bool) {
        let Ok(entries) = Dir::read_from(&**folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let may_be_wanted = match (self.kind, entry.file_type()) {
                (_, FileType::Socket | FileType::Unknown) => true,
                (Kind::Everything, kind) => kind == FileType::RegularFile,
                (Kind::Sockets, kind) => kind == FileType::Directory && deeper,
            };
            if !may_be_wanted {
                continue;
            }
            let Some(stat) = stat(folder.as_fd(), name) else { continue };
            match (self.kind, stat.kind) {
                (_, FileType::Socket) | (Kind::Everything, FileType::RegularFile) => {
                    (self.see)(Seen { folder, folder_path: path, name, stat });
                }
                (Kind::Sockets, FileType::Directory) if deeper => {
                    self.enter(path, folder, name, stat)
                }
                (Kind::Everything | Kind::Sockets, _) => {}
            }
        }
    }

    fn enter(&mut self, path: &Path, folder: &OwnedFd, name: &CStr, stat: Stat) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if stat.changed < self.changed_since {
            return;
        }
        if let Ok(below) = rustix::fs::openat(folder, name, flags, Mode::empty()) {
            self.show(&path.join(name.to_string_lossy().as_ref()), &Rc::new(below), false);
        }
    }
}

pub(super) fn stat(folder: BorrowedFd<'_>, name: &CStr) -> Option<Stat> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
    let asked = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let stat = rustix::fs::statx(folder, name, flags, asked).ok()?;
    let moment = |time: rustix::fs::StatxTimestamp| {
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), time.tv_nsec)
    };
    let dated = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::BTIME);
    Some(Stat {
        identity: (rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor), stat.stx_ino),
        kind: FileType::from_raw_mode(stat.stx_mode.into()),
        uid: stat.stx_uid,
        bytes: stat.stx_blocks.saturating_mul(512),
        born: dated.then(|| moment(stat.stx_btime)),
        changed: moment(stat.stx_ctime),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;

    use super::super::removal::tests::Playground;
    use super::*;

    #[test]
    fn a_directory_without_new_files_is_not_searched() {
        let place = Playground::new("folders");
        let (old, new) = (place.0.join("old"), place.0.join("new"));
        for folder in [&old, &new] {
            fs::create_dir(folder).unwrap();
            drop(UnixListener::bind(folder.join("before")).unwrap());
        }
        let made = file_time();
        while file_time() <= made {}
        let since = file_time();
        drop(UnixListener::bind(new.join("since")).unwrap());
        let mut seen = Vec::new();
        let mut note =
            |entry: Seen<'_>| seen.push(entry.folder_path.join(entry.name.to_str().unwrap()));
        Walk::new(Kind::Sockets, since, &mut note)
            .through(&place.0, &open_folder(&place.0).unwrap());
        seen.sort();
        assert_eq!(seen, [new.join("before"), new.join("since")]);
    }

    #[test]
    fn without_birth_times_earlier_files_are_known_by_their_inodes() {
        let stat = |changed, number| Stat {
            identity: (1, number),
            kind: FileType::RegularFile,
            uid: 0,
            bytes: 0,
            born: None,
            changed: Duration::from_secs(changed),
        };
        let before = Before { since: Duration::from_secs(10), known: BTreeSet::from([(1, 7)]) };
        assert!(before.had(&stat(9, 8)), "it has not even changed since");
        assert!(before.had(&stat(11, 7)), "it was changed since, but was there");
        assert!(!before.had(&stat(11, 8)));
        let born = Some(Duration::from_secs(9));
        assert!(before.had(&Stat { born, ..stat(11, 8) }));
    }
}
