//! The last output of a run, for reports.

use std::collections::VecDeque;
use std::rc::Rc;

use supervisor_sys::io::recent::Recent;
use supervisor_wire::ansi;

/// The number of bytes kept of each stream of a run. The largest stack dump that Python prints
/// fits.
pub(crate) const ROOM: usize = 32 * 1024;

/// The end of the output, and the number of bytes missing in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    /// Bytes skipped since the last bytes that were added.
    missed: u64,
    /// The number of small pieces that must arrive before a flood counts as over.
    flood: u8,
    /// The buffer of the latest output across all runs, for operators.
    recent: Option<Rc<Recent>>,
}

/// Characters of a last line that are reported.
const LAST_LINE: usize = 200;

/// Lines at the end in which the supervisor searches for a line that is not empty.
const LAST_LINES: usize = 20;

/// The number of small pieces between large ones during a flood.
const CALM: u8 = 2;

impl Tail {
    /// The tail of a stream that also goes to the buffer `recent`.
    pub(crate) fn new(recent: Option<Rc<Recent>>) -> Self {
        Self { recent, ..Self::default() }
    }

    /// Adds new output.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.end();
        self.push(bytes);
    }

    /// Adds the report of skipped bytes, even if no more output follows.
    pub(crate) fn end(&mut self) {
        let missed = std::mem::take(&mut self.missed);
        if missed > 0 {
            let gap = format!("\n[{missed} bytes skipped]\n");
            self.push(gap.as_bytes());
        }
    }

    /// Records that this number of bytes was skipped.
    pub(crate) const fn miss(&mut self, bytes: u64) {
        self.missed += bytes;
    }

    /// Records whether a large or a small piece arrived.
    pub(crate) const fn came(&mut self, large: bool) {
        self.flood = if large { CALM } else { self.flood.saturating_sub(1) };
    }

    /// Whether large pieces are expected.
    pub(crate) const fn is_flooded(&self) -> bool {
        self.flood > 0
    }

    /// The last lines, up to this number, without control sequences.
    pub(crate) fn lines(&self, most: usize) -> Vec<String> {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let text = String::from_utf8_lossy(&ansi::strip(&bytes)).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.len().saturating_sub(most);
        lines[first..].iter().map(|line| (*line).to_owned()).collect()
    }

    /// The last line that is not empty, trimmed; the beginning of a long line.
    pub(crate) fn last_line(&self) -> Option<String> {
        let lines = self.lines(LAST_LINES);
        let line = lines.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty())?;
        let mut told: String = line.chars().take(LAST_LINE).collect();
        if told.len() < line.len() {
            told.push('…');
        }
        Some(told)
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(recent) = &self.recent {
            recent.add(bytes);
        }
        let new = &bytes[bytes.len().saturating_sub(ROOM)..];
        let gone = (self.bytes.len() + new.len()).saturating_sub(ROOM);
        self.bytes.drain(..gone);
        self.bytes.extend(new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_keeps_the_end_of_the_output_within_its_limit() {
        let mut tail = Tail::default();
        for number in 0..10_000 {
            tail.add(format!("line {number}\n").as_bytes());
        }
        assert!(tail.bytes.len() <= ROOM);
        assert_eq!(tail.lines(2), ["line 9998", "line 9999"]);
        tail.add(&vec![b'x'; 3 * ROOM]);
        assert_eq!(tail.lines(9), ["x".repeat(ROOM)]);
    }

    #[test]
    fn skipped_bytes_are_reported_at_their_position() {
        let mut tail = Tail::default();
        tail.add(b"before\n");
        tail.miss(7);
        tail.miss(5);
        tail.add(b"after\n");
        assert_eq!(tail.lines(9), ["before", "", "[12 bytes skipped]", "after"]);
    }

    #[test]
    fn the_last_line_is_not_empty_and_not_too_long() {
        let mut tail = Tail::default();
        assert_eq!(tail.last_line(), None);
        tail.add(b"Traceback\n\x1b[31mValueError: no model\x1b[0m\n\n  \n");
        assert_eq!(tail.last_line().as_deref(), Some("ValueError: no model"));
        tail.add("ä".repeat(300).as_bytes());
        assert_eq!(tail.last_line(), Some("ä".repeat(LAST_LINE) + "…"));
    }

    #[test]
    fn colors_are_removed() {
        let mut tail = Tail::default();
        tail.add(b"\x1b[31mERROR\x1b[0m no memory\nlast");
        assert_eq!(tail.lines(9), ["ERROR no memory", "last"]);
    }
}
