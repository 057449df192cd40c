//! The status port: the state of the supervisor and its programs, for orchestrators, load
//! balancers and monitoring. It needs no password and accepts no commands.
//!
//! All responses except the metrics use the core's current state, so a hung program delays none of
//! them. Resource usage is measured only when a client requests the metrics.

mod metrics;
mod page;
mod readings;

use std::cell::Cell;

use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use supervisor_core::Readiness;

use crate::http::{Body, ServerState};
use crate::tree_usage::tree_usage;

/// The content type of all responses except the metrics.
const TEXT: &str = "text/plain; charset=utf-8";

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All paths of the status port.
const PATHS: &str = "/livez /readyz /startupz /ping /metrics";

/// State that is kept between requests.
#[derive(Debug, Default)]
pub(crate) struct Status {
    /// Whether `/startupz` has succeeded once. From then on it always succeeds.
    started: Cell<bool>,
}

/// Answers a request on the status port.
pub(crate) async fn answer(
    state: &Status,
    server: &ServerState,
    request: &Request<Bytes>,
) -> Response<Body> {
    if *request.method() != Method::GET && *request.method() != Method::HEAD {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/metrics" => {
            let _turn = server.turn().await;
            let usages = tree_usage(&server.control).await;
            of_type(OPEN_METRICS, StatusCode::OK, page::text(server, &usages).await)
        }
        path => match probe(state, server, path) {
            Some((code, words)) => text(code, words),
            None => text(StatusCode::NOT_FOUND, format!("not found; expected {PATHS}\n")),
        },
    }
}

/// The response to a probe of an orchestrator or a load balancer.
pub(crate) fn probe(
    state: &Status,
    server: &ServerState,
    path: &str,
) -> Option<(StatusCode, String)> {
    let core = server.control.core();
    let readiness = || (code(&core.readiness()), core.readiness().to_string());
    Some(match path {
        // Any response proves liveness, because it comes from the loop that supervises.
        "/livez" => (StatusCode::OK, "alive\n".to_owned()),
        "/readyz" => readiness(),
        "/ping" => (readiness().0, String::new()),
        "/startupz" => {
            let started = &state.started;
            if !started.get() {
                started.set(core.has_started());
            }
            if started.get() {
                (StatusCode::OK, "started\n".to_owned())
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, core.not_started())
            }
        }
        _ => return None,
    })
}

/// The HTTP status that says whether a load balancer should send requests.
const fn code(readiness: &Readiness) -> StatusCode {
    match readiness {
        Readiness::Ready => StatusCode::OK,
        Readiness::Stopping | Readiness::Waiting(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn text(code: StatusCode, words: impl Into<Bytes>) -> Response<Body> {
    of_type(TEXT, code, words)
}

fn of_type(kind: &'static str, code: StatusCode, content: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(content));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
