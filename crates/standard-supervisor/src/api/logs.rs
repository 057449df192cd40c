//! Logs: pieces of them, and as they grow.

use std::io::ErrorKind;

use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use supervisor_core::event::Channel;
use supervisor_core::ids::ProcId;
use tokio::task::spawn_local;

use super::events::{record, stream_of};
use super::fields::{PIECE, object};
use super::problem::Problem;
use super::{Asked, process};
use crate::control::Control;
use crate::http::{Body, Followed, Grown, House};
use crate::log_piece;

/// Bytes that are given at once unless another number is asked for.
const USUAL: u64 = 64 * 1024;

/// Bytes that are given at once at most.
const MOST: u64 = 1024 * 1024;

/// A piece of a log.
pub(super) fn piece(control: &Control, asked: &Asked) -> Result<Value, Problem> {
    let (proc, channel) = stream(control, asked)?;
    let Some(path) = control.log_path(proc, channel) else {
        return Err(no_log(asked));
    };
    let length = asked.number("length")?.unwrap_or(USUAL).min(MOST);
    let piece = match asked.number("offset")? {
        Some(offset) => log_piece::from(&path, offset, length),
        None => log_piece::last(&path, length),
    };
    match piece {
        Ok(piece) => Ok(object(PIECE, &piece)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(no_log(asked)),
        Err(error) => {
            let detail = format!("cannot read {}: {error}", path.display());
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "FAILED", detail))
        }
    }
}

/// A log as it grows.
pub(super) fn follow(house: &House, asked: &Asked) -> Result<Response<Body>, Problem> {
    let (proc, channel) = stream(&house.control, asked)?;
    let path = house.control.log_path(proc, channel).ok_or_else(|| no_log(asked))?;
    let from = asked.number("from")?;
    let begun = house.changes().and_then(|changes| Followed::begin(path, &changes, from));
    let followed = match begun {
        Ok(followed) => followed,
        // What can't be a log is as good as none.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
            return Err(no_log(asked));
        }
        Err(error) => {
            house.complain("cannot follow a log", &error);
            let detail = format!("cannot follow the log: {error}");
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "FAILED", detail));
        }
    };
    let (feed, body) = Body::stream();
    spawn_local(async move {
        // Whoever reads this knows that he is heard.
        if feed.send(": the log from there on\n\n").await {
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

fn stream(control: &Control, asked: &Asked) -> Result<(ProcId, Channel), Problem> {
    let channel = match asked.text("channel") {
        "stdout" => Channel::Stdout,
        "stderr" => Channel::Stderr,
        other => {
            let detail = format!("the stream must be stdout or stderr, got '{other}'");
            return Err(Problem::bad_argument(detail));
        }
    };
    Ok((process(control, asked.text("name"))?, channel))
}

fn no_log(asked: &Asked) -> Problem {
    let (name, channel) = (asked.text("name"), asked.text("channel"));
    let detail = format!("there is no file with the {channel} of '{name}'");
    Problem::new(StatusCode::NOT_FOUND, "NO_FILE", detail)
}
