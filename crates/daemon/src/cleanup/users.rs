//! Which processes use a file.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::FileType;
use supervisor_core::files::Used;
use supervisor_sys::process::reserve::is_shortage;
use supervisor_wire::system::procfs;

use super::entries::{Found, Identity, answers};

/// The kernel's numbers of a machine's initial namespaces (`PROC_IPC_INIT_INO` and
/// `PROC_PID_INIT_INO`).
const IPC_OF_HOST: u64 = 0xEFFF_FFFF;
const PID_OF_HOST: u64 = 0xEFFF_FFFC;

/// The files that processes use, as far as the supervisor can see them.
#[derive(Debug)]
pub(super) struct Users {
    files: BTreeSet<Identity>,
    /// Paths at which sockets are bound.
    sockets: BTreeSet<Vec<u8>>,
    /// Processes that are invisible from here may use the files.
    unseen: bool,
}

impl Users {
    pub(super) fn now() -> Self {
        let list = fs::read("/proc/net/unix").unwrap_or_default();
        let sockets = procfs::bound_sockets(&list).map(|(_, path)| path.to_vec()).collect();
        let mut users = Self { files: BTreeSet::new(), sockets, unseen: false };
        let (mut ourselves, mut shortage) = (false, false);
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
            else {
                continue;
            };
            ourselves |= pid == std::process::id();
            // A process that cannot be inspected belongs to another user, or has exited. If it
            // counted as a user of every file, one such process would prevent all removals.
            let seen = users.look_into(&entry.path());
            shortage |= seen.is_err_and(|error| is_shortage(&error));
        }
        // Without `/proc`, with another namespace's `/proc`, or without free descriptors, some
        // processes were not seen.
        users.unseen = shares_memory_with_the_unseen() || !ourselves || shortage;
        users
    }

    fn look_into(&mut self, process: &Path) -> std::io::Result<()> {
        let maps = fs::read(process.join("maps"))?;
        self.files.extend(
            procfs::mapped(&maps)
                .map(|((major, minor), inode)| (rustix::fs::makedev(major, minor), inode)),
        );
        for fd in fs::read_dir(process.join("fd"))? {
            // A file that was closed in the meantime, or cannot be reached, must not hide the
            // others.
            if let Ok(stat) = rustix::fs::stat(fd?.path()) {
                self.files.insert((stat.st_dev, stat.st_ino));
            }
        }
        Ok(())
    }

    /// Whether a process uses this entry.
    pub(super) fn use_of(&self, entry: &Found) -> Used {
        if self.files.contains(&entry.stat.identity) {
            return Used::Yes;
        }
        if entry.stat.kind == FileType::Socket {
            let path = entry.path.as_os_str().as_encoded_bytes();
            let listens = self.sockets.contains(path) || answers(entry);
            return if listens { Used::Yes } else { Used::No };
        }
        if self.unseen { Used::Unknown } else { Used::No }
    }
}

/// Whether shared memory belongs to the host, as with `docker run --ipc=host`, while the host's
/// processes are invisible.
pub(super) fn shares_memory_with_the_unseen() -> bool {
    let of_host = |kind: &str, number: u64| {
        let namespace = fs::metadata(format!("/proc/self/ns/{kind}"));
        namespace.is_ok_and(|namespace| namespace.ino() == number)
    };
    of_host("ipc", IPC_OF_HOST) && !of_host("pid", PID_OF_HOST)
}
