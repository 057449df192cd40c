//! Limits that keep one client from using the connections, the memory or the time of all others;
//! see `docs/reference/limits.md`.

pub(crate) mod connections;
pub(crate) mod crowd;
pub(crate) mod descriptors;
pub(crate) mod held;
pub(crate) mod traffic;
