//! The head of the report: when, where and with what it was measured.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::thread;

use crate::places::Places;
use crate::tools;

pub(crate) fn describe(places: &Places) -> String {
    let size = fs::metadata(&places.ours).map_or(0, |metadata| metadata.len() / 1000);
    let doubt = places.doubt.as_ref().map_or_else(String::new, |doubt| format!(" ({doubt})"));

    let mut text = format!(
        "## Measured side by side\n\n- {}\n- Linux {}\n- {}, {} cores\n",
        date(),
        line_of("/proc/sys/kernel/osrelease", ""),
        line_of("/proc/cpuinfo", "model name"),
        thread::available_parallelism().map_or(0, usize::from),
    );
    for tool in tools::ALL {
        if let Some(version) = tool.version(places) {
            let ours = tool.ours().map_or_else(String::new, |_| format!(", {size} kB{doubt}"));
            // Writing to a String can't fail.
            let _ = writeln!(text, "- {}: {version}{ours}", tool.name);
        }
    }
    text
}

fn date() -> String {
    let said = Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]).output();
    said.map_or_else(
        |_| "no date".to_owned(),
        |said| trimmed(&String::from_utf8_lossy(&said.stdout)),
    )
}

/// The first line that starts so, without the start.
fn line_of(path: &str, start: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(start));
    line.map_or_else(|| "unknown".to_owned(), trimmed)
}

fn trimmed(text: &str) -> String {
    text.trim_matches(|c: char| c.is_whitespace() || c == ':').to_owned()
}
