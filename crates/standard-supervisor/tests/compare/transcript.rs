//! What a run said and left, without what differs from run to run: times, process
//! ids, the folder, the random part of AUTO names.

use std::collections::BTreeMap;

use crate::folder::Left;
use crate::run::Outcome;

/// One message of a main log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// `INFO` and so on; empty: a line that no supervisor framed.
    pub(crate) level: String,
    /// The message; what a program printed follows it on lines of its own.
    pub(crate) text: String,
}

/// Everything that is compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript {
    pub(crate) exit: i32,
    pub(crate) stderr: Vec<String>,
    /// Main logs by file name; that on stdout has the name `stdout`.
    pub(crate) logs: BTreeMap<String, Vec<Record>>,
    /// Kind and content of all files; main logs have their content above.
    pub(crate) files: BTreeMap<String, Left>,
}

impl Transcript {
    /// Reads what a run left.
    pub(crate) fn of(outcome: Outcome) -> Self {
        let plain = |text: &str| plain(text, &outcome.folder);
        let mut transcript = Self { exit: outcome.exit, ..Self::default() };
        transcript.stderr = outcome.stderr.iter().map(|line| plain(line)).collect();
        let said: Vec<String> = outcome.stdout.iter().map(|line| plain(line)).collect();
        transcript.logs.insert("stdout".to_owned(), records(said.iter().map(String::as_str)));
        // From the oldest rotated file to the present one: backwards by number.
        let mut files: Vec<(String, Left)> = outcome.files.into_iter().collect();
        files.sort_by_key(|(name, _)| std::cmp::Reverse(generation(name).1));
        for (name, left) in files {
            let content = plain(&left.content);
            let mut left = Left { kind: left.kind, content };
            let name = plain(&name);
            if left.content.lines().next().is_some_and(|line| stamped(line).is_some()) {
                let log = transcript.logs.entry(generation(&name).0.to_owned()).or_default();
                log.extend(records(left.content.lines()));
                left.content = "(see the log)".to_owned();
            }
            transcript.files.insert(name, left);
        }
        transcript
    }

    /// All main logs.
    pub(crate) fn logs_mut(&mut self) -> impl Iterator<Item = &mut Vec<Record>> {
        self.logs.values_mut()
    }
}

/// A log's name without the number that rotation gave it, and that number.
fn generation(name: &str) -> (&str, u32) {
    let number = name.rsplit_once('.').and_then(|(base, end)| Some((base, end.parse().ok()?)));
    number.unwrap_or((name, 0))
}

fn records<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for line in lines {
        match (stamped(line), records.last_mut()) {
            (Some((level, text)), _) => {
                records.push(Record { level: level.to_owned(), text: text.to_owned() });
            }
            (None, Some(last)) if is_echo(&last.text) => {
                last.text.push('\n');
                last.text.push_str(line);
            }
            (None, _) => records.push(Record { level: String::new(), text: line.to_owned() }),
        }
    }
    records
}

/// Whether the lines that follow are what a program printed.
fn is_echo(text: &str) -> bool {
    let first = text.lines().next().unwrap_or(text);
    first.ends_with(" stdout output:") || first.ends_with(" stderr output:")
}

/// Level and message of a line with a time in front.
fn stamped(line: &str) -> Option<(&str, &str)> {
    const SHAPE: &str = "0000-00-00 00:00:00,000 ";
    let (time, rest) = line.split_at_checked(SHAPE.len())?;
    let fits = |(a, b): (u8, u8)| if b == b'0' { a.is_ascii_digit() } else { a == b };
    let (level, text) = rest.split_at_checked(5)?;
    let level = level.strip_suffix(' ')?;
    time.bytes().zip(SHAPE.bytes()).all(fits).then_some((level, text))
}

/// A text without what differs from run to run.
fn plain(text: &str, folder: &str) -> String {
    let mut text = text.replace(folder, "HERE");
    for (before, after) in [("pid ", ""), ("' (", ") with SIG")] {
        text = without_numbers(&text, before, after);
    }
    without_random_names(&text)
}

/// Puts `PID` for numbers that stand between `before` and `after`.
fn without_numbers(text: &str, before: &str, after: &str) -> String {
    let mut pieces = text.split(before);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = rest.len() < piece.len() && rest.starts_with(after);
        out.push_str(before);
        out.push_str(if number { "PID" } else { "" });
        out.push_str(if number { rest } else { piece });
    }
    out
}

/// Puts `RANDOM` into `x-stdout---supervisor-RANDOM.log`.
fn without_random_names(text: &str) -> String {
    const LENGTH: usize = 8;
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(".log") {
        let (name, after) = rest.split_at(at);
        let random = name.len().checked_sub(LENGTH + 1).and_then(|cut| name.split_at_checked(cut));
        match random {
            Some((front, end)) if is_random(front, end) => {
                out.push_str(front);
                out.push_str("-RANDOM");
            }
            Some(_) | None => out.push_str(name),
        }
        out.push_str(".log");
        rest = &after[".log".len()..];
    }
    out + rest
}

fn is_random(front: &str, end: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let ours = front.rsplit('/').next().is_some_and(|name| name.contains("---"));
    ours && end.strip_prefix('-').is_some_and(|random| random.chars().all(letter))
}

#[test]
fn values_that_differ_between_runs_are_removed() {
    for (said, left) in [
        ("spawned: 'x' with pid 123", "spawned: 'x' with pid PID"),
        ("killing 'x' (123) with SIGKILL", "killing 'x' (PID) with SIGKILL"),
        ("killing x (pid 123) with signal SIGTERM", "killing x (pid PID) with signal SIGTERM"),
        ("pid 12 and pid x and pid", "pid PID and pid x and pid"),
        ("tmp/x-stdout---id-a1_cdefg.log.1", "tmp/x-stdout---id-RANDOM.log.1"),
        ("x-stdout---id-A1_cdefg.log", "x-stdout---id-A1_cdefg.log"),
        ("/f/1/x.log of /f/1", "HERE/x.log of HERE"),
    ] {
        assert_eq!(plain(said, "/f/1"), left);
    }
}

#[test]
fn a_log_is_split_into_messages() {
    let log =
        "2026-01-02 03:04:05,678 DEBG 'x' stdout output:\na\n\n2026-01-02 03:04:05,679 INFO b";
    let text = |level: &str, text: &str| Record { level: level.to_owned(), text: text.to_owned() };
    let wanted = [text("DEBG", "'x' stdout output:\na\n"), text("INFO", "b")];
    assert_eq!(records(log.lines()), wanted);
    assert_eq!(records("raw\nlines".lines()), [text("", "raw"), text("", "lines")]);
}
