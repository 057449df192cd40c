//! Methods that send data to processes.

use supervisor_core::command::Command;
use supervisor_sys::io::stdin::CannotWrite;
use supervisor_wire::xmlrpc::Value;

use super::fault::{Fault, Kind};
use super::params::Params;
use super::table::{Later, Outcome};
use super::{daemon, info};
use crate::http::limits::traffic::Refused;
use crate::http::serve::ServerState;

/// The maximum size of a client's event, type and data together. As many events as fit into a
/// pool's buffer, or as an observer lags behind, are held in memory.
const MAX_EVENT_BYTES: usize = 64 * 1024;

pub(super) fn send(server: &ServerState, params: &Params) -> Outcome {
    let chars = params.get(1)?;
    let chars = chars.as_str().ok_or_else(|| not_a_text(chars))?;
    let name = params.text(0)?;
    let proc = server.control.core().resolve_process(name);
    let proc = proc.map_err(|rejection| Fault::of(rejection, name))?;
    if !info::takes_input(server, proc) {
        return Err(Fault::new(Kind::NotRunning, name));
    }
    match server.control.write_stdin(proc, chars.as_bytes()) {
        Some(Ok(())) => Ok(Value::Bool(true)),
        None | Some(Err(CannotWrite::Closed)) => Err(Fault::new(Kind::NoFile, name)),
        Some(Err(why @ CannotWrite::Full)) => {
            Err(Fault::new(Kind::Failed, format!("{name}: {why}")))
        }
    }
}

fn not_a_text(value: &Value) -> Fault {
    match value.as_int() {
        Some(number) => Fault::new(Kind::IncorrectParameters, number.to_string()),
        None => Kind::IncorrectParameters.into(),
    }
}

pub(super) fn tell<'a>(server: &'a ServerState, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let (kind, data) = (params.text(0)?.to_owned(), params.text(1)?.to_owned());
        let length = kind.len() + data.len();
        if length > MAX_EVENT_BYTES {
            server.traffic.refuse(Refused::EventTooLong);
            let why = format!(
                "type and data have {length} bytes; at most {MAX_EVENT_BYTES} are \
             allowed"
            );
            return Err(Fault::new(Kind::BadArguments, why));
        }
        daemon::done(server, Command::RemoteEvent { kind, data }, "").await
    })
}
