//! Methods about methods.

use supervisor_wire::tail;
use supervisor_wire::xmlrpc::Value;

use super::fault::{Fault, Kind};
use super::params::Params;
use super::table::{Later, Outcome};
use super::{call, method, namespaces, record, text};
use crate::http::serve::House;

pub(super) fn list(house: &House, _: &Params) -> Outcome {
    let methods = namespaces(house).flat_map(|(namespace, methods)| {
        methods.iter().map(move |method| format!("{namespace}.{}", method.name))
    });
    let mut names: Vec<String> = methods.collect();
    names.sort_unstable();
    Ok(Value::Array(names.into_iter().map(text).collect()))
}

pub(super) fn help(house: &House, params: &Params) -> Outcome {
    let method = method(house, params.text(0)?).ok_or(Kind::SignatureUnsupported)?;
    Ok(text(method.help))
}

pub(super) fn signature(house: &House, params: &Params) -> Outcome {
    let method = method(house, params.text(0)?).ok_or(Kind::SignatureUnsupported)?;
    let types = std::iter::once(&method.gives).chain(method.takes);
    Ok(Value::Array(types.map(|one| text(one.name())).collect()))
}

/// Bytes of all results of one request, about as many as of one piece of a log.
const MAX_RESULTS: u64 = tail::MAX_PIECE;

/// A call begins when the one before has its result.
pub(super) fn multicall<'a>(house: &'a House, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let calls = params.get(0)?.as_array().ok_or(Kind::IncorrectParameters)?;
        let (mut results, mut size) = (Vec::with_capacity(calls.len()), 0);
        for one in calls {
            let result = if size < MAX_RESULTS {
                member(house, one).await
            } else {
                Err(Fault::new(Kind::Failed, "the results before this one are too long"))
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

/// Bytes of all texts in a value.
fn length(value: &Value) -> u64 {
    match value {
        Value::String(text) | Value::DateTime(text) => text.len() as u64,
        Value::Array(values) => values.iter().map(length).sum(),
        Value::Struct(members) => members.iter().map(|(_, value)| length(value)).sum(),
        Value::Int(_) | Value::Bool(_) | Value::Double(_) | Value::Nil => 0,
    }
}

async fn member(house: &House, one: &Value) -> Outcome {
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
    call(house, name, Params(params)).await
}
