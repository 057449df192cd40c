//! Follows logs, for `supervisorctl tail -f`, browsers and curl.

use std::io::ErrorKind;

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LAST_MODIFIED, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Response, StatusCode};
use supervisor_core::event::Channel;
use supervisor_wire::date;
use tokio::task::spawn_local;

use super::follow::{Followed, Grown};
use super::serve::ServerState;
use super::{Body, error_page};
use crate::log_source::LogSource;

/// Header that keeps proxies from buffering a slow stream.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Text sent when a log was truncated.
const TRUNCATED: &str = "==> File truncated <==\n";

/// Follows the log of a process: `NAME`, `GROUP:NAME`, either with `/stdout` or `/stderr`.
pub(crate) fn of_process(server: &ServerState, method: &Method, wanted: &str) -> Response<Body> {
    let (name, channel) = wanted.split_once('/').unwrap_or((wanted, "stdout"));
    let channel = match channel {
        "stdout" => Channel::Stdout,
        "stderr" => Channel::Stderr,
        _ => return error_page(StatusCode::NOT_FOUND),
    };
    let proc = server.control.core().resolve_process(name).ok();
    let log = proc.and_then(|proc| server.control.log(proc, channel));
    follow(server, method, log)
}

/// Follows the supervisor's own log.
pub(crate) fn of_supervisor(server: &ServerState, method: &Method) -> Response<Body> {
    follow(server, method, server.control.about().log.clone().map(LogSource::File))
}

fn follow(server: &ServerState, method: &Method, log: Option<LogSource>) -> Response<Body> {
    if *method != Method::GET {
        return error_page(StatusCode::BAD_REQUEST);
    }
    let Some(log) = log else { return error_page(StatusCode::NOT_FOUND) };
    if !server.may_follow() {
        return error_page(StatusCode::SERVICE_UNAVAILABLE);
    }
    let followed = match Followed::begin(log, server, None) {
        Ok(followed) => followed,
        // A path that cannot be a log is reported like a missing log.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
            return error_page(StatusCode::NOT_FOUND);
        }
        Err(error) => {
            server.complain("cannot follow a log", &error);
            return error_page(StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    let modified = followed.modified().map(date::http);
    let (feed, body) = Body::stream();
    spawn_local(followed.send_to(feed, |grown, _| words(grown)));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=utf-8"));
    headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
    // Without this header browsers wait for a kilobyte before they show anything, to guess its
    // type.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(modified) = modified.and_then(|date| HeaderValue::try_from(date).ok()) {
        headers.insert(LAST_MODIFIED, modified);
    }
    response
}

fn words(grown: Grown) -> String {
    match grown {
        Grown::Text(text) => text,
        Grown::Truncated => TRUNCATED.to_owned(),
        // The log was rotated: following continues with the new file.
        Grown::Replaced => String::new(),
    }
}
