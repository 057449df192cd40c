//! Streams events as [server-sent events](https://html.spec.whatwg.org/#server-sent-events).

use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::{Value, json};
use supervisor_core::event::{Entered, Named};
use supervisor_core::report::Next;
use supervisor_core::{Condition, Event, Notice, Observed};
use supervisor_sys::either::either;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::spawn_local;

use super::fields::time;
use crate::control::Control;
use crate::http::Body;

/// Streams all events from now on.
pub(super) fn follow(control: &Control) -> Response<Body> {
    let (feed, body) = Body::stream();
    let (control, mut observed) = (control.clone(), control.observe());
    spawn_local(async move {
        // The first line shows the client that it is connected.
        if !feed.send(": events from now on\n\n").await {
            return;
        }
        loop {
            // The client has disconnected.
            let Some(event) = either(observed.recv(), feed.gone()).await else { return };
            let record = match event {
                Ok(Observed::Event(event)) => record(kind(&event), &described(&control, &event)),
                Ok(Observed::Notice(notice)) => {
                    record(notice_kind(&notice), &notice_described(&control, &notice))
                }
                Err(RecvError::Lagged(missed)) => {
                    control.note_missed(missed);
                    record("missed", &json!({"missed": missed}))
                }
                Err(RecvError::Closed) => return,
            };
            if !feed.send(record).await {
                return;
            }
        }
    });
    stream_of(body)
}

/// A response with a stream.
pub(super) fn stream_of(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Some proxies would wait until there is enough of it.
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    response
}

/// Formats one event. JSON has no line breaks, so the event is one line.
pub(super) fn record(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

const fn kind(event: &Event) -> &'static str {
    match event {
        Event::State { .. } => "state",
        Event::Log { .. } => "log",
        Event::Communication { .. } => "communication",
        Event::Remote { .. } => "remote",
        Event::SupervisorRunning | Event::SupervisorStopping => "supervisor",
        Event::Tick { .. } => "tick",
        Event::GroupAdded { .. } | Event::GroupRemoved { .. } => "group",
    }
}

fn described(control: &Control, event: &Event) -> Value {
    let mut described = match event {
        Event::State { process, from, to } => {
            let mut state = named(process);
            state["from"] = from.name().into();
            state["to"] = to.state_name().name().into();
            entered(&mut state, *to);
            state
        }
        Event::Log { process, pid, channel, data }
        | Event::Communication { process, pid, channel, data } => {
            let mut wrote = named(process);
            wrote["pid"] = pid.0.into();
            wrote["channel"] = channel.name().into();
            wrote["data"] = String::from_utf8_lossy(data).into();
            wrote
        }
        Event::Remote { kind, data } => json!({"type": kind, "data": data}),
        Event::SupervisorRunning => json!({"state": "RUNNING"}),
        Event::SupervisorStopping => json!({"state": "STOPPING"}),
        Event::Tick { period, when } => json!({"seconds": period.secs(), "when": time(*when)}),
        Event::GroupAdded { group } => json!({"group": group, "added": true}),
        Event::GroupRemoved { group } => json!({"group": group, "added": false}),
    };
    described["time"] = time(control.now().wall);
    described
}

const fn notice_kind(notice: &Notice) -> &'static str {
    match notice {
        Notice::Health { .. } => "health",
        Notice::Crash { .. } => "crash",
        Notice::GaveUp { .. } => "gave_up",
    }
}

fn notice_described(control: &Control, notice: &Notice) -> Value {
    let mut described = match notice {
        Notice::Health { process, condition } => {
            let Condition { state, ready, health, .. } = condition;
            let mut described = named(process);
            described["state"] = state.name().into();
            described["ready"] = (*ready).into();
            described["health"] = health.name().into();
            described["reason"] = health.reason().into();
            described
        }
        Notice::Crash { process, run, class, why, exit, uptime, next } => {
            let mut described = named(process);
            described["run"] = run.0.into();
            described["class"] = class.name().into();
            described["cause"] = why.as_str().into();
            described["exit"] = exit.map(|exit| exit.to_string()).into();
            described["uptime_seconds"] = uptime.as_secs_f64().into();
            described["next"] = next_name(*next).into();
            described
        }
        Notice::GaveUp { process, why } => {
            let mut described = named(process);
            described["why"] = why.as_str().into();
            described
        }
    };
    described["time"] = time(control.now().wall);
    described
}

const fn next_name(next: Next) -> &'static str {
    match next {
        Next::Restart(_) => "restart",
        Next::Rest => "rest",
        Next::GiveUp => "give_up",
    }
}

fn named(process: &Named) -> Value {
    json!({"name": process.full(), "process": process.name, "group": process.group})
}

fn entered(state: &mut Value, to: Entered) {
    match to {
        Entered::Stopped { pid } => state["pid"] = json!(pid.map(|pid| pid.0)),
        Entered::Starting { tries } | Entered::Backoff { tries } => state["tries"] = tries.into(),
        Entered::Running { pid } | Entered::Stopping { pid } => state["pid"] = pid.0.into(),
        Entered::Exited { pid, expected } => {
            state["pid"] = json!(pid.map(|pid| pid.0));
            state["expected"] = expected.into();
        }
        Entered::Fatal => {}
    }
}
