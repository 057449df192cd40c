//! What objects consist of: one row is a member's name, its schema and its value, so that
//! description and answer can't differ.

use std::time::Duration;

use serde_json::{Map, Value, json};
use supervisor_core::command::{Difference, ProcessOutcome};
use supervisor_core::failure::Class;
use supervisor_core::health::CheckFailure;
use supervisor_core::time::Wall;
use supervisor_core::{EndReason, HealthStatus, StateName};
use supervisor_sys::io::log_piece::Piece;
use supervisor_wire::date;
use supervisor_wire::supervisord::process_text::namespec;

use crate::http::Fault;
use crate::snapshot::{Group, Program, Run, Sample, Snapshot};

/// A member of objects made from `T`.
pub(super) struct Field<T> {
    name: &'static str,
    kind: Kind,
    /// `null` where there is nothing to tell.
    nullable: bool,
    about: &'static str,
    value: fn(&T) -> Value,
}

/// What a member can be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Whole,
    Number,
    Yes,
    Time,
    State,
    Health,
    End,
    Class,
    Channels,
    Names,
}

impl Kind {
    fn schema(self) -> Value {
        match self {
            Self::Text => json!({"type": "string"}),
            Self::Whole => json!({"type": "integer"}),
            Self::Number => json!({"type": "number"}),
            Self::Yes => json!({"type": "boolean"}),
            Self::Time => json!({"type": "string", "format": "date-time"}),
            Self::State => json!({"type": "string", "enum": StateName::ALL.map(StateName::name)}),
            Self::Health => json!({"type": "string", "enum": HealthStatus::NAMES}),
            Self::End => json!({"type": "string", "enum": EndReason::NAMES}),
            Self::Class => {
                json!({"type": "string", "enum": Class::ALL.map(Class::name)})
            }
            Self::Channels => {
                json!({"type": "array", "items": {"type": "string", "enum": ["stdout", "stderr"]}})
            }
            Self::Names => json!({"type": "array", "items": {"type": "string"}}),
        }
    }
}

/// An object with these members.
pub(super) fn object<T>(fields: &[Field<T>], of: &T) -> Value {
    let members = fields.iter().map(|field| (field.name.to_owned(), (field.value)(of)));
    Value::Object(members.collect())
}

/// The schema of such an object. All members are always there.
pub(super) fn schema<T>(fields: &[Field<T>]) -> Value {
    let property = |field: &Field<T>| {
        let mut schema = field.kind.schema();
        if field.nullable {
            schema["type"] = json!([schema["type"], "null"]);
        }
        schema["description"] = field.about.into();
        (field.name.to_owned(), schema)
    };
    let required: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let properties: Map<String, Value> = fields.iter().map(property).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

const fn field<T>(
    name: &'static str,
    kind: Kind,
    about: &'static str,
    value: fn(&T) -> Value,
) -> Field<T> {
    Field { name, kind, nullable: false, about, value }
}

const fn nullable<T>(
    name: &'static str,
    kind: Kind,
    about: &'static str,
    value: fn(&T) -> Value,
) -> Field<T> {
    Field { name, kind, nullable: true, about, value }
}

pub(super) fn time(moment: Wall) -> Value {
    date::rfc3339_millis(moment.since_epoch()).into()
}

#[expect(clippy::cast_precision_loss, reason = "it is exact for decades")]
fn seconds(span: Duration) -> Value {
    (span.as_millis() as f64 / 1000.0).into()
}

#[rustfmt::skip]
pub(super) const PROGRAM: &[Field<Program>] = &[
    field("name", Kind::Text, "The name that paths have: with the group's in front, unless that is the same.", |p| json!(p.spec)),
    field("process", Kind::Text, "Its own name.", |p| json!(p.name)),
    field("group", Kind::Text, "Its group's name.", |p| json!(p.group)),
    field("state", Kind::State, "Where it stands.", |p| json!(p.state.name())),
    field("ready", Kind::Yes, "It is up, and clients should send it work.", |p| json!(p.ready)),
    field("health", Kind::Health, "Whether it is healthy. none: it does not run, or nothing is known of its health; starting: not ready yet; leaving: it announced that it is stopping.", |p| json!(p.health.name())),
    nullable("health_reason", Kind::Text, "Why it is unhealthy, or not ready yet.", |p| json!(p.health.reason())),
    nullable("remark", Kind::Text, "The same in a few words, and whether a signal has suspended it.", |p| json!(p.remark)),
    nullable("since", Kind::Time, "Since when state, readiness and health have been as they are.", |p| json!(p.since.map(time))),
    nullable("last_check", Kind::Text, "The latest answer to its check in this run: passed, or how it failed.", |p| json!(p.check.map(|check| check_words(check.result)))),
    nullable("last_check_at", Kind::Time, "When that was.", |p| json!(p.check.map(|check| time(check.at)))),
    nullable("last_check_seconds", Kind::Number, "How long the answer took.", |p| json!(p.check.map(|check| seconds(check.took)))),
    nullable("requests_running", Kind::Whole, "Requests under way, where its metrics show them.", |p| json!(p.work.map(|work| work.seen.running))),
    nullable("requests_waiting", Kind::Whole, "Requests that wait.", |p| json!(p.work.map(|work| work.seen.waiting))),
    nullable("work_per_second", Kind::Number, "What it did per second between the latest two looks, in work_unit.", |p| json!(p.work.and_then(|work| work.per_second))),
    nullable("work_unit", Kind::Text, "tokens, or steps of another kind.", |p| json!(p.work.map(|_| p.work_unit))),
    nullable("pid", Kind::Whole, "Its main process.", |p| json!(p.pid.map(|pid| pid.0))),
    nullable("uptime_seconds", Kind::Number, "How long the main process has lived.", |p| json!(p.uptime.map(seconds))),
    field("restarts", Kind::Whole, "How often it was started after the first time.", |p| json!(p.restarts())),
    nullable("started_at", Kind::Time, "When it was last started.", |p| json!(p.started.map(time))),
    nullable("stopped_at", Kind::Time, "When it last ended.", |p| json!(p.stopped.map(time))),
    nullable("last_exit", Kind::Text, "How the latest run that ended did, and why if the supervisor knows more than its exit status.", |p| json!(p.last_exit)),
    nullable("last_failure", Kind::Class, "The failure class of the latest run that failed, of the last ten.", |p| json!(p.last_failure.map(Class::name))),
    nullable("error", Kind::Text, "What went wrong with the latest run.", |p| json!(p.error)),
    nullable("waits_for", Kind::Text, "What its start waits for: programs or servers.", |p| json!(p.waits_for)),
    nullable("processes", Kind::Whole, "How many processes its tree has.", |p| json!(p.usage.map(|usage| usage.processes))),
    nullable("cpu_seconds", Kind::Number, "Processor time that the tree has used. The difference of two is what it used between them.", |p| json!(p.usage.map(|usage| seconds(usage.cpu)))),
    nullable("memory_bytes", Kind::Whole, "Memory that the tree has in use; what two of its processes share counts twice.", |p| json!(p.usage.map(|usage| usage.memory))),
    field("logs", Kind::Channels, "Streams whose log can be read.", |p| p.logs.iter().map(|channel| channel.name()).collect()),
];

/// A check's answer in words.
pub(crate) fn check_words(result: Result<(), CheckFailure>) -> String {
    result.err().map_or_else(|| "passed".to_owned(), |failure| failure.to_string())
}

#[rustfmt::skip]
pub(super) const RUN: &[Field<Run>] = &[
    field("run", Kind::Whole, "Its number, counted from 1.", |r| json!(r.record.run.0)),
    nullable("pid", Kind::Whole, "Its main process.", |r| json!(r.record.pid.map(|pid| pid.0))),
    field("started_at", Kind::Time, "When it was started.", |r| time(r.record.started)),
    nullable("ready_after_seconds", Kind::Number, "Time until it was RUNNING; null: it never was.", |r| json!(r.record.ready_after.map(seconds))),
    nullable("ended_at", Kind::Time, "When it ended; null: it has not.", |r| json!(r.record.end.as_ref().map(|end| time(end.at)))),
    field("uptime_seconds", Kind::Number, "How long it lasted, or has lasted.", |r| json!(seconds(r.uptime))),
    nullable("end", Kind::End, "stopped: an operator stopped it, or everything was stopped; expected: it exited as expected; failed: anything else.", |r| json!(r.record.end.as_ref().map(|end| end.reason.name()))),
    nullable("exit", Kind::Text, "The exit status, after the cause where that says more.", |r| json!(r.record.end.as_ref().map(ToString::to_string))),
    nullable("class", Kind::Class, "The failure class.", |r| json!(failure(r).map(|(class, _)| class.name()))),
    nullable("cause", Kind::Text, "The cause in full.", |r| json!(failure(r).map(|(_, cause)| cause))),
    field("report", Kind::Yes, "There is a crash report at `runs/{run}/report`.", |r| json!(r.report.is_some())),
];

fn failure(run: &Run) -> Option<(Class, &str)> {
    match &run.record.end.as_ref()?.reason {
        EndReason::Failed { class, cause, .. } => Some((*class, cause)),
        EndReason::Stopped | EndReason::Expected => None,
    }
}

#[rustfmt::skip]
pub(super) const SAMPLE: &[Field<Sample>] = &[
    field("time", Kind::Time, "When it was looked at.", |s| time(s.at)),
    nullable("cpu", Kind::Number, "Processors in use on average since the sample before.", |s| json!(s.cpu)),
    field("memory_bytes", Kind::Whole, "Memory of the tree.", |s| json!(s.memory)),
];

#[rustfmt::skip]
pub(super) const SUPERVISOR: &[Field<Snapshot>] = &[
    field("identifier", Kind::Text, "How it calls itself.", |s| json!(s.identifier)),
    field("version", Kind::Text, "Its version.", |_| json!(env!("CARGO_PKG_VERSION"))),
    field("pid", Kind::Whole, "Its process.", |s| json!(s.pid)),
    field("stopping", Kind::Yes, "Everything is being stopped; orders are refused.", |s| json!(s.ending)),
    field("time", Kind::Time, "When this was so.", |s| time(s.at)),
];

#[rustfmt::skip]
pub(super) const GROUP: &[Field<Group>] = &[
    field("name", Kind::Text, "Its name.", |g| json!(g.name)),
    field("active", Kind::Yes, "It was added, and not removed.", |g| json!(g.active)),
    field("event_listeners", Kind::Yes, "Its programs are told of events.", |g| json!(g.listens)),
    nullable("priority", Kind::Whole, "Lower starts earlier. Nothing for a group that the configuration has no more.", |g| json!(g.priority)),
];

#[rustfmt::skip]
pub(super) const OUTCOME: &[Field<ProcessOutcome>] = &[
    field("name", Kind::Text, "The program.", |o| json!(namespec(&o.group, &o.name))),
    field("done", Kind::Yes, "It was done.", |o| json!(o.result.is_ok())),
    nullable("refusal", Kind::Text, "Why not, in one word.", |o| json!(o.result.clone().err().map(|refusal| Fault::of(refusal, &o.name).name()))),
    nullable("detail", Kind::Text, "Why not.", |o| json!(o.result.as_ref().err().map(ToString::to_string))),
];

#[rustfmt::skip]
pub(super) const DIFFERENCE: &[Field<Difference>] = &[
    field("added", Kind::Names, "Groups that only the new configuration has.", |d| json!(d.added)),
    field("changed", Kind::Names, "Groups that both have, and that aren't the same.", |d| json!(d.changed)),
    field("removed", Kind::Names, "Groups that only the active one has.", |d| json!(d.removed)),
];

#[rustfmt::skip]
pub(super) const PIECE: &[Field<Piece>] = &[
    field("text", Kind::Text, "The bytes as text. What isn't UTF-8 is U+FFFD.", |p| supervisor_wire::supervisord::tail::text(&p.bytes, p.start).into()),
    field("offset", Kind::Whole, "Where they begin.", |p| json!(p.start)),
    field("end", Kind::Whole, "Where they end, which is where to go on.", |p| json!(p.end())),
    field("size", Kind::Whole, "The log's size.", |p| json!(p.size)),
];
