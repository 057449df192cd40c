//! Parses the supervisor's responses.

use supervisor_wire::xmlrpc::Value;

use super::error::CtlError;

/// States in which a process does not run and will not start by itself.
const STOPPED_STATES: [i64; 4] = [0, 100, 200, 1000];

/// State of a running process.
const RUNNING: i64 = 20;

/// A process, as returned by `getProcessInfo`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Info {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) statename: String,
    pub(crate) description: String,
    pub(crate) pid: i64,
    state: i64,
    /// All members of the response, in their order.
    pub(crate) members: Vec<(String, Value)>,
}

impl Info {
    /// Whether the process runs.
    pub(crate) fn is_running(&self) -> bool {
        self.state == RUNNING
    }

    /// Whether the process does not run and will not start by itself.
    pub(crate) fn is_stopped(&self) -> bool {
        STOPPED_STATES.contains(&self.state)
    }
}

/// The result for one process of a call for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) group: String,
    /// Code of the fault, or of success.
    pub(crate) status: i32,
    pub(crate) description: String,
}

/// A configured process, as returned by `getAllConfigInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configured {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) inuse: bool,
    pub(crate) autostart: bool,
    pub(crate) group_prio: i64,
    pub(crate) process_prio: i64,
}

/// Changes that a reread of the configuration found, by group name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) added: Vec<String>,
    pub(crate) changed: Vec<String>,
    pub(crate) removed: Vec<String>,
}

pub(crate) fn text(value: &Value) -> Result<String, CtlError> {
    value.as_str().map(str::to_owned).ok_or_else(|| unexpected("a text", value))
}

pub(crate) fn number(value: &Value) -> Result<i64, CtlError> {
    value.as_int().ok_or_else(|| unexpected("a number", value))
}

pub(crate) fn info(value: Value) -> Result<Info, CtlError> {
    let name = text(field(&value, "name")?)?;
    let group = text(field(&value, "group")?)?;
    let statename = text(field(&value, "statename")?)?;
    let description = text(field(&value, "description")?)?;
    let pid = number(field(&value, "pid")?)?;
    let state = number(field(&value, "state")?)?;
    let members = match value {
        Value::Struct(members) => members,
        Value::Int(_)
        | Value::Bool(_)
        | Value::Double(_)
        | Value::String(_)
        | Value::DateTime(_)
        | Value::Array(_)
        | Value::Nil => Vec::new(),
    };
    Ok(Info { name, group, statename, description, pid, state, members })
}

pub(crate) fn infos(value: Value) -> Result<Vec<Info>, CtlError> {
    match value {
        Value::Array(values) => values.into_iter().map(info).collect(),
        other @ (Value::Int(_)
        | Value::Bool(_)
        | Value::Double(_)
        | Value::String(_)
        | Value::DateTime(_)
        | Value::Struct(_)
        | Value::Nil) => Err(unexpected("a list", &other)),
    }
}

pub(crate) fn outcomes(value: &Value) -> Result<Vec<Outcome>, CtlError> {
    let outcome = |value: &Value| {
        let status = number(field(value, "status")?)?;
        Ok(Outcome {
            name: text(field(value, "name")?)?,
            group: text(field(value, "group")?)?,
            status: i32::try_from(status).unwrap_or(i32::MAX),
            description: text(field(value, "description")?)?,
        })
    };
    list(value)?.iter().map(outcome).collect()
}

pub(crate) fn configured(value: &Value) -> Result<Vec<Configured>, CtlError> {
    let one = |value: &Value| {
        Ok(Configured {
            name: text(field(value, "name")?)?,
            group: text(field(value, "group")?)?,
            inuse: yes(field(value, "inuse")?)?,
            autostart: yes(field(value, "autostart")?)?,
            group_prio: number(field(value, "group_prio")?)?,
            process_prio: number(field(value, "process_prio")?)?,
        })
    };
    list(value)?.iter().map(one).collect()
}

pub(crate) fn changes(value: &Value) -> Result<Changes, CtlError> {
    let names = |value: &Value| list(value)?.iter().map(text).collect::<Result<Vec<_>, _>>();
    match list(value)?.first().and_then(Value::as_array) {
        Some([added, changed, removed]) => {
            Ok(Changes { added: names(added)?, changed: names(changed)?, removed: names(removed)? })
        }
        Some(_) | None => Err(unexpected("three lists in a list", value)),
    }
}

fn field<'a>(value: &'a Value, name: &str) -> Result<&'a Value, CtlError> {
    value.field(name).ok_or_else(|| unexpected(&format!("a value with {name}"), value))
}

fn list(value: &Value) -> Result<&[Value], CtlError> {
    value.as_array().ok_or_else(|| unexpected("a list", value))
}

fn yes(value: &Value) -> Result<bool, CtlError> {
    value.as_bool().ok_or_else(|| unexpected("a boolean", value))
}

/// Maximum length of an unexpected response in a message.
const SHOWN: usize = 100;

fn unexpected(wanted: &str, value: &Value) -> CtlError {
    let seen: String = format!("{value:?}").chars().take(SHOWN).collect();
    CtlError::Garbled(format!("expected {wanted}, got {seen}"))
}
