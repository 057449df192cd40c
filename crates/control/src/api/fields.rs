//! The fields of JSON objects. One row has the name, schema and value of a field, so that the
//! description always matches the responses.

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

/// A field of objects that are built from `T`.
pub(super) struct Field<T> {
    name: &'static str,
    kind: Kind,
    /// The field is `null` if it has no value.
    nullable: bool,
    about: &'static str,
    value: fn(&T) -> Value,
}

/// The types of fields.
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

/// Builds an object with these fields.
pub(super) fn object<T>(fields: &[Field<T>], of: &T) -> Value {
    let members = fields.iter().map(|field| (field.name.to_owned(), (field.value)(of)));
    Value::Object(members.collect())
}

/// The schema of such an object. All fields are required.
pub(super) fn schema<T>(fields: &[Field<T>]) -> Value {
    let property = |field: &Field<T>| {
        let mut schema = field.kind.schema();
        if field.nullable {
            schema["type"] = json!([schema["type"], "null"]);
            if let Some(names) = schema.get_mut("enum").and_then(Value::as_array_mut) {
                names.push(Value::Null);
            }
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
    field("name", Kind::Text, "Name in API paths: `GROUP:NAME`, or `NAME` if the group has the same name.", |p| json!(p.spec)),
    field("process", Kind::Text, "Name without the group.", |p| json!(p.name)),
    field("group", Kind::Text, "Name of the group.", |p| json!(p.group)),
    field("state", Kind::State, "Current state, such as RUNNING or FATAL.", |p| json!(p.state.name())),
    field("ready", Kind::Yes, "Whether the program is running and ready for requests.", |p| json!(p.ready)),
    field("health", Kind::Health, "Health of the program. none: it is not running, or its health is unknown; starting: not ready yet; leaving: it announced that it is stopping.", |p| json!(p.health.name())),
    nullable("health_reason", Kind::Text, "Reason why the program is unhealthy or not ready.", |p| json!(p.health.reason())),
    nullable("remark", Kind::Text, "The same in a few words, or that a signal has suspended the \
     program.", |p| json!(p.remark)),
    nullable("since", Kind::Time, "Time of the last change of state, readiness or health.", |p| json!(p.since.map(time))),
    nullable("last_check", Kind::Text, "Result of the latest health check of this run: passed, or the failure.", |p| json!(p.check.map(|check| check_words(check.result)))),
    nullable("last_check_at", Kind::Time, "Time of that check.", |p| json!(p.check.map(|check| time(check.at)))),
    nullable("last_check_seconds", Kind::Number, "Duration of that check, in seconds.", |p| json!(p.check.map(|check| seconds(check.took)))),
    nullable("requests_running", Kind::Whole, "Requests in progress, if the program's metrics \
     show them.", |p| json!(p.work.map(|work| work.seen.running))),
    nullable("requests_waiting", Kind::Whole, "Waiting requests.", |p| json!(p.work.map(|work| work.seen.waiting))),
    nullable("work_per_second", Kind::Number, "Work per second between the latest two reads of its metrics, in work_unit.", |p| json!(p.work.and_then(|work| work.per_second))),
    nullable("work_unit", Kind::Text, "tokens, or steps of another kind.", |p| json!(p.work.map(|_| p.work_unit))),
    nullable("pid", Kind::Whole, "Pid of the main process.", |p| json!(p.pid.map(|pid| pid.0))),
    nullable("uptime_seconds", Kind::Number, "Uptime of the main process, in seconds.", |p| json!(p.uptime.map(seconds))),
    field("restarts", Kind::Whole, "Number of restarts.", |p| json!(p.restarts())),
    nullable("started_at", Kind::Time, "Time of the last start.", |p| json!(p.started.map(time))),
    nullable("stopped_at", Kind::Time, "Time of the last exit.", |p| json!(p.stopped.map(time))),
    nullable("last_exit", Kind::Text, "Exit status of the latest completed run, with the cause if it is known.", |p| json!(p.last_exit)),
    nullable("last_failure", Kind::Class, "Failure class of the latest failed run, of the last ten runs.", |p| json!(p.last_failure.map(Class::name))),
    nullable("error", Kind::Text, "Error of the latest run.", |p| json!(p.error)),
    nullable("waits_for", Kind::Text, "Programs or servers that its start waits for.", |p| json!(p.waits_for)),
    nullable("processes", Kind::Whole, "Number of processes in the process tree.", |p| json!(p.usage.map(|usage| usage.processes))),
    nullable("cpu_seconds", Kind::Number, "CPU time of the process tree, in seconds. Compare two values for the CPU usage between them.", |p| json!(p.usage.map(|usage| seconds(usage.cpu)))),
    nullable("memory_bytes", Kind::Whole, "Resident memory of the process tree, in bytes; shared memory counts for each process.", |p| json!(p.usage.map(|usage| usage.memory))),
    field("logs", Kind::Channels, "Streams with a readable log.", |p| p.logs.iter().map(|channel| channel.name()).collect()),
];

/// The result of a health check as text.
pub(crate) fn check_words(result: Result<(), CheckFailure>) -> String {
    result.err().map_or_else(|| "passed".to_owned(), |failure| failure.to_string())
}

#[rustfmt::skip]
pub(super) const RUN: &[Field<Run>] = &[
    field("run", Kind::Whole, "Its number, counted from 1.", |r| json!(r.record.run.0)),
    nullable("pid", Kind::Whole, "Pid of the main process.", |r| json!(r.record.pid.map(|pid| pid.0))),
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
    field("identifier", Kind::Text, "Identifier of the supervisor.", |s| json!(s.identifier)),
    field("version", Kind::Text, "Version of the supervisor.", |_| json!(env!("CARGO_PKG_VERSION"))),
    field("pid", Kind::Whole, "Pid of the supervisor.", |s| json!(s.pid)),
    field("stopping", Kind::Yes, "Whether a shutdown is in progress; commands are then rejected.", |s| json!(s.ending)),
    field("time", Kind::Time, "Time of this snapshot.", |s| time(s.at)),
];

#[rustfmt::skip]
pub(super) const GROUP: &[Field<Group>] = &[
    field("name", Kind::Text, "Name of the group.", |g| json!(g.name)),
    field("active", Kind::Yes, "Whether the group is active: added and not removed.", |g| json!(g.active)),
    field("event_listeners", Kind::Yes, "Whether its programs are event listeners.", |g| json!(g.listens)),
    nullable("priority", Kind::Whole, "Priority: lower values start earlier. `null` for a group \
     that is no longer in the configuration.", |g| json!(g.priority)),
];

#[rustfmt::skip]
pub(super) const OUTCOME: &[Field<ProcessOutcome>] = &[
    field("name", Kind::Text, "Name of the program.", |o| json!(namespec(&o.group, &o.name))),
    field("done", Kind::Yes, "Whether the command succeeded.", |o| json!(o.result.is_ok())),
    nullable("refusal", Kind::Text, "Machine-readable code if it failed.", |o| json!(o.result.clone().err().map(|refusal| Fault::of(refusal, &o.name).name()))),
    nullable("detail", Kind::Text, "Explanation if it failed.", |o| json!(o.result.as_ref().err().map(ToString::to_string))),
];

#[rustfmt::skip]
pub(super) const DIFFERENCE: &[Field<Difference>] = &[
    field("added", Kind::Names, "Groups that are only in the new configuration.", |d| json!(d.added)),
    field("changed", Kind::Names, "Groups that differ between the two configurations.", |d| json!(d.changed)),
    field("removed", Kind::Names, "Groups that are only in the active configuration.", |d| json!(d.removed)),
];

#[rustfmt::skip]
pub(super) const PIECE: &[Field<Piece>] = &[
    field("text", Kind::Text, "The bytes as text; invalid UTF-8 is replaced by U+FFFD.", |p| supervisor_wire::supervisord::tail::text(&p.bytes, p.start).into()),
    field("offset", Kind::Whole, "Offset of the first byte.", |p| json!(p.start)),
    field("end", Kind::Whole, "Offset after the last byte, to continue from.", |p| json!(p.end())),
    field("size", Kind::Whole, "Size of the log, in bytes.", |p| json!(p.size)),
];
