//! Methods that start, stop and signal processes.

use supervisor_core::command::CommandResult;
use supervisor_core::command::{Command, ProcessOutcome, Reply, Which};
use supervisor_wire::supervisord::process_text::namespec;
use supervisor_wire::xmlrpc::Value;

use super::fault::{Fault, Kind};
use super::params::Params;
use super::status;
use super::table::{Later, Outcome};
use crate::http::serve::ServerState;

pub(super) fn start<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let (name, wait) = (params.text(0)?, params.yes(1)?);
        told(server.control.start(meant(server, name)?, wait).await, name)
    })
}

pub(super) fn start_group<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let (name, wait) = (params.text(0)?, params.yes(1)?);
        told(server.control.start(Which::Group(name.to_owned()), wait).await, name)
    })
}

pub(super) fn start_all<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move { told(server.control.start(Which::All, params.yes(0)?).await, "") })
}

pub(super) fn stop<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let (name, wait) = (params.text(0)?, params.yes(1)?);
        let which = meant(server, name)?;
        told(server.control.ask(Command::Stop { which, wait }).await, name)
    })
}

pub(super) fn restart<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let (name, wait) = (params.text(0)?, params.yes(1)?);
        told(server.control.restart(meant(server, name)?, wait).await, name)
    })
}

pub(super) fn stop_group<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let (name, wait) = (params.text(0)?, params.yes(1)?);
        let which = Which::Group(name.to_owned());
        told(server.control.ask(Command::Stop { which, wait }).await, name)
    })
}

pub(super) fn stop_all<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let (which, wait) = (Which::All, params.yes(0)?);
        told(server.control.ask(Command::Stop { which, wait }).await, "")
    })
}

/// `all` means all processes.
pub(super) fn restart_rolling<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let name = params.text(0)?;
        let which = if name == "all" { Which::All } else { meant(server, name)? };
        told(server.control.restart_rolling(which).await, name)
    })
}

pub(super) fn signal<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let name = params.text(0)?;
        send(server, meant(server, name)?, name, params.get(1)?).await
    })
}

pub(super) fn signal_group<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let name = params.text(0)?;
        send(server, Which::Group(name.to_owned()), name, params.get(1)?).await
    })
}

pub(super) fn signal_all<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move { send(server, Which::All, "", params.get(0)?).await })
}

/// The processes that a name refers to.
fn meant(server: &ServerState, name: &str) -> Result<Which, Fault> {
    let which = server.control.core().resolve(name);
    which.map_err(|rejection| Fault::of(rejection, name))
}

async fn send(server: &ServerState, which: Which, name: &str, signal: &Value) -> Outcome {
    // Clients without types, and those with numbers.
    let number = signal.as_int().map(|number| number.to_string());
    let given = number.as_deref().or_else(|| signal.as_str()).ok_or(Kind::IncorrectParameters)?;
    match supervisor_config::signal(given) {
        Ok(signal) => told(server.control.ask(Command::Signal { which, signal }).await, name),
        Err(_) => bad_signal(server, &which, name, given),
    }
}

/// The result for an unknown signal: each process that would get it reports the fault.
fn bad_signal(server: &ServerState, which: &Which, name: &str, given: &str) -> Outcome {
    let fault = Fault::new(Kind::BadSignal, given);
    if let Which::Process(_) = which {
        return Err(fault);
    }
    let core = server.control.core();
    let members = core.members(which).map_err(|rejection| Fault::of(rejection, name))?;
    let running = members.iter().filter(|info| info.pid.is_some());
    let statuses =
        running.map(|info| status(&info.named.name, &info.named.group, Err(fault.clone())));
    Ok(Value::Array(statuses.collect()))
}

/// The result of a command about `name`.
fn told(answer: CommandResult, name: &str) -> Outcome {
    match answer.map_err(|refusal| Fault::of(refusal, name))? {
        Reply::Outcomes(outcomes) => Ok(Value::Array(outcomes.into_iter().map(outcome).collect())),
        Reply::Done | Reply::Difference(_) | Reply::Updated(_) => Ok(Value::Bool(true)),
    }
}

fn outcome(one: ProcessOutcome) -> Value {
    let ProcessOutcome { name, group, result, .. } = one;
    let result = result.map_err(|refusal| Fault::of(refusal, &namespec(&group, &name)));
    status(&name, &group, result)
}
