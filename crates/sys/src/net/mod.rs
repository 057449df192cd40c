//! Sockets and names.

pub mod listening;
pub mod notify;
pub mod resolver;
