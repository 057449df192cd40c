//! Exit code and output of a client, without values that differ between calls.

use std::process::{Command, Output, Stdio};

use crate::harness::status;
use crate::place::Place;

/// Exit code and output of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Runs a client to its end.
    pub(crate) fn run(command: &mut Command, place: &Place) -> Self {
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        Self::of(&output, place)
    }

    fn of(output: &Output, place: &Place) -> Self {
        let text = |bytes: &[u8]| normal(&place.generalized(&String::from_utf8_lossy(bytes)));
        Self {
            code: status(output.status),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// The text without pids, times and details that only a Python program prints.
pub(crate) fn normal(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(line).collect();
    let mut text = lines.join("\n");
    // The usage of a command has its own wording.
    if text.starts_with("Error: ") || text.starts_with("ERROR: no process name") {
        let usage = text.split_once('\n').is_some_and(|(_, usage)| !usage.trim().is_empty());
        text = text.lines().next().unwrap_or_default().to_owned();
        text.push_str(if usage { "\n(usage)" } else { "" });
    }
    text
}

fn line(line: &str) -> String {
    if let Some(rest) = line.strip_prefix("For help, use ") {
        assert!(rest.ends_with(" -h"), "{line}");
        return "For help, use PROGRAM -h".to_owned();
    }
    // An error ends with a position in Python or with the server.
    if line.starts_with("error: ") {
        let end = [": file: ", ": expected http://", ": unix://", ": http://"]
            .iter()
            .find_map(|from| line.rfind(from));
        return line.get(..end.unwrap_or(line.len())).unwrap_or_default().to_owned();
    }
    if line.parse::<u32>().is_ok_and(|number| number > 0) {
        return "PID".to_owned();
    }
    let words: Vec<_> = line.split(' ').collect();
    let mut normal: Vec<String> = Vec::with_capacity(words.len());
    for (index, word) in words.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| words.get(before));
        let is_number = word.trim_end_matches(',').parse::<u32>().is_ok();
        normal.push(match before {
            Some(&"pid") if is_number => "PID,".to_owned(),
            Some(&"uptime") => "UPTIME".to_owned(),
            Some(_) | None if word.contains(':') && word.len() == 5 && is_clock(word) => {
                "TIME".to_owned()
            }
            Some(_) | None => (*word).to_owned(),
        });
    }
    normal.join(" ")
}

fn is_clock(word: &str) -> bool {
    word.split(':').all(|part| part.len() == 2 && part.parse::<u8>().is_ok())
}

#[test]
fn values_that_differ_between_calls_are_removed() {
    for (text, result) in [
        ("cat  RUNNING   pid 12, uptime 0:00:03", "cat  RUNNING   pid PID, uptime UPTIME"),
        ("x  STOPPED   Nov 22 09:27 PM", "x  STOPPED   Nov 22 TIME PM"),
        ("4711", "PID"),
        ("0", "0"),
        ("error: <class 'X'>, text: file: /x.py line: 3", "error: <class 'X'>, text"),
        ("error: <class 'X'>, text: unix:///x", "error: <class 'X'>, text"),
        (
            "Error: start requires a process name\nstart <name>",
            "Error: start requires a process name\n(usage)",
        ),
        ("Error: bad channel 'x'", "Error: bad channel 'x'"),
    ] {
        assert_eq!(normal(text), result);
    }
}
