//! Methods about methods.

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

/// A call begins when the one before has its result.
pub(super) fn multicall<'a>(house: &'a House, params: &'a Params) -> Later<'a> {
    Box::pin(async move {
        let calls = params.get(0)?.as_array().ok_or(Kind::IncorrectParameters)?;
        let mut results = Vec::with_capacity(calls.len());
        for one in calls {
            results.push(member(house, one).await.unwrap_or_else(|fault| {
                record([
                    ("faultCode", Value::Int(fault.code().into())),
                    ("faultString", text(fault.text())),
                ])
            }));
        }
        Ok(Value::Array(results))
    })
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
