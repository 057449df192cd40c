//! The JSON API: `/api/v1/`. [`routes::ROUTES`] lists all operations.

mod act;
mod events;
mod fields;
mod logs;
mod openapi;
mod problem;
mod routes;

use std::fmt::Write;

use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::task::yield_now;

pub(crate) use self::fields::check_words;
use self::fields::{GROUP, PROGRAM, RUN, SAMPLE, SUPERVISOR, object};
use self::logs::Log;
use self::problem::Problem;
use self::routes::{Act, Found, Method, Route};
use crate::control::Control;
use crate::http::{Body, ServerState, origin, plain};
use crate::snapshot::{self, AT_ONCE, Program, Snapshot};

/// Answers a request. `path` is the rest after `/api/v1/`, still encoded.
pub(crate) async fn answer(
    server: &ServerState,
    path: &str,
    request: &Request<Bytes>,
) -> Response<Body> {
    let method = match *request.method() {
        hyper::Method::GET => Some(Method::Get),
        hyper::Method::POST => Some(Method::Post),
        _ => None,
    };
    let (route, in_path) = match routes::find(method, path) {
        Found::Route(route, in_path) => (route, in_path),
        Found::OtherMethod => return other_method(path, request.method()),
        Found::Nothing => {
            let detail = format!("no such path: /api/v1/{path}; see /api/v1/openapi.json");
            return Problem::new(StatusCode::NOT_FOUND, "NO_SUCH_PATH", detail).response();
        }
    };
    // A stream occupies a slot and descriptors. Like a command, it is not for other sites' pages.
    let guarded = route.method == Method::Post || route.act.follows();
    if guarded && !origin::is_own(request.headers()) {
        let detail = "cross-site request rejected. Behind a proxy, forward the Host header or \
         set X-Forwarded-Host";
        return Problem::new(StatusCode::FORBIDDEN, "OTHER_ORIGIN", detail).response();
    }
    let asked = match Asked::new(route, in_path, request.uri().query().unwrap_or_default()) {
        Ok(asked) => asked,
        Err(problem) => return problem.response(),
    };
    match carry_out(server, route.act, &asked).await {
        Ok(response) => response,
        Err(problem) => problem.response(),
    }
}

/// The parameters of a request, by name. Unknown parameters are rejected.
struct Asked(Vec<(String, String)>);

impl Asked {
    fn new(
        route: &Route,
        in_path: Vec<(&'static str, String)>,
        query: &str,
    ) -> Result<Self, Problem> {
        let mut said: Vec<(String, String)> = Vec::new();
        for (name, value) in supervisor_wire::http::form::fields(query) {
            if !route.query.iter().any(|parameter| parameter.name == name) {
                let known: Vec<&str> = route.query.iter().map(|known| known.name).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let detail = format!("unknown parameter '{name}'; expected one of: {known}");
                return Err(Problem::bad_argument(detail));
            }
            said.push((name, value));
        }
        said.extend(in_path.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Ok(Self(said))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the path. The route guarantees that it exists.
    fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let parsed = self.get(name).map(|value| {
            value.parse().map_err(|_| {
                let detail = format!("{name} must be a whole number, 0 or more, got '{value}'");
                Problem::bad_argument(detail)
            })
        });
        parsed.transpose()
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(other) => {
                let detail = format!("{name} must be true or false, got '{other}'");
                Err(Problem::bad_argument(detail))
            }
        }
    }
}

async fn carry_out(
    server: &ServerState,
    act: Act,
    asked: &Asked,
) -> Result<Response<Body>, Problem> {
    let control = &server.control;
    let value = match act {
        Act::ShowSupervisor => object(SUPERVISOR, &Snapshot::without_programs(control)),
        Act::ListPrograms => {
            let _turn = server.turn().await;
            return Ok(respond(list(&Snapshot::take(control).await.programs).await));
        }
        Act::ShowProgram => {
            let _turn = server.turn().await;
            show(control, asked.text("name")).await?
        }
        Act::ListGroups => {
            let groups = snapshot::groups(control);
            json!({"groups": groups.iter().map(|one| object(GROUP, one)).collect::<Vec<_>>()})
        }
        Act::ListRuns => {
            let runs = snapshot::runs(control, process(control, asked.text("name"))?);
            json!({"runs": runs.iter().map(|run| object(RUN, run)).collect::<Vec<_>>()})
        }
        Act::ShowReport => report(control, asked)?,
        Act::ShowUsage => {
            let samples = snapshot::usage(control, process(control, asked.text("name"))?);
            json!({"samples": samples.iter().map(|one| object(SAMPLE, one)).collect::<Vec<_>>()})
        }
        Act::ReadLog => logs::piece(&Log::of_program(control, asked)?, asked)?,
        Act::FollowLog => return logs::follow(server, Log::of_program(control, asked)?, asked),
        Act::ReadOwnLog => logs::piece(&Log::of_supervisor(control)?, asked)?,
        Act::FollowOwnLog => return logs::follow(server, Log::of_supervisor(control)?, asked),
        Act::FollowEvents => {
            logs::may_follow(server)?;
            return Ok(events::follow(control));
        }
        Act::ShowDescription => openapi::document(),
        Act::Order(scope, verb) => act::order(control, scope, verb, asked).await?,
        Act::AddGroup => act::add_group(control, asked.text("group")).await?,
        Act::RemoveGroup => act::remove_group(control, asked.text("group")).await?,
        Act::Reread => act::reread(control).await?,
        Act::Update => act::update(control).await?,
        Act::Restart => act::restart(control).await?,
        Act::Shutdown => act::shutdown(control).await?,
    };
    Ok(respond(value.to_string()))
}

/// The crash report of a run.
fn report(control: &Control, asked: &Asked) -> Result<Value, Problem> {
    let name = asked.text("name");
    let (proc, number) = (process(control, name)?, asked.number("run")?.unwrap_or_default());
    let report = control.crash_reports(proc).into_iter().find(|(run, _)| run.0 == number);
    report.map(|(_, report)| report).ok_or_else(|| {
        let detail = format!("there is no crash report of run {number} of '{name}'");
        Problem::new(StatusCode::NOT_FOUND, "NO_REPORT", detail)
    })
}

async fn show(control: &Control, name: &str) -> Result<Value, Problem> {
    let program = snapshot::program(control, name).await;
    program
        .map(|program| object(PROGRAM, &program))
        .ok_or_else(|| Problem::bad_name("program", name))
}

/// All programs as JSON. Other tasks run after each [`AT_ONCE`] programs.
async fn list(programs: &[Program]) -> String {
    let mut json = "{\"programs\":[".to_owned();
    for (number, program) in programs.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // A string takes everything.
        let _ = write!(json, "{comma}{}", object(PROGRAM, program));
        if number % AT_ONCE == AT_ONCE - 1 {
            yield_now().await;
        }
    }
    json.push_str("]}");
    json
}

/// The process with this name.
fn process(control: &Control, name: &str) -> Result<supervisor_core::ids::ProcId, Problem> {
    let proc = control.core().resolve_process(name);
    proc.map_err(|_| Problem::bad_name("program", name))
}

fn respond(json: String) -> Response<Body> {
    let mut response = plain(StatusCode::OK, json);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn other_method(path: &str, method: &hyper::Method) -> Response<Body> {
    let allowed = match routes::find(Some(Method::Get), path) {
        Found::Route(..) => "GET",
        Found::OtherMethod | Found::Nothing => "POST",
    };
    let detail = format!("/api/v1/{path}: method {method} not allowed; expected {allowed}");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "OTHER_METHOD", detail);
    let mut response = problem.response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
