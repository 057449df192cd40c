//! The settings of the supervisor itself and of its control servers.

pub(crate) mod server;
pub(crate) mod supervisord;
