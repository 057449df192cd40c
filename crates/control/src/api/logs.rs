//! Reads and follows logs.

use std::io::{self, ErrorKind};

use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use supervisor_core::event::Channel;
use tokio::task::spawn_local;

use super::events::{record, stream_of};
use super::fields::{PIECE, object};
use super::problem::Problem;
use super::{Asked, process};
use crate::control::Control;
use crate::http::{Body, Followed, Grown, ServerState};
use crate::log_source::LogSource;

/// The default number of bytes of a piece.
const USUAL: u64 = 64 * 1024;

/// The maximum number of bytes of a piece.
const MOST: u64 = 1024 * 1024;

/// The log in a request.
pub(super) struct Log {
    source: LogSource,
    /// The program of the log, or the supervisor.
    about: String,
}

impl Log {
    pub(super) fn of_program(control: &Control, asked: &Asked) -> Result<Self, Problem> {
        let (name, channel) = (asked.text("name"), asked.text("channel"));
        let about = format!("the {channel} of '{name}'");
        let channel = match channel {
            "stdout" => Channel::Stdout,
            "stderr" => Channel::Stderr,
            other => {
                let detail = format!("the stream must be stdout or stderr, got '{other}'");
                return Err(Problem::bad_argument(detail));
            }
        };
        let source = control.log(process(control, name)?, channel);
        Self::at(source, about)
    }

    pub(super) fn of_supervisor(control: &Control) -> Result<Self, Problem> {
        let file = control.about().log.clone().map(LogSource::File);
        Self::at(file, "the supervisor's own log".to_owned())
    }

    fn at(source: Option<LogSource>, about: String) -> Result<Self, Problem> {
        match source {
            Some(source) => Ok(Self { source, about }),
            None => Err(none(&about)),
        }
    }

    /// The problem for an error. A path that cannot be a log counts as missing.
    fn problem(&self, error: &io::Error) -> Problem {
        if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) {
            return none(&self.about);
        }
        let detail = format!("cannot read {}: {error}", self.source.name());
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "FAILED", detail)
    }
}

fn none(about: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "NO_FILE", format!("no file contains {about}"))
}

/// Reads a piece of a log.
pub(super) fn piece(log: &Log, asked: &Asked) -> Result<Value, Problem> {
    let length = asked.number("length")?.unwrap_or(USUAL).min(MOST);
    let piece = match asked.number("offset")? {
        Some(offset) => log.source.from(offset, length),
        None => log.source.last(length),
    };
    piece.map(|piece| object(PIECE, &piece)).map_err(|error| log.problem(&error))
}

/// Whether enough descriptors are left for another follower.
pub(super) fn may_follow(server: &ServerState) -> Result<(), Problem> {
    if server.may_follow() {
        return Ok(());
    }
    let detail = "too many clients already follow logs and events: the remaining file \
     descriptors are reserved for programs; increase minfds";
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_FEW_DESCRIPTORS", detail))
}

/// Streams a log as it grows.
pub(super) fn follow(
    server: &ServerState,
    log: Log,
    asked: &Asked,
) -> Result<Response<Body>, Problem> {
    let from = asked.number("from")?;
    may_follow(server)?;
    let followed =
        Followed::begin(log.source.clone(), server, from).map_err(|error| log.problem(&error))?;
    let (feed, body) = Body::stream();
    spawn_local(async move {
        // The first line shows the client that it is connected.
        if feed.send(": the log from this offset\n\n").await {
            followed.send_to(feed, told).await;
        }
    });
    Ok(stream_of(body))
}

fn told(grown: Grown, end: u64) -> String {
    match grown {
        Grown::Text(text) if text.is_empty() => text,
        Grown::Text(text) => record("text", &json!({"text": text, "end": end})),
        Grown::Truncated => record("truncated", &json!({})),
        Grown::Replaced => record("replaced", &json!({})),
    }
}
