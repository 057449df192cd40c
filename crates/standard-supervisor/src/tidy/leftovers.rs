//! Entries of shared memory, and sockets in the file system, that a run left behind.
//!
//! An entry is removed only if it appeared during the run, belongs to the run's user, and
//! no living process has it open or mapped, or listens there. Folders are held open while
//! that is found out and done, so nobody can put another folder in their place.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fs;
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, Dir, FileType, MemfdFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use supervisor_wire::procfs;

use crate::aside::Wanted;

/// Entries of one place that are looked at.
const ENTRIES: usize = 4096;

/// A file, whatever its name: the device that it is on, and its number there.
type Identity = (u64, u64);

/// What is looked for in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Shared memory, and sockets.
    Everything,
    /// Sockets, also one folder further down.
    Sockets,
}

/// Where runs leave things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places(Vec<(PathBuf, Kind)>);

impl Places {
    /// Those that every user has.
    pub(crate) fn of_user(uid: u32) -> Self {
        Self(vec![
            ("/dev/shm".into(), Kind::Everything),
            ("/tmp".into(), Kind::Sockets),
            (format!("/run/user/{uid}").into(), Kind::Sockets),
        ])
    }
}

/// What was there when a run began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    /// When that was, on the clock by which files are dated.
    since: Duration,
    /// What was there in places where files don't tell when they were made.
    known: BTreeSet<Identity>,
}

/// Somebody's leftovers.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) places: Places,
    pub(crate) uid: u32,
    pub(crate) before: Before,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) paths: Vec<PathBuf>,
    /// Bytes of memory that this gave back.
    pub(crate) bytes: u64,
}

/// The present moment on the clock by which files are dated: none that was made before is
/// younger. That clock is coarser than others, but since Linux 6.13 it runs ahead of the
/// coarse one, which can be asked, whenever files
/// [need finer dates](https://docs.kernel.org/filesystems/multigrain-ts.html). So a file
/// tells, one without a name: neither is what was there before taken for new, nor what a
/// program makes at once for old.
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
    /// What is there. `since`: when the run began, a moment ago.
    pub(crate) fn look(places: &Places, since: Duration) -> Self {
        let mut known = BTreeSet::new();
        for (path, kind) in &places.0 {
            let Ok(folder) = open_folder(path) else { continue };
            let dated = stat(folder.as_fd(), c"").is_some_and(|stat| stat.born.is_some());
            if !dated {
                let mut note = |found: Seen<'_>| {
                    // What changed since may have been made since.
                    if found.stat.changed < since {
                        known.insert(found.stat.identity);
                    }
                };
                Walk::new(*kind, Duration::ZERO, &mut note).through(path, &folder);
            }
        }
        Self { since, known }
    }

    fn had(&self, stat: &Stat) -> bool {
        match stat.born {
            Some(born) => born < self.since,
            None => stat.changed < self.since || self.known.contains(&stat.identity),
        }
    }
}

impl Search {
    /// Removes them.
    pub(crate) fn remove(&self, wanted: &Wanted) -> Removed {
        let mut found = Vec::new();
        for (path, kind) in &self.places.0 {
            let Ok(folder) = open_folder(path) else { continue };
            let mut note = |entry: Seen<'_>| {
                if entry.stat.uid == self.uid && !self.before.had(&entry.stat) {
                    found.extend(entry.keep());
                }
            };
            Walk::new(*kind, self.before.since, &mut note).through(path, &folder);
        }
        let mut removed = Removed::default();
        if found.is_empty() {
            return removed;
        }
        // Whom we can't ask may have all of it.
        let Some(users) = Users::now() else { return removed };
        for entry in found.iter().filter(|entry| !users.have(entry)) {
            if wanted.still() && entry.remove() {
                removed.paths.push(entry.path.clone());
                removed.bytes += entry.stat.bytes;
            }
        }
        removed
    }
}

/// The kernel's numbers of the namespaces that a machine begins with (`PROC_IPC_INIT_INO` and
/// `PROC_PID_INIT_INO`).
const IPC_OF_HOST: u64 = 0xEFFF_FFFF;
const PID_OF_HOST: u64 = 0xEFFF_FFFC;

/// What is known of an entry.
#[derive(Clone, Copy, Debug)]
struct Stat {
    identity: Identity,
    kind: FileType,
    uid: u32,
    mode: u32,
    bytes: u64,
    born: Option<Duration>,
    changed: Duration,
}

/// An entry that is just being looked at.
struct Seen<'a> {
    folder: BorrowedFd<'a>,
    folder_path: &'a Path,
    name: &'a CStr,
    stat: Stat,
}

/// An entry that may be removed.
#[derive(Debug)]
struct Found {
    folder: OwnedFd,
    name: CString,
    path: PathBuf,
    stat: Stat,
}

impl Seen<'_> {
    fn keep(&self) -> Option<Found> {
        let folder = self.folder.try_clone_to_owned().ok()?;
        let path = self.folder_path.join(self.name.to_string_lossy().as_ref());
        Some(Found { folder, name: self.name.to_owned(), path, stat: self.stat })
    }
}

impl Found {
    /// Whether it could be removed, still being what it was.
    fn remove(&self) -> bool {
        let same = stat(self.folder.as_fd(), &self.name)
            .is_some_and(|stat| stat.identity == self.stat.identity);
        same && rustix::fs::unlinkat(&self.folder, &*self.name, AtFlags::empty()).is_ok()
    }
}

/// Who uses what.
struct Users {
    files: BTreeSet<Identity>,
    /// Paths at which sockets are bound.
    sockets: BTreeSet<Vec<u8>>,
    /// There are processes into which we may not look.
    hidden: bool,
}

impl Users {
    /// `None`: they can't be known.
    fn now() -> Option<Self> {
        if shares_memory_with_the_unseen() {
            return None;
        }
        let list = fs::read("/proc/net/unix").unwrap_or_default();
        let sockets = procfs::unix_paths(&list).map(<[u8]>::to_vec).collect();
        let mut users = Self { files: BTreeSet::new(), sockets, hidden: false };
        let mut ourselves = false;
        for entry in fs::read_dir("/proc").ok()? {
            let entry = entry.ok()?;
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
            else {
                continue;
            };
            ourselves |= pid == std::process::id();
            match users.look_into(&entry.path()) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::PermissionDenied => users.hidden = true,
                // It has ended meanwhile.
                Err(_) if !entry.path().exists() => {}
                Err(_) => return None,
            }
        }
        ourselves.then_some(users)
    }

    fn look_into(&mut self, process: &Path) -> std::io::Result<()> {
        let maps = fs::read(process.join("maps"))?;
        self.files.extend(
            procfs::mapped(&maps)
                .map(|((major, minor), inode)| (rustix::fs::makedev(major, minor), inode)),
        );
        for fd in fs::read_dir(process.join("fd"))? {
            match rustix::fs::stat(fd?.path()) {
                Ok(stat) => {
                    self.files.insert((stat.st_dev, stat.st_ino));
                }
                // It was closed meanwhile, or is nothing that has a name.
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn have(&self, entry: &Found) -> bool {
        if self.files.contains(&entry.stat.identity) {
            return true;
        }
        if entry.stat.kind == FileType::Socket {
            let path = entry.path.as_os_str().as_encoded_bytes();
            return self.sockets.contains(path) || answers(entry);
        }
        // Whom we can't see can't have it either, if only its owner may open it.
        self.hidden && entry.stat.mode & 0o077 != 0
    }
}

/// Whether shared memory is the host's, as with `docker run --ipc=host`, and its processes
/// are not to be seen.
fn shares_memory_with_the_unseen() -> bool {
    let of_host = |kind: &str, number: u64| {
        let namespace = fs::metadata(format!("/proc/self/ns/{kind}"));
        namespace.is_ok_and(|namespace| namespace.ino() == number)
    };
    of_host("ipc", IPC_OF_HOST) && !of_host("pid", PID_OF_HOST)
}

/// Whether somebody listens at a socket, as only asking tells where it is listed under
/// another name, or in another network's list.
fn answers(entry: &Found) -> bool {
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

fn open_folder(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

/// Shows the entries of a place that are of its kind.
struct Walk<'a> {
    kind: Kind,
    /// Folders below that last changed before hold nothing that is looked for: whoever makes
    /// an entry changes its folder.
    changed_since: Duration,
    see: &'a mut dyn FnMut(Seen<'_>),
    /// Entries that may still be looked at.
    left: usize,
}

impl<'a> Walk<'a> {
    fn new(kind: Kind, changed_since: Duration, see: &'a mut dyn FnMut(Seen<'_>)) -> Self {
        Self { kind, changed_since, see, left: ENTRIES }
    }

    fn through(mut self, path: &Path, folder: &OwnedFd) {
        self.show(path, folder, true);
    }

    fn show(&mut self, path: &Path, folder: &OwnedFd, deeper: bool) {
        let Ok(entries) = Dir::read_from(folder) else { return };
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
                    (self.see)(Seen { folder: folder.as_fd(), folder_path: path, name, stat });
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
            self.show(&path.join(name.to_string_lossy().as_ref()), &below, false);
        }
    }
}

fn stat(folder: BorrowedFd<'_>, name: &CStr) -> Option<Stat> {
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
        mode: stat.stx_mode.into(),
        bytes: stat.stx_blocks.saturating_mul(512),
        born: dated.then(|| moment(stat.stx_btime)),
        changed: moment(stat.stx_ctime),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A folder in place of shared memory, what it holds being of today.
    struct Playground(PathBuf);

    impl Playground {
        fn new(name: &str) -> Self {
            let path = PathBuf::from(format!("/dev/shm/leftovers-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, [1; 8192]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path
        }

        fn remove(&self, kind: Kind, before: Before) -> Removed {
            let (places, uid) = (Places(vec![(self.0.clone(), kind)]), own());
            Search { places, uid, before }.remove(&Wanted::default())
        }
    }

    impl Drop for Playground {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn own() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn only_what_appeared_and_is_used_by_nobody_goes() {
        let place = Playground::new("files");
        let places = Places(vec![(place.0.clone(), Kind::Everything)]);
        let old = place.file("old");
        // The clock of files moves in steps of a few milliseconds.
        let made = file_time();
        while file_time() <= made {}
        let before = Before::look(&places, file_time());
        let (new, open) = (place.file("new"), place.file("open"));
        symlink(&old, place.0.join("link")).unwrap();
        fs::create_dir(place.0.join("folder")).unwrap();
        let held = fs::File::open(&open).unwrap();
        let removed = place.remove(Kind::Everything, before.clone());
        assert_eq!((&removed.paths[..], removed.bytes), (&[new][..], 8192));
        assert!(old.exists() && open.exists() && place.0.join("link").exists());
        drop(held);
        assert_eq!(place.remove(Kind::Everything, before).paths, [open]);
    }

    #[test]
    fn what_belongs_to_another_user_stays() {
        let place = Playground::new("user");
        let file = place.file("theirs");
        let places = Places(vec![(place.0.clone(), Kind::Everything)]);
        let search = Search { places, uid: own() + 1, before: Before::default() };
        assert_eq!(search.remove(&Wanted::default()), Removed::default());
        assert!(file.exists());
    }

    #[test]
    fn a_socket_goes_when_nobody_listens() {
        let place = Playground::new("sockets");
        fs::create_dir(place.0.join("below")).unwrap();
        let (dead, alive) = (place.0.join("below/dead"), place.0.join("alive"));
        drop(UnixListener::bind(&dead).unwrap());
        let listener = UnixListener::bind(&alive).unwrap();
        // Listed under another name: only asking tells.
        let moved = place.0.join("moved");
        fs::rename(&alive, &moved).unwrap();
        let file = place.file("file");
        assert_eq!(place.remove(Kind::Sockets, Before::default()).paths, [dead]);
        assert!(moved.exists() && file.exists());
        drop(listener);
        assert_eq!(place.remove(Kind::Sockets, Before::default()).paths, [moved]);
    }

    #[test]
    fn a_folder_in_which_nothing_was_made_is_not_entered() {
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
    fn where_files_are_not_dated_what_was_there_is_known_by_its_number() {
        let stat = |changed, number| Stat {
            identity: (1, number),
            kind: FileType::RegularFile,
            uid: 0,
            mode: 0,
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
