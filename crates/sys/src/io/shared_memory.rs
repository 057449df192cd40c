//! Reads the usage of the file system for shared memory.

use rustix::fs::statfs;

/// The number of bytes that files in `/dev/shm` use, and the limit. `None`: it is not a tmpfs.
#[must_use]
pub fn shared_memory() -> Option<(u64, u64)> {
    /// [The number of tmpfs](https://man7.org/linux/man-pages/man2/statfs.2.html).
    const TMPFS_MAGIC: i64 = 0x0102_1994;
    let stat = statfs("/dev/shm").ok().filter(|stat| stat.f_type == TMPFS_MAGIC)?;
    let bytes = |blocks: u64| blocks.saturating_mul(u64::try_from(stat.f_bsize).unwrap_or(0));
    Some((bytes(stat.f_blocks.saturating_sub(stat.f_bfree)), bytes(stat.f_blocks)))
}
