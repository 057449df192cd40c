//! The parameters of a call.

use supervisor_wire::xmlrpc::Value;

use super::fault::{Fault, Kind};

/// Parameters in their order. Their number fits the method; their types are not checked yet.
#[derive(Debug)]
pub(super) struct Params(pub(super) Vec<Value>);

impl Params {
    pub(super) fn text(&self, at: usize) -> Result<&str, Fault> {
        self.get(at)?.as_str().ok_or_else(|| Kind::IncorrectParameters.into())
    }

    pub(super) fn number(&self, at: usize) -> Result<i64, Fault> {
        self.get(at)?.as_int().ok_or_else(|| Kind::IncorrectParameters.into())
    }

    /// An optional flag, which is true if it is omitted.
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
