//! Logs: pieces of them, and as they grow.

use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use supervisor_core::event::Channel;
use supervisor_core::ids::ProcId;
use supervisor_wire::tail::{Follower, followed_from};
use tokio::task::spawn_local;

use super::events::{send, stream_of};
use super::fields::{PIECE, object};
use super::problem::Problem;
use super::{Asked, process};
use crate::control::Control;
use crate::either::either;
use crate::follow::{Follow, Grown};
use crate::http::{Body, Feed};
use crate::log_piece::{self, CannotRead};

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
        Err(CannotRead::Missing) => Err(no_log(asked)),
        Err(CannotRead::Failed(error)) => {
            let detail = format!("cannot read {}: {error}", path.display());
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "FAILED", detail))
        }
    }
}

/// A log as it grows.
pub(super) fn follow(control: &Control, asked: &Asked) -> Result<Response<Body>, Problem> {
    let (proc, channel) = stream(control, asked)?;
    let path = control.log_path(proc, channel).ok_or_else(|| no_log(asked))?;
    let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    let from = asked.number("from")?.unwrap_or_else(|| followed_from(size));
    let (feed, body) = Body::stream();
    spawn_local(tell(control.clone(), proc, channel, Follow::new(path, from), feed));
    Ok(stream_of(body))
}

/// Tells of a log's growth until nobody listens any more, or the program is gone.
async fn tell(control: Control, proc: ProcId, channel: Channel, mut follow: Follow, feed: Feed) {
    let mut text = Follower::new(follow.offset());
    // Whoever reads this knows that he is heard.
    if !feed.send(": the log from there on\n\n").await {
        return;
    }
    loop {
        // Before looking: what happens while we look isn't missed.
        let relay = control.output(proc, channel);
        let moved = relay.as_ref().map(|relay| relay.moved());
        let mut observed = control.observe();
        let still_there = match follow.next() {
            Some(Grown::Bytes(bytes)) => {
                let piece = json!({"text": text.feed(&bytes), "end": follow.offset()});
                send(&feed, "text", &piece).await
            }
            Some(Grown::Anew) => {
                text = Follower::new(0);
                send(&feed, "truncated", &json!({})).await
            }
            None => match moved {
                Some(moved) => either(moved, feed.gone()).await.is_some(),
                // It was never started: its start will be told.
                None => either(observed.recv(), feed.gone()).await.is_some(),
            },
        };
        if !still_there || control.core().process(proc).is_none() {
            return;
        }
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
