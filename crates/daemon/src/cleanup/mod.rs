//! Making the place clean between two runs: what the last one left where its processes
//! can't be found any more.

mod entries;
pub(crate) mod evidence;
pub(crate) mod port;
pub(crate) mod removal;
mod users;

pub(crate) use entries::{Before, Places, file_time};
