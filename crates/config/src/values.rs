//! The types of values, with supervisord's rules and messages.
//!
//! The rules are those of the [configuration reference](https://supervisord.org/configuration.html)
//! and of supervisord's own checks. Parsing returns either a valid value or the error that
//! supervisord prints.

mod addresses;
mod failure;
mod health;
mod hook;
mod limits;
mod memory;
mod owners;
mod paths;
mod retry;
mod rule;
mod signals;
mod start;
mod status;

use supervisor_core::spec::{Autorestart, RemoveLeftovers, StopTarget};

use crate::error::in_short;
use crate::sources::Context;
use crate::text::environment;
use supervisor_core::level::Level;
use supervisor_wire::supervisord::python::{self, repr};

pub(crate) use self::addresses::{
    BACKLOG, FCGI_SOCKET, FcgiSocket, InetAddress, PORT, PORT_OR_OFF, reachable_here, unbracketed,
};
use self::addresses::{inet_address, port};
pub(crate) use self::failure::{
    AWAIT_GPU, AwaitGpu, CLASS_EXIT_CODES, FAILURE_PRESET, FailurePreset, RANK_POLICY, RankPolicy,
};
pub(crate) use self::health::{
    ACTION, COUNT, HEADERS, HOST_AND_PORT, HOST_NAME, LISTENER, LOOPBACK, PORT_NUMBER, READY,
    SERIES, SIGNAL_OR_OFF, SPAN, SPAN_OR_NONE, SPAN_OR_OFF, STATUSES, TEXT_TO_FIND, UP_TO_A_MINUTE,
    URL, host,
};
pub(crate) use self::hook::{HOOK_EVENTS, HOOK_FORMAT, HOOK_URL, OUTPUT_LINES};
pub(crate) use self::limits::{
    LIMIT_CORE, LIMIT_MEMLOCK, LIMIT_NOFILE, LIMIT_NPROC, LIMIT_STACK, NICE, OOM_SCORE_ADJ,
};
pub(crate) use self::memory::{MEMORY_OR_OFF, PERCENT};
pub(crate) use self::owners::{CHMOD, CHOWN, Owner, SOCKET_MODE, SOCKET_OWNER, USER};
pub(crate) use self::paths::{
    ENV_FILES, EXISTING_DIRECTORY, FILE_PATH, LOG_TARGET, LogTarget, NORMAL_PATH, NULL,
    PATH_OR_OFF, STDERR, STDOUT, absolute,
};
pub(crate) use self::rule::{NAMES, RULE_ACTION, SIGNALS};
pub use self::signals::signal;
pub(crate) use self::signals::{SIGNAL, SIGNAL_MAP};
pub(crate) use retry::{FACTOR_OR_OFF, PART, UP_TO_A_DAY};
pub(crate) use start::{
    DEPENDENCIES, HOSTS_AND_PORTS, NUMBER_OR_ALL, RETRIES_OR_OFF, SYSLOG_ADDRESS,
};
pub(crate) use status::{LOG_FORMAT, OUTPUT_FORMAT, OUTPUT_PREFIX, PRESTOP_DELAY, STATUS_PORT};

/// A type of values: its parser, and a description of the accepted values.
pub(crate) struct ValueType<T> {
    pub(crate) what: &'static str,
    pub(crate) parse: fn(&str, &Context<'_>) -> Result<T, String>,
}

pub(crate) static TEXT: ValueType<String> =
    ValueType { what: "any text", parse: |text, _| Ok(text.to_owned()) };

pub(crate) static COMMAND_LINE: ValueType<String> =
    ValueType { what: "a program and its arguments, split like shell words", parse: TEXT.parse };

pub(crate) static INTEGER: ValueType<i64> =
    ValueType { what: "a whole number", parse: |text, _| python::int(text) };

/// Maximum number of processes of one program. It is higher than any machine needs, and keeps a
/// typing error from using all memory.
const MOST_PROCESSES: i64 = 100_000;

pub(crate) static PROCESSES: ValueType<i64> = ValueType {
    what: "a whole number up to 100000",
    parse: |text, _| match python::int(text)? {
        number if number > MOST_PROCESSES => {
            Err(format!("{number} is above upper bound ({MOST_PROCESSES})"))
        }
        number => Ok(number),
    },
};

pub(crate) static SECONDS: ValueType<i64> =
    ValueType { what: "a whole number of seconds", parse: |text, _| python::int(text) };

pub(crate) static SECONDS_OR_OFF: ValueType<Option<i64>> = ValueType {
    what: "a whole number of seconds, or off",
    parse: |text, _| match text.to_ascii_lowercase().as_str() {
        "off" => Ok(None),
        _ => python::int(text).map(Some),
    },
};

pub(crate) static STOP_TARGET: ValueType<StopTarget> = ValueType {
    what: "`main` or `group`",
    parse: |value, _| match value.to_lowercase().as_str() {
        "main" => Ok(StopTarget::Main),
        "group" => Ok(StopTarget::Group),
        _ => Err(format!("invalid value {}; expected main or group", repr(value))),
    },
};
pub(crate) static BOOLEAN: ValueType<bool> = ValueType {
    what: "yes, true, on, 1, no, false, off or 0",
    parse: |text, _| {
        boolean(text).ok_or_else(|| format!("not a valid boolean value: {}", repr(text)))
    },
};

pub(crate) static BYTE_SIZE: ValueType<i64> =
    ValueType { what: "a number of bytes, or one followed by KB, MB or GB", parse: byte_size };

pub(crate) static OCTAL: ValueType<u32> =
    ValueType { what: "an octal number such as 022", parse: |text, _| octal(text) };

pub(crate) static LOG_LEVEL: ValueType<Level> = ValueType {
    what: "critical, error, warn, info, debug, trace or blather",
    parse: |text, _| {
        Level::from_name(text).ok_or_else(|| format!("bad logging level name {}", repr(text)))
    },
};

pub(crate) static EXIT_CODES: ValueType<Vec<u8>> = ValueType {
    what: "comma-separated numbers from 0 to 255",
    parse: |text, _| {
        exit_codes(text).ok_or_else(|| format!("not a valid list of exit codes: {}", repr(text)))
    },
};

pub(crate) static AUTORESTART: ValueType<Autorestart> = ValueType {
    what: "true, false or unexpected",
    parse: |text, _| match (boolean(text), text.to_lowercase()) {
        (Some(true), _) => Ok(Autorestart::Always),
        (Some(false), _) => Ok(Autorestart::Never),
        (None, word) if word == "unexpected" => Ok(Autorestart::Unexpected),
        (None, word) => Err(format!("invalid 'autorestart' value {}", repr(&word))),
    },
};

pub(crate) static REMOVE_LEFTOVERS: ValueType<RemoveLeftovers> = ValueType {
    what: "true, false or all",
    parse: |text, _| match (boolean(text), text.to_lowercase()) {
        (Some(true), _) => Ok(RemoveLeftovers::OnEvidence),
        (Some(false), _) => Ok(RemoveLeftovers::No),
        (None, word) if word == "all" => Ok(RemoveLeftovers::All),
        (None, word) => Err(format!("invalid value {}; expected true, false or all", repr(&word))),
    },
};

pub(crate) static ENVIRONMENT: ValueType<Vec<(String, String)>> = ValueType {
    what: "comma-separated KEY=\"value\" pairs",
    parse: |text, _| environment::parse(text),
};

pub(crate) static LIST: ValueType<Vec<String>> = ValueType {
    what: "comma-separated words",
    parse: |text, _| Ok(list(text).map(str::to_owned).collect()),
};

/// A name of a program, process or group: trimmed, and without the separators of events and URLs.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let trimmed = python::strip(text);
    let shown = || repr(&in_short(text));
    match [' ', ':', '/', '\0'].into_iter().find(|c| trimmed.contains(*c)) {
        Some('\0') => Err(format!("Invalid name: {} contains a NUL byte", shown())),
        Some(c) => Err(format!("Invalid name: {} because of character: '{c}'", shown())),
        None => Ok(trimmed.to_owned()),
    }
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn byte_size(text: &str, _: &Context<'_>) -> Result<i64, String> {
    const UNITS: [(&str, i64); 3] = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
    let text = text.to_lowercase();
    let unit = UNITS.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
    let (number, size) = unit.unwrap_or((&text, 1));
    Ok(python::int(number)?.saturating_mul(size))
}

fn octal(text: &str) -> Result<u32, String> {
    let number = python::octal(text).and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| format!("{text} can not be converted to an octal type"))
}

fn exit_codes(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(|code| u8::try_from(python::int(code).ok()?).ok()).collect()
}

/// A number as Python prints it. If the number is too large, the text as written.
fn written(number: i64, text: &str) -> String {
    if number.saturating_abs() == i64::MAX {
        python::strip(text).to_owned()
    } else {
        number.to_string()
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    let items = (!text.is_empty()).then(|| text.split(',').map(python::strip));
    items.into_iter().flatten()
}
