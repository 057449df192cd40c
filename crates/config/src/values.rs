//! What each kind of value accepts, in supervisord's rules and words.
//!
//! The rules are those of the
//! [configuration reference](https://supervisord.org/configuration.html) and of
//! supervisord's own checks. Every check either gives a value that needs no further
//! look, or the text that supervisord prints.

mod failure;
mod health;
mod start;
mod status;

use std::net::Ipv6Addr;
use std::path::{Component, Path, PathBuf};

use supervisor_core::signal::Signal;
use supervisor_core::spec::{Autorestart, RemoveLeftovers, StopTarget, User};

use crate::environment;
use crate::error::in_short;
use crate::sources::{Host, Sources};
use supervisor_core::level::Level;
use supervisor_wire::python::{self, repr};

pub(crate) use self::health::{
    ACTION, COUNT, HEADERS, HOST_AND_PORT, HOST_NAME, LISTENER, LOOPBACK, PORT_NUMBER, PRESET,
    READY, SERIES, SIGNAL_OR_OFF, SPAN, SPAN_OR_NONE, SPAN_OR_OFF, STATUSES, TEXT_TO_FIND,
    UP_TO_A_MINUTE, URL, host,
};
pub(crate) use failure::{CLASS_EXIT_CODES, FAILURE_PRESET, FailurePreset};
pub(crate) use start::{DEPENDENCIES, HOSTS_AND_PORTS, RETRIES_OR_OFF};
pub(crate) use status::{LOG_FORMAT, PRESTOP_DELAY, STATUS_PORT};

/// What checks may ask besides the text.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) host: &'a dyn Host,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("said", self.sources).finish_non_exhaustive()
    }
}

/// A kind of value: how it is read, and in words what is accepted.
pub(crate) struct ValueType<T> {
    pub(crate) what: &'static str,
    pub(crate) parse: fn(&str, &Context<'_>) -> Result<T, String>,
}

/// Where a program's output goes, as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogTarget {
    None,
    Auto,
    Syslog,
    Path(PathBuf),
}

/// A `user[:group]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) user: User,
    pub(crate) group: Option<u32>,
}

/// An address to listen on; no host means all interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InetAddress {
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
}

/// Where a FastCGI program's socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FcgiSocket {
    Unix(PathBuf),
    Tcp(InetAddress),
}

pub(crate) static TEXT: ValueType<String> =
    ValueType { what: "any text", parse: |text, _| Ok(text.to_owned()) };

pub(crate) static COMMAND_LINE: ValueType<String> = ValueType {
    what: "a program and its arguments, split as a shell splits words",
    parse: TEXT.parse,
};

pub(crate) static INTEGER: ValueType<i64> =
    ValueType { what: "a whole number", parse: |text, _| python::int(text) };

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

pub(crate) static EXISTING_DIRECTORY: ValueType<PathBuf> =
    ValueType { what: "an existing directory", parse: existing_directory };

pub(crate) static FILE_PATH: ValueType<PathBuf> =
    ValueType { what: "a path in an existing directory", parse: file_path };

pub(crate) static NORMAL_PATH: ValueType<PathBuf> = ValueType {
    what: "a path",
    parse: |text, context| Ok(absolute(&with_home(python::strip(text), context), context)),
};

pub(crate) static PATH_OR_OFF: ValueType<Option<PathBuf>> = ValueType {
    what: "a path, or off",
    parse: |text, context| match python::strip(text) {
        text if text.eq_ignore_ascii_case("off") => Ok(None),
        "" => Err("an empty path".to_owned()),
        text => Ok(Some(absolute(&with_home(text, context), context))),
    },
};

pub(crate) static PORT_OR_OFF: ValueType<Option<u16>> = ValueType {
    what: "a port from 1 to 65535, or off",
    parse: |text, _| match text.to_ascii_lowercase().as_str() {
        "off" => Ok(None),
        _ => {
            let port = python::int(text).ok().and_then(|port| u16::try_from(port).ok());
            let port = port.filter(|port| *port > 0);
            port.map(Some).ok_or_else(|| format!("not a valid port: {}", repr(text)))
        }
    },
};

pub(crate) static LOG_TARGET: ValueType<LogTarget> = ValueType {
    what: "a path in an existing directory, AUTO, NONE, off or syslog",
    parse: log_target,
};

pub(crate) static SIGNAL: ValueType<Signal> = ValueType {
    what: "a signal's name, such as TERM, SIGTERM or RTMIN+3, or its number",
    parse: |text, _| signal(text),
};

pub(crate) static EXIT_CODES: ValueType<Vec<u8>> = ValueType {
    what: "numbers from 0 to 255 with commas between them",
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

pub(crate) static USER: ValueType<User> =
    ValueType { what: "the name or id of a user that exists here", parse: user };

pub(crate) static SOCKET_MODE: ValueType<u32> = ValueType {
    what: OCTAL.what,
    parse: |text, _| octal(text).map_err(|_| format!("Invalid socket_mode value {text}")),
};

pub(crate) static SOCKET_OWNER: ValueType<Owner> = ValueType {
    what: "user or user:group, both existing here",
    parse: |text, context| {
        owner(text, context).map_err(|_| format!("Invalid socket_owner value {text}"))
    },
};

pub(crate) static CHMOD: ValueType<u32> = ValueType {
    what: OCTAL.what,
    parse: |text, _| octal(text).map_err(|_| format!("Invalid chmod value {text}")),
};

pub(crate) static CHOWN: ValueType<Owner> = ValueType {
    what: "user or user:group, both existing here",
    parse: |text, context| {
        owner(text, context).map_err(|_| format!("Invalid sockchown value {text}"))
    },
};

pub(crate) static PORT: ValueType<InetAddress> = ValueType {
    what: "port, :port, *:port or host:port, with a port from 1 to 65535",
    parse: |text, _| inet_address(text),
};

pub(crate) static ENVIRONMENT: ValueType<Vec<(String, String)>> = ValueType {
    what: "KEY=\"value\" pairs with commas between them",
    parse: |text, _| environment::parse(text),
};

pub(crate) static LIST: ValueType<Vec<String>> = ValueType {
    what: "words with commas between them",
    parse: |text, _| Ok(list(text).map(str::to_owned).collect()),
};

pub(crate) static BACKLOG: ValueType<u16> = ValueType {
    what: "a whole number from 1 to 65535",
    parse: |text, _| {
        let number = python::int(text)?;
        let backlog = u16::try_from(number).ok().filter(|n| *n > 0);
        backlog.ok_or_else(|| format!("Invalid socket_backlog value {}", written(number, text)))
    },
};

pub(crate) static FCGI_SOCKET: ValueType<FcgiSocket> = ValueType {
    what: "unix:///absolute/path or tcp://host:port",
    parse: |text, _| fcgi_socket(text),
};

/// A name of a program, process or group: trimmed, and free of what event payloads
/// and URLs use as separators.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let trimmed = python::strip(text);
    let shown = || repr(&in_short(text));
    match [' ', ':', '/', '\0'].into_iter().find(|c| trimmed.contains(*c)) {
        Some('\0') => Err(format!("Invalid name: {} holds a zero byte", shown())),
        Some(c) => Err(format!("Invalid name: {} because of character: '{c}'", shown())),
        None => Ok(trimmed.to_owned()),
    }
}

/// A relative path starts at the working directory. As in
/// [`os.path.abspath`](https://docs.python.org/3/library/os.path.html#os.path.abspath),
/// `..` takes the name before it away, whatever that may link to.
pub(crate) fn absolute(path: &Path, context: &Context<'_>) -> PathBuf {
    let mut absolute = PathBuf::new();
    for component in context.sources.cwd.join(path).components() {
        match component {
            Component::ParentDir => {
                absolute.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                absolute.push(component);
            }
        }
    }
    absolute
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

fn existing_directory(text: &str, context: &Context<'_>) -> Result<PathBuf, String> {
    let path = with_home(text, context);
    if context.host.is_dir(&absolute(&path, context)) {
        Ok(path)
    } else {
        Err(format!("{text} is not an existing directory"))
    }
}

fn file_path(text: &str, context: &Context<'_>) -> Result<PathBuf, String> {
    let path = with_home(text, context);
    let directory = path.to_str().and_then(|p| p.rsplit_once('/')).map(|(directory, _)| directory);
    let exists = match directory {
        _ if is_stream(text) => true,
        None | Some("") => true,
        Some(directory) => context.host.is_dir(&absolute(Path::new(directory), context)),
    };
    if exists {
        Ok(path)
    } else {
        Err(format!("The directory named as part of the path {text} does not exist"))
    }
}

/// `~/x` and `~user/x`, as
/// [`os.path.expanduser`](https://docs.python.org/3/library/os.path.html#os.path.expanduser).
fn with_home(text: &str, context: &Context<'_>) -> PathBuf {
    let Some(rest) = text.strip_prefix('~') else { return PathBuf::from(text) };
    let (user, rest) = rest.split_once('/').map_or((rest, None), |(user, rest)| (user, Some(rest)));
    let home = if user.is_empty() {
        context.sources.variable("HOME").map(PathBuf::from).or_else(|| context.host.home(None))
    } else {
        context.host.home(Some(user))
    };
    match (home, rest) {
        (None, _) => PathBuf::from(text),
        (Some(home), None) => home,
        (Some(home), Some(rest)) => home.join(rest.trim_start_matches('/')),
    }
}

fn log_target(text: &str, context: &Context<'_>) -> Result<LogTarget, String> {
    match text.to_lowercase().as_str() {
        "" | "none" | "off" => Ok(LogTarget::None),
        "auto" => Ok(LogTarget::Auto),
        "syslog" => Ok(LogTarget::Syslog),
        _ => file_path(text, context).map(LogTarget::Path),
    }
}

/// Paths that are never opened: what they stand for was inherited.
fn is_stream(text: &str) -> bool {
    STDOUT.contains(&text) || STDERR.contains(&text) || text == NULL
}

/// The names of the supervisor's own stdout.
pub(crate) const STDOUT: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
/// The names of the supervisor's own stderr.
pub(crate) const STDERR: [&str; 3] = ["/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"];
/// The name of nowhere.
pub(crate) const NULL: &str = "/dev/null";

/// The signal that a text names, by name or number: the one place where options, RPC and the
/// API find it out. 32 and 33 are the C library's own.
///
/// # Errors
///
/// In supervisord's words, that it names none.
pub fn signal(text: &str) -> Result<Signal, String> {
    let not_a = |what: &str| format!("value {} is not a valid signal {what}", repr(text));
    match python::int(text) {
        Ok(number) => {
            let free = !matches!(number, 32 | 33);
            Signal::from_number(number).filter(|_| free).ok_or_else(|| not_a("number"))
        }
        Err(_) => Signal::from_name(python::strip(text)).ok_or_else(|| not_a("name")),
    }
}

fn exit_codes(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(|code| u8::try_from(python::int(code).ok()?).ok()).collect()
}

fn user(text: &str, context: &Context<'_>) -> Result<User, String> {
    match python::int(text) {
        Ok(uid) => {
            let known = u32::try_from(uid).ok().and_then(|uid| context.host.user_by_id(uid));
            known.ok_or_else(|| format!("Invalid user id {text}"))
        }
        Err(_) => {
            context.host.user_by_name(text).ok_or_else(|| format!("Invalid user name {text}"))
        }
    }
}

fn owner(text: &str, context: &Context<'_>) -> Result<Owner, String> {
    let (name, group) = text.split_once(':').map_or((text, None), |(u, g)| (u, Some(g)));
    let invalid = || format!("Invalid user:group definition {text}");
    let user = user(name, context).map_err(|_| invalid())?;
    let group = match group {
        None => None,
        Some(group) => Some(group_id(group, context).ok_or_else(invalid)?),
    };
    Ok(Owner { user, group })
}

fn group_id(text: &str, context: &Context<'_>) -> Option<u32> {
    match python::int(text) {
        Ok(gid) => u32::try_from(gid).ok().filter(|gid| context.host.group_exists(*gid)),
        Err(_) => context.host.group_by_name(text),
    }
}

fn inet_address(text: &str) -> Result<InetAddress, String> {
    let (host, port) = match text.rsplit_once(':') {
        None => {
            let port =
                port(text).map_err(|_| format!("not a valid port number: {} ", repr(text)))?;
            return Ok(InetAddress { host: None, port });
        }
        Some((_, "")) => return Err("no port number specified in ''".to_owned()),
        Some((host, port_text)) => (host.to_lowercase(), port(port_text)?),
    };
    let host = Some(unbracketed(&host)).filter(|host| !matches!(*host, "" | "*"));
    let host = host.map(str::to_owned);
    Ok(InetAddress { host, port })
}

/// An IPv6 address without the brackets that keep its colons apart from the port's.
pub(crate) fn unbracketed(host: &str) -> &str {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bare.filter(|bare| bare.parse::<Ipv6Addr>().is_ok()).unwrap_or(host)
}

/// Whether one can listen there, as far as that is known before it is tried.
pub(crate) fn reachable_here(address: &InetAddress, context: &Context<'_>) -> Result<(), String> {
    match &address.host {
        Some(host) if !context.host.has_address(host) => {
            Err(format!("{host} is neither an IP address nor a name in /etc/hosts"))
        }
        Some(_) | None => Ok(()),
    }
}

fn port(text: &str) -> Result<u16, String> {
    let number = python::int(text)?;
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) if number < 1 => {
            Err(format!("{} is below lower bound (1)", written(number, text)))
        }
        Ok(_) | Err(_) => Err(format!("{} is above upper bound (65535)", written(number, text))),
    }
}

/// A number as Python prints it. One that is too large to count was read as another.
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

fn fcgi_socket(text: &str) -> Result<FcgiSocket, String> {
    if let Some(path) = text.strip_prefix("unix://") {
        return if path.starts_with('/') {
            Ok(FcgiSocket::Unix(PathBuf::from(path)))
        } else {
            Err(format!("Unix socket path {path} is not an absolute path"))
        };
    }
    let address = text.strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':'));
    match address {
        Some((host, port_text))
            if !host.is_empty()
                && !host.contains(python::is_space)
                && (unbracketed(host) != host || !host.contains(':'))
                && !port_text.is_empty()
                && port_text.chars().all(|c| c.is_ascii_digit()) =>
        {
            let host = Some(unbracketed(host).to_lowercase());
            Ok(FcgiSocket::Tcp(InetAddress { host, port: port(port_text)? }))
        }
        Some(_) | None => Err(format!("Bad socket format {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_time_signals_have_names_and_numbers_but_for_the_c_library_s() {
        for text in ["RTMIN+3", "SIGRTMIN+3", "rtmax-27", "37", " 37 "] {
            assert_eq!(signal(text).map(Signal::number), Ok(37), "{text}");
        }
        for text in ["32", "33", "65", "-1", "RTMIN+31", "RTMIN-1", ""] {
            assert!(signal(text).is_err(), "{text}");
        }
    }
}
