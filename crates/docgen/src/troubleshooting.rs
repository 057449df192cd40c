//! The troubleshooting page: each warning and error of the log, with its cause and remedy.

mod notes;
mod samples;

use supervisor_core::line::Line;

/// A warning or an error of the core.
struct Entry {
    /// A sample of the line.
    line: Line,
    /// Why it appears.
    cause: &'static str,
    /// The fix, as an instruction.
    remedy: &'static str,
}

/// A line that the daemon writes itself.
struct Note {
    /// The constant part of its text, as in the source.
    text: &'static str,
    /// Why it appears.
    cause: &'static str,
    /// The fix, as an instruction.
    remedy: &'static str,
}

const HEAD: &str = "\
# Troubleshooting by message

<!-- Made from the tables in `crates/docgen/src/troubleshooting` by
`UPDATE=1 cargo test -p supervisor-docgen`. -->

This page lists the warnings and errors of the supervisor's log with their cause and remedy. Search
it for the words of your log line; names, numbers and pids differ. The headings are the values of
`event` in the log as JSON (`LOG_FORMAT=json`), except in the last section.

If the log does not help, follow [Debug a crash loop](../how-to/debug-a-crash-loop.md).

";

const NOTES_HEAD: &str = "\
## Other lines

These lines have no event of their own. In the log as JSON their `event` is `note`.

| the line contains | cause | remedy |
|---|---|---|
";

/// The troubleshooting page, as Markdown.
#[must_use]
pub fn troubleshooting_page() -> String {
    let mut out = String::from(HEAD);
    let mut entries = samples::entries();
    let events: Vec<&str> = entries.iter().map(|entry| entry.line.facts().event).collect();
    let first = |event: &str| events.iter().position(|known| *known == event);
    // All lines of an event below one heading.
    entries.sort_by_key(|entry| first(entry.line.facts().event));
    let mut last = "";
    for Entry { line, cause, remedy } in entries {
        let event = line.facts().event;
        if event != last {
            out.push_str(&format!("## `{event}`\n\n"));
        }
        last = event;
        let level = line.level().tag();
        out.push_str(&format!("```text\n{level} {line}\n```\n\n{cause} {remedy}\n\n"));
    }
    out.push_str(NOTES_HEAD);
    for Note { text, cause, remedy } in notes::NOTES {
        out.push_str(&format!("| `{text}` | {cause} | {remedy} |\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use supervisor_core::level::Level;

    use super::*;

    /// Events with no line that is a warning, except those that report a request.
    const NO_TROUBLE: [&str; 39] = [
        "hook_full",
        "check_connects",
        "check_excused",
        "crash",
        "ends_with",
        "event_kept",
        "event_processed",
        "event_sent",
        "forwarding",
        "ignored_signal",
        "kill_request",
        "last_run",
        "listener_state",
        "memory_free",
        "no_metrics",
        "note",
        "not_ready_yet",
        "passed_on",
        "prestop",
        "prestop_cut",
        "prestop_idle",
        "ready",
        "reaped_unknown",
        "recovered",
        "rolling_step",
        "reopen_request",
        "restart_request",
        "running",
        "spawned",
        "stop_begins",
        "stop_ends",
        "stop_in_backoff",
        "stopping",
        "targets_reached",
        "updated",
        "waiting",
        "waiting_to_stop",
        "waits_for_programs",
        "waits_for_target",
    ];

    #[test]
    fn every_event_is_explained_or_listed_as_harmless() {
        let page = read("docs/reference/log-events.md");
        let events: BTreeSet<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split(" |").next())
            .flat_map(|names| names.split(['`', ' ']))
            .filter(|name| !name.is_empty() && *name != "event")
            .collect();
        let entries: Vec<Entry> = samples::entries();
        let explained = entries.iter().map(|entry| entry.line.facts().event);
        let here: BTreeSet<&str> = explained.chain(NO_TROUBLE).collect();
        assert_eq!(here, events);
    }

    #[test]
    fn only_warnings_and_errors_are_explained() {
        for Entry { line, .. } in samples::entries() {
            let event = line.facts().event;
            let quiet = matches!(event, "spawn_failed" | "listener_deaf");
            assert!(line.level() >= Level::Warn || quiet, "{line}");
            assert!(!NO_TROUBLE.contains(&event), "{line}");
        }
    }

    #[test]
    fn explained_notes_exist_in_the_source() {
        let mut source = String::new();
        let mut folders = vec![root().join("crates")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() && !matches!(&*name, "tests" | "docgen") {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    // Join string literals that continue on the next line.
                    let text = std::fs::read_to_string(&path).unwrap();
                    let pieces = text.split("\\\n");
                    let pieces: Vec<&str> = pieces.enumerate().map(trimmed).collect();
                    source.push_str(&pieces.concat().replace("\\\"", "\""));
                }
            }
        }
        let pieces = notes::NOTES.iter().flat_map(|note| note.text.split(" … "));
        let lost: Vec<&str> = pieces.filter(|piece| !source.contains(piece)).collect();
        assert!(lost.is_empty(), "no line of the log says {lost:?}");
    }

    fn trimmed((n, piece): (usize, &str)) -> &str {
        if n == 0 { piece } else { piece.trim_start() }
    }

    fn read(path: &str) -> String {
        std::fs::read_to_string(root().join(path)).unwrap()
    }

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }
}
