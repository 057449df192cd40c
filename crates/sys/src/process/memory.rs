//! Memory counters of the kernel: the number of processes that it OOM-killed.
//!
//! The counter is that of the memory cgroup that we live in, or of the program's own where
//! there is one. See the kernel's documentation of
//! [version 2](https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files) and
//! [version 1](https://docs.kernel.org/admin-guide/cgroup-v1/memory.html).

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use supervisor_wire::system::procfs;

/// The mount points of the memory hierarchies of both versions.
const MOUNTS: [(Version, &str); 3] = [
    (Version::One, "/sys/fs/cgroup/memory"),
    (Version::Two, "/sys/fs/cgroup"),
    (Version::Two, "/sys/fs/cgroup/unified"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A memory cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryGroup {
    path: PathBuf,
    version: Version,
}

/// The memory cgroup of the supervisor, found at the first use.
#[derive(Debug, Default)]
pub struct Ours(OnceCell<Option<MemoryGroup>>);

impl Ours {
    /// The cgroup; `None`: memory is not counted.
    pub fn get(&self) -> Option<&MemoryGroup> {
        self.0.get_or_init(MemoryGroup::ours).as_ref()
    }
}

impl MemoryGroup {
    /// The version 2 cgroup at this path, if it counts memory.
    pub fn at(path: &Path) -> Option<Self> {
        let group = Self { path: path.to_owned(), version: Version::Two };
        group.counts().then_some(group)
    }

    fn ours() -> Option<Self> {
        let list = fs::read("/proc/self/cgroup").ok()?;
        let candidates = MOUNTS.into_iter().flat_map(|(version, mount)| {
            let path = match version {
                Version::One => procfs::cgroup1(&list, "memory"),
                Version::Two => procfs::cgroup2(&list),
            };
            // In a container the path may be that outside, where only the root is seen.
            let paths = path.map(|path| [path.trim_start_matches('/').to_owned(), String::new()]);
            let paths = paths.into_iter().flatten();
            paths.map(move |path| Self { path: Path::new(mount).join(path), version })
        });
        candidates.into_iter().find(Self::counts)
    }

    fn counts(&self) -> bool {
        self.oom_kills().is_some()
    }

    /// The number of its processes that the kernel has OOM-killed.
    pub fn oom_kills(&self) -> Option<u64> {
        let name = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        procfs::counter(&fs::read(self.path.join(name)).ok()?, "oom_kill")
    }

    /// The peak memory usage in bytes since its creation.
    pub fn peak(&self) -> Option<u64> {
        self.number(match self.version {
            Version::One => "memory.max_usage_in_bytes",
            Version::Two => "memory.peak",
        })
    }

    /// The memory limit in bytes; `None`: there is no limit.
    pub fn limit(&self) -> Option<u64> {
        /// Version 1 reports a higher value if there is no limit.
        const NONE: u64 = 1 << 60;
        let limit = self.number(match self.version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        });
        limit.filter(|limit| *limit < NONE)
    }

    fn number(&self, name: &str) -> Option<u64> {
        fs::read_to_string(self.path.join(name)).ok()?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroup_versions_1_and_2_are_read() {
        let folder = std::env::temp_dir().join(format!("memory-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(MemoryGroup::at(&folder), None);
        for (name, text) in [
            ("memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 1\n"),
            ("memory.peak", "4096\n"),
            ("memory.max", "max\n"),
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"),
            ("memory.max_usage_in_bytes", "8192\n"),
            ("memory.limit_in_bytes", "9223372036854771712\n"),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }
        let two = MemoryGroup::at(&folder).unwrap();
        assert_eq!((two.oom_kills(), two.peak(), two.limit()), (Some(2), Some(4096), None));
        let one = MemoryGroup { version: Version::One, ..two };
        assert_eq!((one.oom_kills(), one.peak(), one.limit()), (Some(7), Some(8192), None));
        fs::write(folder.join("memory.limit_in_bytes"), "1024\n").unwrap();
        assert_eq!(one.limit(), Some(1024));
        fs::remove_dir_all(folder).unwrap();
    }
}
