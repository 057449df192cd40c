//! What of two transcripts has to be the same, and where it is not.
//!
//! Lines about one program are compared in their order, and so are the supervisor's
//! own. Across programs only what is promised counts: the order in which they are
//! first started, and the order in which they stop.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::transcript::{Record, Transcript};

/// All differences, one text each.
pub(crate) fn differences(
    theirs: &Transcript,
    ours: &Transcript,
    together: &[Vec<String>],
) -> Vec<String> {
    let mut found = Vec::new();
    let mut same = |what: &str, theirs: &dyn Debug, ours: &dyn Debug| {
        let (theirs, ours) = (format!("{theirs:#?}"), format!("{ours:#?}"));
        if theirs != ours {
            found.push(format!("{what}\n{}", side_by_side(&theirs, &ours)));
        }
    };
    same("exit code", &theirs.exit, &ours.exit);
    same("stderr", &theirs.stderr, &ours.stderr);
    for name in names(&theirs.logs, &ours.logs) {
        let log = |transcript: &Transcript| transcript.logs.get(name).map(|log| once(log));
        let (theirs, ours) = (log(theirs), log(ours));
        let (Some(theirs), Some(ours)) = (&theirs, &ours) else {
            same(&format!("{name}: a log"), &theirs.is_some(), &ours.is_some());
            continue;
        };
        same(&format!("{name}: order"), &promised(theirs, together), &promised(ours, together));
        let (theirs, ours) = (by_subject(theirs), by_subject(ours));
        for subject in names(&theirs, &ours) {
            same(&format!("{name}: {subject}"), &theirs.get(subject), &ours.get(subject));
        }
    }
    for name in names(&theirs.files, &ours.files) {
        same(&format!("file {name}"), &theirs.files.get(name), &ours.files.get(name));
    }
    found
}

/// A log without what is repeated by chance: signals may come together and be one, and
/// whether a supervisor still waits after three seconds, and for how many, depends on
/// where in a second it looks around.
fn once(records: &[Record]) -> Vec<Record> {
    let mut said = BTreeSet::new();
    let keep = |record: &&Record| {
        let text = &record.text;
        if text.starts_with("supervisord started with pid") {
            said.clear();
        }
        let repeated = if text.starts_with("waiting for ") && text.ends_with(" to die") {
            "waiting"
        } else if text.starts_with("received SIGCHLD") {
            text
        } else {
            return true;
        };
        said.insert(repeated.to_owned())
    };
    records.iter().filter(keep).cloned().collect()
}

/// What a message is about. The order of what a program prints and what is said about
/// it is the program's, so its streams are subjects of their own.
fn subject(record: &Record) -> String {
    let text = &record.text;
    let named = |prefix: &str, end: &str| {
        let rest = text.strip_prefix(prefix)?;
        let (name, _) = rest.split_once(end)?;
        (!name.contains([' ', '\''])).then(|| name.to_owned())
    };
    if record.level.is_empty() {
        // Where two programs print, the line says whose it is.
        let whose = named("", ": ").unwrap_or_default();
        return format!("(lines of programs) {whose}");
    }
    if text.starts_with("spawnerr: ") {
        return text.clone();
    }
    if text.starts_with("received SIGCHLD") {
        return "SIGCHLD".to_owned();
    }
    for channel in ["stdout", "stderr"] {
        if let Some(name) = named("'", &format!("' {channel} ")) {
            return format!("{name} {channel}");
        }
    }
    [
        ("spawned: '", "' with pid"),
        ("success: ", " entered RUNNING"),
        ("exited: ", " ("),
        ("stopped: ", " ("),
        ("gave up: ", " entered FATAL"),
        ("killing '", "' ("),
        ("killing ", " (pid"),
    ]
    .into_iter()
    .find_map(|(prefix, end)| named(prefix, end))
    .unwrap_or_else(|| SUPERVISOR.to_owned())
}

const SUPERVISOR: &str = "supervisor";

fn by_subject(records: &[Record]) -> BTreeMap<String, Vec<String>> {
    let mut subjects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in records {
        let name = subject(record);
        let lines = subjects.entry(name.clone()).or_default();
        // How many writes one piece of output is, is chance.
        let more = lines.last_mut().and_then(|last| {
            let (head, body) = echo(&record.text)?;
            let continued = echo(last).is_some_and(|(before, _)| before.ends_with(head));
            continued.then(|| last.push_str(body))
        });
        if more.is_none() {
            lines.push(line(record));
        }
    }
    subjects
}

/// Whose output it is, and the output.
fn echo(text: &str) -> Option<(&str, &str)> {
    text.split_once('\n').filter(|(head, _)| head.ends_with(" output:"))
}

/// What has an order across programs: the supervisor's own lines, the first start of
/// each program after each start of the supervisor, and how programs are stopped.
fn promised(records: &[Record], together: &[Vec<String>]) -> Vec<String> {
    let mut order = Vec::new();
    let mut started = BTreeSet::new();
    for record in records {
        let name = subject(record);
        if record.text.starts_with("supervisord started with pid") {
            started.clear();
        }
        let stops = record.text.starts_with("stopped: ") || record.text.ends_with(" with SIGKILL");
        if stops {
            // Those of one group have no order among themselves, so they have one name.
            let group = together.iter().find(|group| group.contains(&name));
            let word = record.text.split(' ').next().unwrap_or_default();
            order.push(group.map_or_else(|| line(record), |group| format!("{word} {group:?}")));
        } else if name == SUPERVISOR
            || record.text.starts_with("spawned: ") && started.insert(name.clone())
        {
            order.push(line(record));
        }
    }
    order
}

fn line(record: &Record) -> String {
    format!("{} {}", record.level, record.text)
}

fn names<'a, T>(
    theirs: &'a BTreeMap<String, T>,
    ours: &'a BTreeMap<String, T>,
) -> BTreeSet<&'a String> {
    theirs.keys().chain(ours.keys()).collect()
}

/// The lines that only one of them has; if there are none, all: their order differs.
fn side_by_side(theirs: &str, ours: &str) -> String {
    let missing = |text: &str, other: &str, all: bool| -> String {
        let mut known: Vec<&str> = if all { Vec::new() } else { other.lines().collect() };
        let mut lines = String::new();
        for line in text.lines() {
            match known.iter().position(|known| *known == line) {
                Some(at) => drop(known.swap_remove(at)),
                None => lines = lines + "      " + line + "\n",
            }
        }
        lines
    };
    let (mut left, mut right) = (missing(theirs, ours, false), missing(ours, theirs, false));
    if left.is_empty() && right.is_empty() {
        (left, right) = (missing(theirs, ours, true), missing(ours, theirs, true));
    }
    format!("  theirs:\n{left}  ours:\n{right}")
}
