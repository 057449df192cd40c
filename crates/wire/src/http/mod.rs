//! What HTTP carries besides a body.

pub mod basic_auth;
pub mod form;
pub mod header;
