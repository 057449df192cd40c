//! The `system` methods.

use supervisor_wire::xmlrpc::Value;
use tokio::task::yield_now;

use super::fault::{Fault, Kind};
use super::params::Params;
use super::response_budget::ResponseBudget;
use super::table::{Later, Outcome};
use super::{call, length, method, namespaces, record, text};
use crate::http::Refused;
use crate::http::serve::ServerState;

pub(super) fn list(server: &ServerState, _: &Params) -> Outcome {
    let methods = namespaces(server).flat_map(|(namespace, methods)| {
        methods.iter().map(move |method| format!("{namespace}.{}", method.name))
    });
    let mut names: Vec<String> = methods.collect();
    names.sort_unstable();
    Ok(Value::Array(names.into_iter().map(text).collect()))
}

pub(super) fn help(server: &ServerState, params: &Params) -> Outcome {
    let method = method(server, params.text(0)?).ok_or(Kind::SignatureUnsupported)?;
    Ok(text(method.help))
}

pub(super) fn signature(server: &ServerState, params: &Params) -> Outcome {
    let method = method(server, params.text(0)?).ok_or(Kind::SignatureUnsupported)?;
    let types = std::iter::once(&method.gives).chain(method.takes);
    Ok(Value::Array(types.map(|one| text(one.name())).collect()))
}

/// The approximate maximum size of all results of one request.
const MAX_RESULTS: u64 = 16 << 20;

/// The maximum number of calls in one request.
const MAX_CALLS: usize = 1000;

/// Runs calls one after the other. Other tasks run in between, so that no number of calls delays a
/// restart.
pub(super) fn multicall<'a>(
    server: &'a ServerState,
    params: &'a Params,
    budget: &'a mut ResponseBudget<'_>,
) -> Later<'a> {
    Box::pin(async move {
        let calls = params.get(0)?.as_array().ok_or(Kind::IncorrectParameters)?;
        let (mut results, mut size) = (Vec::with_capacity(calls.len()), 0);
        for (number, one) in calls.iter().enumerate() {
            let result = if number >= MAX_CALLS {
                server.traffic.refuse(Refused::TooManyCalls);
                Err(Fault::new(Kind::Failed, "too many calls before this one"))
            } else if size >= MAX_RESULTS {
                server.traffic.refuse(Refused::ResultsTooLong);
                Err(Fault::new(Kind::Failed, "the results before this one are too long"))
            } else {
                let result = member(server, one, budget).await;
                // The next call may wait for a process, and must not delay other responses.
                budget.pass();
                yield_now().await;
                result
            };
            let result = result.unwrap_or_else(|fault| {
                record([
                    ("faultCode", Value::Int(fault.code().into())),
                    ("faultString", text(fault.text())),
                ])
            });
            size += length(&result);
            results.push(result);
        }
        Ok(Value::Array(results))
    })
}

async fn member(server: &ServerState, one: &Value, budget: &mut ResponseBudget<'_>) -> Outcome {
    let incorrect = |why: &str| Fault::new(Kind::IncorrectParameters, why);
    let name = one.field("methodName").and_then(Value::as_str);
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| incorrect("No methodName"))?;
    if name == "system.multicall" {
        return Err(incorrect("Recursive system.multicall forbidden"));
    }
    let params = match one.field("params") {
        Some(params) => params.as_array().ok_or(Kind::IncorrectParameters)?.to_vec(),
        None => Vec::new(),
    };
    call(server, name, Params(params), budget).await
}
