//! A cgroup for each program, if the supervisor may create one.
//!
//! A process cannot leave a cgroup by forking, changing its session or clearing its environment,
//! and the kernel can kill all members at once. Most containers mount the hierarchy read-only; the
//! daemon then finds processes by other means. See [the kernel's
//! documentation](https://docs.kernel.org/admin-guide/cgroup-v2.html).

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, StatVfsMountFlags};
use supervisor_core::ids::Pid;
use supervisor_wire::system::procfs;

use crate::process::reserve::is_shortage;

/// The mount point of the hierarchy.
const MOUNT: &str = "/sys/fs/cgroup";

/// `CGROUP2_SUPER_MAGIC` of `linux/magic.h`.
const CGROUP2: i64 = 0x6367_7270;

/// The cgroup of one program. It is removed when this is dropped, if it has no members.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    procs: File,
}

/// The supervisor's own cgroup, if it is of version 2 and the supervisor may create others below
/// it.
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
    /// Creates a cgroup below `parent`.
    pub fn make(parent: &Path, name: &str) -> io::Result<Self> {
        let path = parent.join(name);
        fs::create_dir(&path)?;
        let procs = OpenOptions::new().write(true).open(path.join("cgroup.procs"))?;
        Ok(Self { path, procs })
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file through which a process joins the cgroup by writing `0`.
    pub fn door(&self) -> BorrowedFd<'_> {
        self.procs.as_fd()
    }

    /// The pids of its members, including those in cgroups below it.
    pub fn members(&self) -> io::Result<Vec<Pid>> {
        let mut members = Vec::new();
        for path in self.paths()? {
            let list = unless_short(fs::read(path.join("cgroup.procs")))?.unwrap_or_default();
            members.extend(procfs::pids(&list).map(Pid));
        }
        Ok(members)
    }

    /// Anonymous and shared memory of its members, in bytes. `None`: memory is not counted here.
    pub fn own_memory(&self) -> Option<u64> {
        let list = fs::read(self.path.join("memory.stat")).ok()?;
        let [anonymous, shared] = ["anon", "shmem"].map(|name| procfs::counter(&list, name));
        Some(anonymous?.saturating_add(shared?))
    }

    /// Kills all members. Not possible before Linux 5.14.
    pub fn kill(&self) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path.join("cgroup.kill"))?.write_all(b"1")
    }

    /// The paths of this cgroup and those below it, parents first.
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

/// Returns the result of a read. An error such as a removed cgroup counts as nothing; only a lack
/// of descriptors is an error, because it is temporary.
fn unless_short<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if is_shortage(&error) => Err(error),
        read => Ok(read.ok()),
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for path in self.paths().unwrap_or_default().iter().rev() {
            // A process that survived SIGKILL keeps the directory.
            let _ = fs::remove_dir(path);
        }
    }
}
