//! A control group for each program, where we may make one.
//!
//! Nobody can leave a cgroup by forking, changing session or clearing the
//! environment, and the kernel ends all of its members in one stroke. Most
//! containers mount the hierarchy read-only; then `crate::tree` must do.
//! See [the kernel's documentation](https://docs.kernel.org/admin-guide/cgroup-v2.html).

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, StatVfsMountFlags};
use supervisor_core::ids::Pid;
use supervisor_wire::system::procfs;

use crate::process::reserve::is_shortage;

/// Where the hierarchy is mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// `CGROUP2_SUPER_MAGIC` of `linux/magic.h`.
const CGROUP2: i64 = 0x6367_7270;

/// One program's cgroup. Removed when dropped, if nobody is in it any more.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    procs: File,
}

/// The cgroup that we are in ourselves, if it is of version 2 and we may make
/// others beneath it.
pub fn own() -> Option<PathBuf> {
    let mount = CString::new(MOUNT).ok()?;
    if rustix::fs::statfs(&*mount).ok()?.f_type != CGROUP2
        || rustix::fs::statvfs(&*mount).ok()?.f_flag.contains(StatVfsMountFlags::RDONLY)
    {
        return None;
    }
    let list = fs::read("/proc/self/cgroup").ok()?;
    let own = procfs::cgroup2(&list)?;
    let path = Path::new(MOUNT).join(own.trim_start_matches('/'));
    rustix::fs::access(&path, Access::WRITE_OK).is_ok().then_some(path)
}

impl Cgroup {
    /// Makes one beneath `parent`.
    pub fn make(parent: &Path, name: &str) -> io::Result<Self> {
        let path = parent.join(name);
        fs::create_dir(&path)?;
        let procs = OpenOptions::new().write(true).open(path.join("cgroup.procs"))?;
        Ok(Self { path, procs })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file through which a process joins by writing `0`.
    pub fn door(&self) -> BorrowedFd<'_> {
        self.procs.as_fd()
    }

    /// Who is in it, groups that its members made included.
    pub fn members(&self) -> io::Result<Vec<Pid>> {
        let mut members = Vec::new();
        for path in self.paths()? {
            let list = unless_short(fs::read(path.join("cgroup.procs")))?.unwrap_or_default();
            members.extend(procfs::pids(&list).map(Pid));
        }
        Ok(members)
    }

    /// Anonymous and shared memory of its members, in bytes. `None`: no memory is counted here.
    pub fn own_memory(&self) -> Option<u64> {
        let list = fs::read(self.path.join("memory.stat")).ok()?;
        let [anonymous, shared] = ["anon", "shmem"].map(|name| procfs::counter(&list, name));
        Some(anonymous?.saturating_add(shared?))
    }

    /// Ends everybody in it. Linux before 5.14 can't.
    pub fn kill(&self) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path.join("cgroup.kill"))?.write_all(b"1")
    }

    /// It and those beneath it, parents first.
    fn paths(&self) -> io::Result<Vec<PathBuf>> {
        let mut paths = vec![self.path.clone()];
        let mut next = 0;
        while let Some(path) = paths.get(next) {
            let entries = unless_short(fs::read_dir(path))?.into_iter().flatten().flatten();
            let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            let beneath: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
            paths.extend(beneath);
            next += 1;
        }
        Ok(paths)
    }
}

/// What was read. Who removes one meanwhile, or has threads in it, makes it say nothing;
/// for want of descriptors it says nothing only now.
fn unless_short<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if is_shortage(&error) => Err(error),
        read => Ok(read.ok()),
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for path in self.paths().unwrap_or_default().iter().rev() {
            // Somebody who survived SIGKILL keeps it.
            let _ = fs::remove_dir(path);
        }
    }
}
