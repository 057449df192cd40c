//! XML-RPC: parses calls, runs the methods in [`table`], and returns results or faults ([`fault`]).

mod config;
mod daemon;
mod fault;
mod info;
mod logs;
mod order;
mod params;
mod response_budget;
mod stdin;
mod system;
mod table;

use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, Request, Response, StatusCode};
use supervisor_core::level::Level;
use supervisor_wire::supervisord::python;
use supervisor_wire::xmlrpc::{self, Value};
use tokio::task::yield_now;

use super::serve::ServerState;
use super::{Body, error_page};
use fault::Kind;
use params::Params;
use response_budget::ResponseBudget;
use table::{Handler, Outcome};

pub(crate) use fault::Fault;

/// The namespace that always exists.
const SYSTEM: &str = "system";

/// The namespace of methods that supervisord does not have. Only our own client knows it: the
/// `system` methods list only supervisord's methods.
const OWN: &str = "standard";

/// Answers a request on the path of the RPC.
pub(crate) async fn answer(server: &ServerState, request: &Request<Bytes>) -> Response<Body> {
    if request.method() != Method::POST {
        return error_page(StatusCode::BAD_REQUEST);
    }
    let headers = request.headers();
    if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
        return error_page(StatusCode::LENGTH_REQUIRED);
    }
    let call = match xmlrpc::read_call(request.body()) {
        Ok(call) => call,
        Err(error) => {
            let data = shown(request.body());
            let message = format!("XML-RPC request data {data} is invalid: {error}");
            server.control.say(Level::Error, &message);
            return error_page(StatusCode::BAD_REQUEST);
        }
    };
    let name = python::shown(&call.method, TOLD);
    server.control.say(Level::Trace, &format!("XML-RPC method called: {name}()"));
    let mut budget = ResponseBudget::new(server);
    let result = self::call(server, &call.method, Params(call.params), &mut budget).await;
    let came = match &result {
        Ok(_) => "returned successfully".to_owned(),
        Err(fault) => {
            let text = python::shown(&fault.text(), TOLD);
            format!("returned fault: [{}] {text}", fault.code())
        }
    };
    server.control.say(Level::Trace, &format!("XML-RPC method {name}() {came}"));
    budget.wait_for_turn(0).await;
    let result = result.map_err(Into::into);
    let mut writer = xmlrpc::Writer::response(&result);
    while writer.step() {
        yield_now().await;
    }
    let document = writer.finish();
    let mut response = Response::new(Body::from(document));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

/// Runs a call.
async fn call(
    server: &ServerState,
    name: &str,
    params: Params,
    budget: &mut ResponseBudget<'_>,
) -> Outcome {
    let method = method(server, name).ok_or(Kind::UnknownMethod)?;
    if !method.accepts(params.0.len()) {
        return Err(Kind::IncorrectParameters.into());
    }
    if !method.always && server.control.core().is_ending() {
        return Err(Kind::ShutdownState.into());
    }
    match method.handler {
        Handler::Now(act) => {
            let value = act(server, &params)?;
            budget.take(length(&value)).await?;
            Ok(value)
        }
        // A command that was given is answered even if little memory is left.
        Handler::Wait(act) => act(server, &params).await,
        Handler::Read(find) => {
            let wanted = find(server, &params)?;
            let expected = wanted.length();
            budget.take(expected).await?;
            let value = wanted.read().await?;
            // Bytes that are not text become longer.
            budget.take(length(&value).saturating_sub(expected)).await?;
            Ok(value)
        }
        Handler::Many(act) => act(server, &params, budget).await,
    }
}

/// The approximate overhead of a value in bytes, in memory and in a document.
const VALUE: u64 = 128;

/// The approximate size of a value in bytes.
fn length(value: &Value) -> u64 {
    let inside: u64 = match value {
        Value::String(text) | Value::DateTime(text) => text.len() as u64,
        Value::Array(values) => values.iter().map(length).sum(),
        Value::Struct(members) => {
            members.iter().map(|(name, value)| name.len() as u64 + length(value)).sum()
        }
        Value::Int(_) | Value::Bool(_) | Value::Double(_) | Value::Nil => 0,
    };
    VALUE + inside
}

/// The method with this full name.
fn method(server: &ServerState, name: &str) -> Option<&'static table::Method> {
    let (namespace, name) = name.split_once('.')?;
    let all = namespaces(server).chain([(OWN, table::OWN)]);
    let methods = all.into_iter().find(|(known, _)| *known == namespace)?.1;
    methods.iter().find(|method| method.name == name)
}

/// All namespaces and their methods.
fn namespaces(server: &ServerState) -> impl Iterator<Item = (&str, &'static [table::Method])> {
    let main = server.control.about().namespaces.iter().map(|name| (name.as_str(), table::MAIN));
    main.chain([(SYSTEM, table::SYSTEM)])
}

/// The maximum number of bytes of a request in a log line.
const SHOWN: usize = 1024;

/// The maximum number of characters of a text of a request in a log line.
const TOLD: usize = xmlrpc::MAX_REASON;

fn shown(data: &[u8]) -> String {
    match data.split_at_checked(SHOWN) {
        Some((beginning, rest)) if !rest.is_empty() => {
            format!("{} and {} bytes more", python::bytes_repr(beginning), rest.len())
        }
        Some(_) | None => python::bytes_repr(data),
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

fn record(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Struct(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The result for one of several processes.
fn status(name: &str, group: &str, result: Result<(), Fault>) -> Value {
    let (code, description) = match result {
        Ok(()) => (fault::SUCCESS, "OK".to_owned()),
        Err(fault) => (fault.code(), fault.text()),
    };
    record([
        ("name", text(name)),
        ("group", text(group)),
        ("status", Value::Int(code.into())),
        ("description", text(description)),
    ])
}
