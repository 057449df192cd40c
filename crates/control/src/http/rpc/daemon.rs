//! The supervisor itself.

use supervisor_core::command::Command;
use supervisor_wire::xmlrpc::Value;

use super::fault::Fault;
use super::params::Params;
use super::table::{Later, Outcome};
use super::{record, text};
use crate::http::serve::House;

/// supervisorctl talks to no other.
const API: &str = "3.0";

/// The supervisord whose behaviour ours is.
const VERSION: &str = "4.3.0";

pub(super) fn api(_: &House, _: &Params) -> Outcome {
    Ok(text(API))
}

pub(super) fn version(_: &House, _: &Params) -> Outcome {
    Ok(text(VERSION))
}

pub(super) fn identification(house: &House, _: &Params) -> Outcome {
    Ok(text(house.control.about().identifier.clone()))
}

/// Any other state is a fault.
pub(super) fn state(_: &House, _: &Params) -> Outcome {
    Ok(record([("statecode", Value::Int(1)), ("statename", text("RUNNING"))]))
}

pub(super) fn pid(_: &House, _: &Params) -> Outcome {
    Ok(Value::Int(std::process::id().into()))
}

pub(super) fn shutdown<'a>(house: &'a House, _: &'a Params) -> Later<'a> {
    Box::pin(done(house, Command::Shutdown, ""))
}

pub(super) fn restart<'a>(house: &'a House, _: &'a Params) -> Later<'a> {
    Box::pin(done(house, Command::Restart, ""))
}

/// Gives an order about which there is nothing to tell but that it was carried out.
pub(super) async fn done(house: &House, command: Command, name: &str) -> Outcome {
    let answer = house.control.ask(command).await;
    answer.map(|_| Value::Bool(true)).map_err(|refusal| Fault::of(refusal, name))
}
