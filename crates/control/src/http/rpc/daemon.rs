//! Methods about the supervisor itself.

use supervisor_core::command::Command;
use supervisor_wire::xmlrpc::Value;

use super::fault::Fault;
use super::params::Params;
use super::table::{Later, Outcome};
use super::{record, text};
use crate::http::serve::ServerState;

/// The version of the API; supervisorctl accepts no other.
const API: &str = "3.0";

/// The version of supervisord whose behavior this supervisor has.
const VERSION: &str = "4.3.0";

pub(super) fn api(_: &ServerState, _: &Params) -> Outcome {
    Ok(text(API))
}

pub(super) fn version(_: &ServerState, _: &Params) -> Outcome {
    Ok(text(VERSION))
}

pub(super) fn identification(server: &ServerState, _: &Params) -> Outcome {
    Ok(text(server.control.about().identifier.clone()))
}

/// The state of the supervisor. Any other state is a fault.
pub(super) fn state(_: &ServerState, _: &Params) -> Outcome {
    Ok(record([("statecode", Value::Int(1)), ("statename", text("RUNNING"))]))
}

pub(super) fn pid(_: &ServerState, _: &Params) -> Outcome {
    Ok(Value::Int(std::process::id().into()))
}

pub(super) fn shutdown<'a>(server: &'a ServerState, _: &'a Params) -> Later<'a> {
    Box::pin(done(server, Command::Shutdown, ""))
}

pub(super) fn restart<'a>(server: &'a ServerState, _: &'a Params) -> Later<'a> {
    Box::pin(done(server, Command::Restart, ""))
}

/// Carries out a command that has no result besides success.
pub(super) async fn done(server: &ServerState, command: Command, name: &str) -> Outcome {
    let answer = server.control.ask(command).await;
    answer.map(|_| Value::Bool(true)).map_err(|refusal| Fault::of(refusal, name))
}
