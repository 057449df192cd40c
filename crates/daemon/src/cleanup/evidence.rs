//! Links files to a program: records the files that its processes have open, mapped or bound, and
//! the sockets that their command lines name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, CWD, FileType, statat};
use supervisor_core::files::named_sockets;
use supervisor_core::ids::{Member, Pid};
use supervisor_sys::process::process_table::start_of;
use supervisor_wire::system::procfs;

use super::entries::{ENTRIES, Identity};

/// The files of one program, for all its runs together.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Files in shared memory, and sockets, that its processes had open, mapped or bound.
    pub(super) files: BTreeSet<Identity>,
    /// The paths of its sockets: those that are bound, and those in command lines.
    pub(super) sockets: BTreeSet<PathBuf>,
    /// The paths in `sockets` that come from command lines.
    pub(super) named: BTreeSet<PathBuf>,
    /// Its processes.
    members: BTreeSet<Member>,
}

/// The same, shared with other threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence(Arc<Mutex<Seen>>);

impl Evidence {
    /// Records the open files of these processes, and returns the number of files. It may take
    /// long, or block on one of the processes.
    pub(crate) fn look_at(&self, members: &[Member]) -> usize {
        let mut seen = Seen::default();
        let memory = rustix::fs::stat("/dev/shm").ok().map(|stat| stat.st_dev);
        for member in members {
            let mut of_one = Seen::default();
            // If a process cannot be read, nothing is recorded.
            let _ = of_one.look_into(member.pid, memory);
            let same = start_of(member.pid).is_ok_and(|start| start == Some(member.start));
            if same {
                of_one.members.insert(*member);
                seen.add(of_one);
            }
        }
        let count = seen.files.len();
        self.locked().add(seen);
        count
    }

    /// All files that are recorded now.
    pub(super) fn all(&self) -> Seen {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// The processes that have exited and whose pid is free. If another process has the pid now, a
    /// file name with that pid may belong to the other process.
    pub(super) fn dead(&self) -> impl Iterator<Item = Pid> {
        self.members.iter().map(|member| member.pid).filter(|pid| is_free(*pid))
    }

    fn add(&mut self, more: Self) {
        add(&mut self.files, more.files);
        add(&mut self.sockets, more.sockets);
        add(&mut self.named, more.named);
        add(&mut self.members, more.members);
    }

    fn look_into(&mut self, pid: Pid, memory: Option<u64>) -> io::Result<()> {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let line = fs::read(process.join("cmdline"))?;
        let words = line.split(|byte| *byte == 0).filter_map(|word| std::str::from_utf8(word).ok());
        self.named.extend(named_sockets(words));
        let maps = fs::read(process.join("maps"))?;
        let mapped = procfs::mapped(&maps)
            .map(|((major, minor), inode)| (rustix::fs::makedev(major, minor), inode));
        self.files.extend(mapped.filter(|(device, _)| Some(*device) == memory));
        let mut sockets = BTreeSet::new();
        for fd in fs::read_dir(process.join("fd"))? {
            // It may have been closed in the meantime.
            let Ok(stat) = rustix::fs::stat(fd?.path()) else { continue };
            let kind = FileType::from_raw_mode(stat.st_mode);
            if kind == FileType::Socket {
                sockets.insert(stat.st_ino);
            } else if kind == FileType::RegularFile && Some(stat.st_dev) == memory {
                self.files.insert((stat.st_dev, stat.st_ino));
            }
        }
        if !sockets.is_empty() {
            self.find_bound(&process, &sockets)?;
        }
        Ok(())
    }

    /// Finds the paths at which these sockets are bound, as the process sees the file system.
    fn find_bound(&mut self, process: &Path, sockets: &BTreeSet<u64>) -> io::Result<()> {
        let list = fs::read(process.join("net/unix"))?;
        for (_, path) in procfs::bound_sockets(&list).filter(|(inode, _)| sockets.contains(inode)) {
            let path = Path::new(OsStr::from_bytes(path));
            let path = match path.is_absolute() {
                true => path.to_owned(),
                false => fs::read_link(process.join("cwd"))?.join(path),
            };
            let there = process.join("root").join(path.strip_prefix("/").unwrap_or(&path));
            let Ok(stat) = statat(CWD, there, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if FileType::from_raw_mode(stat.st_mode) == FileType::Socket {
                self.files.insert((stat.st_dev, stat.st_ino));
                self.sockets.insert(path);
            }
        }
        Ok(())
    }
}

/// Whether no process has this pid.
pub(super) fn is_free(pid: Pid) -> bool {
    start_of(pid).is_ok_and(|start| start.is_none())
}

/// Adds entries up to the limit, and drops the others.
fn add<T: Ord>(all: &mut BTreeSet<T>, more: BTreeSet<T>) {
    for one in more {
        if all.len() >= ENTRIES {
            return;
        }
        all.insert(one);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn open_mapped_and_bound_files_of_a_process_are_found() {
        let own = Pid(std::process::id().cast_signed());
        let place = PathBuf::from(format!("/dev/shm/evidence-{own}"));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
        let (file, socket) = (place.join("file"), place.join("socket"));
        let held = fs::File::create(&file).unwrap();
        let closed = place.join("closed");
        fs::write(&closed, "").unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let evidence = Evidence::default();
        let start = start_of(own).unwrap().unwrap();
        evidence.look_at(&[Member { pid: own, start }]);
        // An earlier process with the same pid.
        evidence.look_at(&[Member { pid: own, start: start - 1 }]);
        drop((held, listener));
        let seen = evidence.all();
        let has = |path: &Path| {
            let stat = rustix::fs::stat(path).unwrap();
            seen.files.contains(&(stat.st_dev, stat.st_ino))
        };
        assert_eq!([&file, &closed, &socket].map(|path| has(path)), [true, false, true]);
        assert!(seen.sockets.contains(&socket) && seen.named.is_empty());
        assert_eq!((seen.members.len(), seen.dead().count()), (1, 0));
        let gone = Pid(i32::MAX);
        let recycled = Member { pid: own, start: start - 1 };
        let members = BTreeSet::from([recycled, Member { pid: gone, start }]);
        let earlier = Seen { members, ..Seen::default() };
        assert_eq!(earlier.dead().collect::<Vec<_>>(), [gone]);
        fs::remove_dir_all(place).unwrap();
    }
}
