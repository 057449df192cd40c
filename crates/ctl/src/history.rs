//! The history of earlier shells: a file with one command per line, in GNU readline's format.

use std::path::{Path, PathBuf};
use std::{fs, io};

use supervisor_sys::io::files::OwnFile;

/// Maximum number of lines. The oldest are removed first.
pub(super) const MOST_LINES: usize = 10_000;

/// Mode of the file. Only its owner may read the commands.
const MODE: u32 = 0o600;

/// Commands, the oldest first.
#[derive(Debug)]
pub(super) struct History {
    path: Option<PathBuf>,
    lines: Vec<String>,
}

impl History {
    /// Reads the file at `path`. The history is empty if the file does not exist.
    pub(super) fn load(path: Option<&Path>) -> Self {
        let bytes = path.and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let mut history = Self { path: path.map(Path::to_owned), lines: Vec::new() };
        text.lines().for_each(|line| history.add(line));
        history
    }

    /// All commands, the oldest first.
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Adds a line, unless it repeats the previous one.
    pub(super) fn add(&mut self, line: &str) {
        if line.is_empty() || self.lines.last().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == MOST_LINES {
            self.lines.remove(0);
        }
        self.lines.push(line.to_owned());
    }

    /// Writes the file.
    pub(super) fn save(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let text: String = self.lines.iter().flat_map(|line| [line, "\n"]).collect();
        OwnFile::put(path, MODE, text.as_bytes()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_lines_are_kept_in_the_history_file() {
        let path = std::env::temp_dir().join(format!("ctl-history-{}", std::process::id()));
        let mut history = History::load(Some(&path));
        for line in ["status", "status", "", "tail x"] {
            history.add(line);
        }
        history.save().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "status\ntail x\n");
        assert_eq!(History::load(Some(&path)).lines(), ["status", "tail x"]);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn the_oldest_history_lines_are_dropped() {
        let mut history = History::load(None);
        (0..=MOST_LINES).for_each(|number| history.add(&number.to_string()));
        assert_eq!((history.lines().len(), history.lines()[0].as_str()), (MOST_LINES, "1"));
    }
}
