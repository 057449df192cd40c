//! A file that fits into the head.

use super::{crates, sources};

/// The largest number of lines in a source file.
const LINES: usize = 500;

#[test]
fn no_source_file_is_too_long() {
    let long: Vec<String> = sources(&crates())
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "split these files, {LINES} lines are allowed:\n{}", long.join("\n"));
}
