//! Formats output. Scripts parse it, so widths and words match supervisorctl's.

use super::answer::{Configured, Info};

/// The minimum width of the column of names, and the width after it.
const NAMES: usize = 30;
const GAP: usize = 3;

/// The maximum width of a list of commands.
const SCREEN: usize = 79;

/// The displayed name of a process: its own name if its group has the same name.
pub(crate) fn namespec(group: &str, name: &str) -> String {
    if group == name { name.to_owned() } else { format!("{group}:{name}") }
}

/// Group and process of a typed name; without a process, the name means the whole group.
pub(crate) fn split_namespec(typed: &str) -> (&str, Option<&str>) {
    match typed.split_once(':') {
        Some((group, "" | "*")) => (group, None),
        Some((group, process)) => (group, Some(process)),
        None => (typed, Some(typed)),
    }
}

/// A line of `status` for each process.
pub(crate) fn statuses(infos: &[&Info]) -> Vec<String> {
    let names: Vec<_> = infos.iter().map(|info| namespec(&info.group, &info.name)).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let width = longest.max(NAMES) + GAP;
    let line = |(name, info): (&String, &&Info)| {
        format!("{name:width$}{:10}{}", info.statename, info.description)
    };
    names.iter().zip(infos).map(line).collect()
}

/// A line of `avail`.
pub(crate) fn available(process: &Configured) -> String {
    let name = namespec(&process.group, &process.name);
    let inuse = if process.inuse { "in use" } else { "avail" };
    let autostart = if process.autostart { "auto" } else { "manual" };
    format!("{name:32} {inuse:9} {autostart:9} {}:{}", process.group_prio, process.process_prio)
}

/// Words in columns, filled downwards, in as few lines as fit on a screen.
pub(crate) fn columns(words: &[&str]) -> Vec<String> {
    let widths = |rows: usize| -> Vec<usize> {
        words.chunks(rows).map(|column| column.iter().map(|w| w.len()).max().unwrap_or(0)).collect()
    };
    let width = |rows: usize| widths(rows).iter().map(|width| width + 2).sum::<usize>();
    let rows = (1..words.len()).find(|rows| width(*rows) <= SCREEN + 2).unwrap_or(words.len());
    let widths = widths(rows.max(1));
    let line = |row: usize| {
        let cells = words.iter().skip(row).step_by(rows).zip(&widths);
        cells.map(|(word, width)| format!("{word:width$}")).collect::<Vec<_>>().join("  ")
    };
    (0..rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_and_process_name_is_split_and_joined() {
        for (typed, parts) in [
            ("a", ("a", Some("a"))),
            ("g:p", ("g", Some("p"))),
            ("g:*", ("g", None)),
            ("g:", ("g", None)),
            ("g:p:q", ("g", Some("p:q"))),
        ] {
            assert_eq!(split_namespec(typed), parts, "{typed}");
        }
        assert_eq!(namespec("a", "a"), "a");
        assert_eq!(namespec("g", "p"), "g:p");
    }

    #[test]
    fn columns_are_filled_downwards() {
        assert_eq!(columns(&["a", "bb", "c"]), ["a  bb  c"]);
        let word = "w".repeat(36);
        let words = [word.as_str(), "b", "c", "d", &word];
        assert_eq!(columns(&words), [format!("{word}  c  {word}"), format!("{:36}  d", "b")]);
    }
}
