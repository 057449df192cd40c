//! What a method was called with.

use supervisor_wire::xmlrpc::Value;

use super::fault::{Fault, Kind};

/// Parameters in order; as many as the method takes, of whatever type.
#[derive(Debug)]
pub(super) struct Params(pub(super) Vec<Value>);

impl Params {
    pub(super) fn text(&self, at: usize) -> Result<&str, Fault> {
        self.get(at)?.as_str().ok_or_else(|| Kind::IncorrectParameters.into())
    }

    pub(super) fn number(&self, at: usize) -> Result<i64, Fault> {
        self.get(at)?.as_int().ok_or_else(|| Kind::IncorrectParameters.into())
    }

    /// One that may be left out, which is a yes.
    pub(super) fn yes(&self, at: usize) -> Result<bool, Fault> {
        match self.0.get(at) {
            Some(value) => value.as_bool().ok_or_else(|| Kind::IncorrectParameters.into()),
            None => Ok(true),
        }
    }

    pub(super) fn get(&self, at: usize) -> Result<&Value, Fault> {
        self.0.get(at).ok_or_else(|| Kind::IncorrectParameters.into())
    }
}
