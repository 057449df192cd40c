//! Cleans up between two runs: removes the files that the last run left, and waits until its port
//! is free.

mod entries;
pub(crate) mod evidence;
pub(crate) mod port;
pub(crate) mod removal;
mod users;

pub(crate) use entries::{Before, Places, file_time};
