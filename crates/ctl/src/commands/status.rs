//! `status`.

use supervisor_wire::xmlrpc::Value;

use super::Done;
use crate::answer::{self, Info};
use crate::client::Followed;
use crate::command_line;
use crate::error::CtlError;
use crate::render::{self, split_namespec};
use crate::session::Session;

/// The exit status if a requested process is not running.
const NOT_RUNNING: u8 = 3;

/// The exit status if the state is unknown.
const UNKNOWN: u8 = 4;

/// The argument that selects JSON.
const JSON: &str = "--json";

pub(super) fn status(session: &mut Session<'_>, words: &str) -> Done {
    let mut names = command_line::words(words);
    let json = names.contains(&JSON);
    names.retain(|name| *name != JSON);
    if let Some(unfit) = session.unfit()? {
        complain(session, json, &unfit.text)?;
        session.status = UNKNOWN;
        return Ok(());
    }
    let all = answer::infos(session.call("getAllProcessInfo", &[])?)?;
    let Chosen { infos, unknown } = choose(&all, &names);
    for complaint in unknown {
        session.status = UNKNOWN;
        complain(session, json, &complaint)?;
    }
    if json {
        let conditions = conditions(session);
        session.print_json(&as_json(&infos, &conditions))?;
    } else {
        for line in render::statuses(&infos) {
            session.say(&line)?;
        }
    }
    if infos.iter().any(|info| info.is_stopped()) {
        session.status = NOT_RUNNING;
    }
    Ok(())
}

/// Prints an error: on stderr if stdout is JSON for programs.
fn complain(session: &mut Session<'_>, json: bool, complaint: &str) -> Done {
    if !json {
        return session.say(complaint);
    }
    writeln!(session.complaints, "{complaint}").map_err(CtlError::StdoutClosed)
}

struct Chosen<'a> {
    infos: Vec<&'a Info>,
    unknown: Vec<String>,
}

/// The processes with these names, in the order of the names.
fn choose<'a>(all: &'a [Info], names: &[&str]) -> Chosen<'a> {
    if names.is_empty() || names.contains(&"all") {
        return Chosen { infos: all.iter().collect(), unknown: Vec::new() };
    }
    let mut chosen = Chosen { infos: Vec::new(), unknown: Vec::new() };
    for name in names {
        let (group, process) = split_namespec(name);
        let fits = |info: &&Info| {
            info.group == group && process.is_none_or(|process| info.name == process)
        };
        let before = chosen.infos.len();
        chosen.infos.extend(all.iter().filter(fits));
        if chosen.infos.len() == before {
            chosen.unknown.push(match process {
                None => format!("{group}: ERROR (no such group)"),
                Some(_) => format!("{name}: ERROR (no such process)"),
            });
        }
    }
    chosen
}

/// Fields of a program that the API returns and XML-RPC does not.
const CONDITION: [&str; 7] =
    ["ready", "health", "health_reason", "since", "last_exit", "last_failure", "restarts"];

/// The API's path of the list of all programs.
const PROGRAMS: &str = "/api/v1/programs";

/// The API's list of all programs; null if the daemon has no API, as supervisord.
fn conditions(session: &mut Session<'_>) -> serde_json::Value {
    let mut answer = Vec::new();
    match session.remote.follow(PROGRAMS, &mut answer) {
        Ok(Followed::Ended) => serde_json::from_slice(&answer).unwrap_or_default(),
        Ok(Followed::Interrupted | Followed::Refused(_)) | Err(_) => serde_json::Value::Null,
    }
}

fn as_json(infos: &[&Info], conditions: &serde_json::Value) -> serde_json::Value {
    let programs = conditions["programs"].as_array();
    let object = |info: &&Info| {
        let mut object = json_struct(&info.members);
        let same = |one: &&serde_json::Value| {
            one["group"] == info.group.as_str() && one["process"] == info.name.as_str()
        };
        if let Some(program) = programs.and_then(|all| all.iter().find(same)) {
            for name in CONDITION {
                object[name] = program[name].clone();
            }
        }
        object
    };
    serde_json::Value::Array(infos.iter().map(object).collect())
}

fn json_struct(members: &[(String, Value)]) -> serde_json::Value {
    members.iter().map(|(name, value)| (name.clone(), json(value))).collect()
}

pub(super) fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Int(number) => (*number).into(),
        Value::Bool(yes) => (*yes).into(),
        Value::Double(number) => (*number).into(),
        Value::String(text) | Value::DateTime(text) => text.as_str().into(),
        Value::Array(values) => values.iter().map(json).collect(),
        Value::Struct(members) => json_struct(members),
        Value::Nil => serde_json::Value::Null,
    }
}
