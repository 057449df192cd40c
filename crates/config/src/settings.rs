//! What a configuration sets of the supervisor itself and of its servers.

pub(crate) mod server;
pub(crate) mod supervisord;
