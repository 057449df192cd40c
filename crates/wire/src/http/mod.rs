//! HTTP headers, basic authentication and form fields.

pub mod basic_auth;
pub mod form;
pub mod header;
