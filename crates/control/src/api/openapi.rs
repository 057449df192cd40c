//! The OpenAPI description, generated from the tables that also produce the responses.

use serde_json::{Map, Value, json};

use super::fields::{self, DIFFERENCE, GROUP, OUTCOME, PIECE, PROGRAM, RUN, SAMPLE, SUPERVISOR};
use super::problem;
use super::routes::{Gives, IN_PATH, Method, Parameter, ParameterKind, ROUTES, Route};

/// Names of the events of the supervisor and its programs.
const EVENTS: [&str; 11] = [
    "state",
    "health",
    "crash",
    "gave_up",
    "group",
    "supervisor",
    "log",
    "communication",
    "remote",
    "tick",
    "missed",
];

/// An [OpenAPI](https://spec.openapis.org/oas/v3.1.1.html) document.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for route in &ROUTES {
        let path = paths.entry(format!("/{}", route.path)).or_insert_with(|| json!({}));
        path[method(route.method)] = operation(route);
    }
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "standard-supervisor",
            "version": version,
            "summary": "Inspect programs and their logs, and control them.",
            "description": "Commands from a browser are accepted only from the supervisor's own \
             pages: the headers Sec-Fetch-Site, Origin and Referer, if present, must match.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        // Wherever this document was found.
        "servers": [{"url": "."}],
        "security": [{}, {"password": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"password": {"type": "http", "scheme": "basic"}},
            "schemas": schemas(),
        },
    })
}

fn schemas() -> Value {
    let list = |of: &str| json!({"type": "array", "items": reference(of)});
    let one = |name: &str, schema: Value| json!({"type": "object", "required": [name], "properties": {name: schema}});
    json!({
        "Supervisor": fields::schema(SUPERVISOR),
        "Program": fields::schema(PROGRAM),
        "Programs": one("programs", list("Program")),
        "Group": fields::schema(GROUP),
        "Groups": one("groups", list("Group")),
        "Outcome": fields::schema(OUTCOME),
        "Outcomes": one("outcomes", list("Outcome")),
        "Difference": fields::schema(DIFFERENCE),
        "Run": fields::schema(RUN),
        "Runs": one("runs", list("Run")),
        "Report": report(),
        "Sample": fields::schema(SAMPLE),
        "Usage": one("samples", list("Sample")),
        "Piece": fields::schema(PIECE),
        "Done": one("done", json!({"type": "boolean", "const": true})),
        "Problem": problem::schema(),
    })
}

/// The schema of the fields that every report has. The reference lists all fields.
fn report() -> Value {
    let lines = json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object",
        "required": ["program", "run", "class", "cause", "started", "ended", "next", "last_lines"],
        "properties": {
            "program": {"type": "string"},
            "run": {"type": "integer"},
            "class": {"type": "string"},
            "cause": {"type": "string"},
            "exit_code": {"type": ["integer", "null"]},
            "signal": {"type": ["string", "null"]},
            "started": {"type": "string", "format": "date-time"},
            "ended": {"type": "string", "format": "date-time"},
            "uptime_seconds": {"type": "number"},
            "ready_after_seconds": {"type": ["number", "null"]},
            "next": {"type": "object"},
            "last_lines": {
                "type": "object",
                "required": ["stdout", "stderr"],
                "properties": {"stdout": lines, "stderr": lines},
            },
        },
    })
}

const fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
    }
}

fn operation(route: &Route) -> Value {
    let in_path = IN_PATH.iter().filter(|parameter| {
        route.path.split('/').any(|segment| segment == format!("{{{}}}", parameter.name))
    });
    let parameters = in_path.map(|parameter| described(parameter, "path"));
    let parameters = parameters.chain(route.query.iter().map(|one| described(one, "query")));
    json!({
        "operationId": id(route),
        "summary": route.summary,
        "parameters": parameters.collect::<Vec<_>>(),
        "responses": {
            "200": success(route.gives),
            "default": {
                "description": "The request failed; the problem document contains the reason.",
                "content": {"application/problem+json": {"schema": reference("Problem")}},
            },
        },
    })
}

/// The operation id, made from method and path: `postProgramsNameStart`.
fn id(route: &Route) -> String {
    let mut id = method(route.method).to_owned();
    for word in route.path.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        let (first, rest) = word.split_at(usize::from(!word.is_empty()));
        id.push_str(&first.to_ascii_uppercase());
        id.push_str(rest);
    }
    id
}

fn described(parameter: &Parameter, place: &str) -> Value {
    let Parameter { name, about, kind, required } = *parameter;
    let schema = match kind {
        ParameterKind::Text => json!({"type": "string"}),
        ParameterKind::Signal => json!({"type": "string", "examples": ["HUP", "SIGHUP", "1"]}),
        ParameterKind::Channel => json!({"type": "string", "enum": ["stdout", "stderr"]}),
        ParameterKind::Flag => json!({"type": "boolean"}),
        ParameterKind::Number => json!({"type": "integer", "minimum": 0}),
    };
    json!({"name": name, "in": place, "required": required, "description": about, "schema": schema})
}

fn success(gives: Gives) -> Value {
    let (kind, about, schema) = match gives {
        Gives::Supervisor => json_of("The state of the supervisor.", "Supervisor"),
        Gives::Programs => json_of("The programs, by group and name.", "Programs"),
        Gives::Program => json_of("The program, after the command.", "Program"),
        Gives::Groups => json_of("The groups, by name.", "Groups"),
        Gives::Runs => json_of("The runs, the newest first.", "Runs"),
        Gives::Report => json_of("The report, as its file has it.", "Report"),
        Gives::Usage => json_of("The samples, the oldest first.", "Usage"),
        Gives::Piece => json_of("The requested part of the log.", "Piece"),
        Gives::Outcomes => json_of(
            "The result for each affected program. Programs that are already in the requested \
             state are omitted.",
            "Outcomes",
        ),
        Gives::Difference => json_of("Names of groups.", "Difference"),
        Gives::Done => json_of("Done.", "Done"),
        Gives::Description => {
            ("application/json", "An OpenAPI document.", json!({"type": "object"}))
        }
        Gives::LogStream => stream(
            &["text", "truncated", "replaced"],
            &json!({"text": {"type": "string"}, "end": {"type": "integer", "minimum": 0}}),
            "`text` events: JSON objects with `text` and `end`, the offset to continue from. A \
             `truncated` or `replaced` event, when the file was truncated or replaced: the log \
             then continues from its beginning.",
        ),
        Gives::EventStream => stream(
            &EVENTS,
            &json!({"time": {"type": "string", "format": "date-time"}}),
            "Events with the names `state`, `health`, `crash`, `gave_up`, `group`, \
             `supervisor`, `log`, `communication`, `remote` and `tick`, each a JSON object with \
             `time`; and `missed`, with the number of events that a slow client missed. \
             `health`: a program became ready, healthy or unhealthy, or no longer is.",
        ),
    };
    json!({"description": about, "content": {kind: {"schema": schema}}})
}

fn json_of(about: &'static str, schema: &str) -> (&'static str, &'static str, Value) {
    ("application/json", about, reference(schema))
}

/// A stream of events with these names. Their data is a JSON object with these properties. `OpenAPI`
/// 3.1 does not define the schema of a stream; clients that know streams apply it to each event.
fn stream(
    names: &[&str],
    properties: &Value,
    about: &'static str,
) -> (&'static str, &'static str, Value) {
    let data = json!({
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {"type": "object", "properties": properties},
    });
    let event = json!({
        "type": "object",
        "required": ["event", "data"],
        "properties": {"event": {"type": "string", "enum": names}, "data": data},
    });
    ("text/event-stream", about, event)
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_has_a_unique_name() {
        let names: BTreeSet<String> = ROUTES.iter().map(id).collect();
        assert_eq!(names.len(), ROUTES.len());
        assert!(names.contains("postProgramsNameStart"), "{names:?}");
    }

    #[test]
    fn every_operation_is_described() {
        let document = document();
        for route in &ROUTES {
            let path = format!("/{}", route.path);
            let operation = &document["paths"][path.as_str()][method(route.method)];
            assert_eq!(operation["summary"], route.summary, "{path}");
        }
    }
}
