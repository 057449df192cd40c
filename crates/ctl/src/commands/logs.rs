//! `tail`, `maintail` and `clear`.

use std::fmt::Write as _;

use supervisor_wire::supervisord::python::{int, repr};
use supervisor_wire::xmlrpc::Value;

use super::{Done, help};
use crate::answer;
use crate::client::Followed;
use crate::command_line;
use crate::error::{CtlError, cannot_connect};
use crate::fault;
use crate::session::{GENERIC, Session};

pub(super) use super::lifecycle::clear;

/// Line before a stream.
pub(super) const PRESS_CTRL_C: &str = "==> Press Ctrl-C to exit <==";

/// Default number of bytes to show.
const USUAL: i64 = 1600;

/// Name of the supervisor's own log.
const DAEMON: &str = "supervisord";

/// The arguments of `tail`.
#[derive(Debug, PartialEq, Eq)]
struct Order<'a> {
    name: &'a str,
    channel: Channel,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    Stdout,
    Stderr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// The given number of bytes at the end.
    Last(i64),
    /// The stream from now on.
    Follow,
}

/// An error in the arguments.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    text: String,
    /// Whether the message includes the usage.
    usage: bool,
}

impl Mistake {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), usage: false }
    }
}

pub(super) fn tail(session: &mut Session<'_>, words: &str) -> Done {
    if !session.is_up()? {
        return Ok(());
    }
    let Order { name, channel, extent } = match order(&command_line::words(words)) {
        Ok(order) => order,
        Err(mistake) => return refuse(session, &mistake, "tail"),
    };
    let (channel, method) = match channel {
        Channel::Stdout => ("stdout", "readProcessStdoutLog"),
        Channel::Stderr => ("stderr", "readProcessStderrLog"),
    };
    match extent {
        Extent::Follow => follow(session, &log_path(name, channel)),
        Extent::Last(bytes) => {
            let params = [Value::String(name.to_owned()), Value::Int(-bytes), Value::Int(0)];
            let result = session.call(method, &params);
            show(session, name, result)
        }
    }
}

pub(super) fn maintail(session: &mut Session<'_>, words: &str) -> Done {
    if !session.is_up()? {
        return Ok(());
    }
    let extent = match command_line::words(words)[..] {
        [] => Ok(Extent::Last(USUAL)),
        [word] => extent(word),
        [..] => Err(Mistake { text: "Error: too many arguments".to_owned(), usage: true }),
    };
    match extent {
        Err(mistake) => refuse(session, &mistake, "maintail"),
        Ok(Extent::Follow) => follow(session, "/mainlogtail"),
        Ok(Extent::Last(bytes)) => {
            let result = session.call("readLog", &[Value::Int(-bytes), Value::Int(0)]);
            show(session, DAEMON, result)
        }
    }
}

fn order<'a>(words: &[&'a str]) -> Result<Order<'a>, Mistake> {
    let count = match words.len() {
        0 => Some("few"),
        1..=3 => None,
        _ => Some("many"),
    };
    if let Some(count) = count {
        return Err(Mistake { text: format!("Error: too {count} arguments"), usage: true });
    }
    let (modifier, rest) = match words {
        [first, rest @ ..] if first.starts_with('-') => (Some(*first), rest),
        [..] => (None, words),
    };
    let (name, channel) = match rest {
        [] => return Err(Mistake::new("Error: tail requires process name")),
        [name] => (*name, Channel::Stdout),
        [name, .., channel] => match channel.to_lowercase().as_str() {
            "stdout" => (*name, Channel::Stdout),
            "stderr" => (*name, Channel::Stderr),
            other => return Err(Mistake::new(format!("Error: bad channel {}", repr(other)))),
        },
    };
    let extent = modifier.map_or(Ok(Extent::Last(USUAL)), extent)?;
    Ok(Order { name, channel, extent })
}

/// `-f` or `-BYTES`.
fn extent(word: &str) -> Result<Extent, Mistake> {
    let bad = || Mistake::new(format!("Error: bad argument {word}"));
    match word.strip_prefix('-').ok_or_else(bad)? {
        "f" => Ok(Extent::Follow),
        bytes => int(bytes).map(Extent::Last).map_err(|_| bad()),
    }
}

fn refuse(session: &mut Session<'_>, mistake: &Mistake, command: &str) -> Done {
    session.fail(GENERIC, &mistake.text)?;
    if mistake.usage { help::usage(session, command) } else { Ok(()) }
}

fn show(session: &mut Session<'_>, name: &str, result: Result<Value, CtlError>) -> Done {
    let trouble = match result {
        Ok(text) => return session.print(&answer::text(&text)?),
        Err(trouble) => trouble,
    };
    let reason = match trouble.fault().map(|fault| fault.code) {
        Some(fault::NO_FILE) => "no log file",
        Some(fault::FAILED) => "unknown error reading log",
        Some(fault::BAD_NAME) => "no such process name",
        Some(_) | None => return Err(trouble),
    };
    session.fail(GENERIC, &format!("{name}: ERROR ({reason})"))
}

/// Path of a process's log on the server.
pub(super) fn log_path(name: &str, channel: &str) -> String {
    let mut path = "/logtail/".to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:*".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path + "/" + channel
}

/// Follows a log. As in supervisor, errors are printed on stderr and do not change the exit
/// status.
fn follow(session: &mut Session<'_>, path: &str) -> Done {
    session.say(PRESS_CTRL_C)?;
    session.out.flush().map_err(CtlError::StdoutClosed)?;
    let what = match session.remote.follow(path, session.out) {
        Ok(Followed::Ended) => return Ok(()),
        Ok(Followed::Interrupted) => return session.say(""),
        Ok(Followed::Refused(code)) => cannot_read(code.as_u16()),
        Err(CtlError::Io(error)) => cannot_connect(&error),
        // A reader that closes the pipe early, such as `head`, is not an error.
        Err(CtlError::StdoutClosed(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            return Ok(());
        }
        Err(trouble) => return Err(trouble),
    };
    writeln!(session.complaints, "{}{path} {what}", session.remote.url())
        .map_err(CtlError::StdoutClosed)
}

/// The message for a log that cannot be read.
pub(super) fn cannot_read(code: u16) -> String {
    format!("Cannot read, status code {code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_reads_all_forms_of_arguments() {
        let order_of = |line: &'static str| order(&command_line::words(line)).map_err(|m| m.text);
        let ok = |name, channel, extent| Ok(Order { name, channel, extent });
        let wrong = |text: &str| Err(text.to_owned());
        for (line, result) in [
            ("a", ok("a", Channel::Stdout, Extent::Last(1600))),
            ("a STDERR", ok("a", Channel::Stderr, Extent::Last(1600))),
            ("a b stderr", ok("a", Channel::Stderr, Extent::Last(1600))),
            ("-f a", ok("a", Channel::Stdout, Extent::Follow)),
            ("-100 a stderr", ok("a", Channel::Stderr, Extent::Last(100))),
            ("", wrong("Error: too few arguments")),
            ("a b c d", wrong("Error: too many arguments")),
            ("-f", wrong("Error: tail requires process name")),
            ("a it's", wrong("Error: bad channel \"it's\"")),
            ("-x a", wrong("Error: bad argument -x")),
        ] {
            assert_eq!(order_of(line), result, "{line}");
        }
    }

    #[test]
    fn any_name_can_be_part_of_a_path() {
        assert_eq!(log_path("g:a-1", "stdout"), "/logtail/g:a-1/stdout");
        assert_eq!(log_path("ü %/", "stderr"), "/logtail/%C3%BC%20%25%2F/stderr");
    }
}
