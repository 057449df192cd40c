//! The web pages, and the files that they load.
//!
//! Everything except live updates works without JavaScript; see `assets/supervisor.js`.

mod assets;
mod curve;
mod html;
mod legacy;
mod page;
mod program_page;
mod tail_page;
mod timeline;

use std::io;

use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, EXPIRES, HeaderName, HeaderValue,
    LOCATION, PRAGMA, REFERRER_POLICY,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use supervisor_core::event::Channel;
use supervisor_core::ids::ProcId;
use supervisor_wire::http::form;
use supervisor_wire::supervisord::tail;

use crate::control::Control;
use crate::http::{Body, ServerState, error_page, origin, other_origin, plain};
use crate::log_source::LogSource;
use crate::snapshot::{self, Snapshot};

/// Minimum and default size of the log's end on the tail page, in bytes.
const TAIL: u64 = 1024;

/// Maximum size of the log's end on the tail page, in bytes.
const MOST_OF_TAIL: u64 = 1 << 20;

/// The page loads nothing from other hosts and has no inline scripts or styles. Therefore a
/// program's output or name cannot run as code.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Answers a request that is not for XML-RPC, a log or the JSON API.
pub(crate) async fn answer(server: &ServerState, request: Request<Bytes>) -> Response<Body> {
    let path = form::path(request.uri().path());
    let path = path.trim_start_matches('/');
    match path {
        "" | "index.html" | "program.html" | "tail.html" | "ok.html" => {
            // Other methods are for files, and these pages are not files.
            match *request.method() {
                Method::GET | Method::POST => {}
                Method::HEAD => return error_page(StatusCode::NOT_FOUND),
                _ => return error_page(StatusCode::BAD_REQUEST),
            }
        }
        _ => {
            let asset = assets::asset(request.method(), path, request.headers());
            return asset.unwrap_or_else(|| error_page(StatusCode::NOT_FOUND));
        }
    }
    let fields = Fields::of(&request);
    match path {
        "ok.html" => plain(StatusCode::OK, "OK"),
        "program.html" => page_of(details_of(server, &fields).await),
        "tail.html" => page_of(tail_page::tail_page(&tail_of(&server.control, &fields))),
        _ => overview(server, &request, &fields).await,
    }
}

/// Names and values of a query and a form. The form overrides the query. If a name occurs several
/// times, the first value in a query counts, and the last value in a form.
struct Fields {
    form: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Fields {
    fn of(request: &Request<Bytes>) -> Self {
        let query = form::fields(request.uri().query().unwrap_or_default()).collect();
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_form = kind.is_some_and(|kind| {
            kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
        });
        let body = std::str::from_utf8(request.body()).unwrap_or_default();
        let form = if is_form { form::fields(body).collect() } else { Vec::new() };
        Self { form, query }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let named = |field: &&(String, String)| field.0 == name && !field.1.is_empty();
        let field = self.form.iter().rfind(named).or_else(|| self.query.iter().find(named));
        field.map(|(_, value)| value.as_str())
    }
}

async fn overview(
    server: &ServerState,
    request: &Request<Bytes>,
    fields: &Fields,
) -> Response<Body> {
    let Some(action) = fields.get("action") else {
        let _turn = server.turn().await;
        let snapshot = Snapshot::take(&server.control).await;
        return page_of(page::page(&snapshot, fields.get("message")).await);
    };
    if action != "refresh" && !origin::is_own(request.headers()) {
        return other_origin();
    }
    match legacy::act(&server.control, action, fields.get("processname")).await {
        Ok(message) => redirect(request.method(), &message),
        Err(legacy::Unknown) => error_page(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Redirects to the page, with a message. The location is relative. supervisord sends an absolute
/// `http` URL, which loses the path and the scheme of a proxy.
fn redirect(method: &Method, message: &str) -> Response<Body> {
    let place = format!("index.html?message={}", form::encoded(message));
    let status =
        if method == Method::GET { StatusCode::MOVED_PERMANENTLY } else { StatusCode::SEE_OTHER };
    let mut response = plain(status, "");
    let headers = response.headers_mut();
    headers.extend(HeaderValue::from_str(&place).ok().map(|place| (LOCATION, place)));
    forbid_keeping(headers);
    response
}

fn page_of(html: String) -> Response<Body> {
    let mut response = plain(StatusCode::OK, html);
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_TYPE, "text/html;charset=utf-8");
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(REFERRER_POLICY, "same-origin");
    forbid_keeping(headers);
    response
}

fn forbid_keeping(headers: &mut HeaderMap) {
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
    headers.insert(EXPIRES, HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"));
}

/// The page of the program in the field `processname`.
async fn details_of(server: &ServerState, fields: &Fields) -> String {
    let name = fields.get("processname").unwrap_or_default();
    let control = &server.control;
    let _turn = server.turn().await;
    let program = snapshot::program(control, name).await;
    let proc = control.core().resolve_process(name);
    match (program, proc) {
        (Some(program), Ok(proc)) => {
            let (runs, usage) = (snapshot::runs(control, proc), snapshot::usage(control, proc));
            let at = control.now().wall;
            program_page::program_page(&program_page::Details { program, runs, usage, at })
        }
        (None, _) | (_, Err(_)) => program_page::unknown_program(name),
    }
}

fn tail_of(control: &Control, fields: &Fields) -> tail_page::Tail {
    let spec = fields.get("processname").unwrap_or_default().to_owned();
    let limit = fields.get("limit").and_then(|limit| limit.parse::<u64>().ok());
    let channel = match fields.get("channel") {
        Some("stderr") => Channel::Stderr,
        Some(_) | None => Channel::Stdout,
    };
    let text = if spec.is_empty() {
        Err("No process name found".to_owned())
    } else {
        end_of_log(control, &spec, channel, limit.unwrap_or(TAIL).clamp(TAIL, MOST_OF_TAIL))
    };
    tail_page::Tail { spec, channel, limit, text }
}

fn end_of_log(
    control: &Control,
    spec: &str,
    channel: Channel,
    length: u64,
) -> Result<tail_page::Text, String> {
    let Ok(proc) = control.core().resolve_process(spec) else {
        return Err(format!("ERROR: unexpected rpc fault [10] BAD_NAME: {spec}"));
    };
    let Some(log) = control.log(proc, channel) else {
        return Err(no_log(control, spec, proc, channel));
    };
    match log.last(length) {
        Ok(piece) => {
            let (text, end) = (tail::text(&piece.bytes, piece.start), piece.end());
            let in_memory = matches!(log, LogSource::Recent(_));
            Ok(tail_page::Text { text, end, in_memory })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("No file for {spec}: {} does not exist yet.", log.name()))
        }
        Err(error) => Err(format!("ERROR: {}: {error}", log.name())),
    }
}

/// The reason why a log cannot be shown, and a remedy.
fn no_log(control: &Control, spec: &str, proc: ProcId, channel: Channel) -> String {
    let core = control.core();
    let info = core.process(proc);
    let output = info.as_ref().and_then(|info| info.spec.launch.stdio.output(channel));
    let channel = channel.name();
    match (info, output) {
        (Some(info), _) if info.runs == 0 => {
            format!("No file for {spec}: it has not been started yet.")
        }
        (_, None) => format!("No file for {spec}: its {channel} is part of its other stream."),
        (_, Some(_)) => format!(
            "No file for {spec}: its {channel} goes to the supervisor's own output, or nowhere. \
             Set {channel}_logfile to a path to read it here."
        ),
    }
}
