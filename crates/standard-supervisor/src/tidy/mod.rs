//! Making the place clean between two runs: what the last one left where its processes
//! can't be found any more.

pub(crate) mod leftovers;
pub(crate) mod port;
