//! Finds a text in a stream, at most once per run.

use supervisor_core::ids::Pid;
use supervisor_wire::ansi;

/// The text, and the end of the stream that may be its beginning.
#[derive(Debug)]
pub(crate) struct Needle {
    text: Vec<u8>,
    rest: Vec<u8>,
    /// The main process of the run, and whether its output contained the text.
    run: Option<(Pid, bool)>,
}

impl Needle {
    /// Looks for `text`, which must not be empty.
    pub(crate) const fn new(text: Vec<u8>) -> Self {
        Self { text, rest: Vec::new(), run: None }
    }

    /// Whether the text occurs in `bytes`, which `pid` wrote next, for the first time. Colors are
    /// ignored.
    pub(crate) fn finds(&mut self, pid: Pid, bytes: &[u8]) -> bool {
        match self.run {
            Some((known, true)) if known == pid => return false,
            Some((known, false)) if known == pid => {}
            Some(_) | None => self.rest.clear(),
        }
        self.rest.extend_from_slice(&ansi::strip(bytes));
        let found = self.rest.windows(self.text.len()).any(|window| window == self.text);
        self.run = Some((pid, found));
        let kept = if found { 0 } else { self.text.len() - 1 };
        self.rest.drain(..self.rest.len().saturating_sub(kept));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_across_pieces_and_once_in_each_run() {
        let mut needle = Needle::new(b"startup complete".to_vec());
        assert!(!needle.finds(Pid(1), b"INFO: Application star"));
        assert!(!needle.finds(Pid(1), b"tup compl"));
        assert!(needle.finds(Pid(1), b"ete.\n"));
        assert!(!needle.finds(Pid(1), b"startup complete"));
        assert!(!needle.finds(Pid(2), b" startup"));
        assert!(needle.finds(Pid(2), b" complete"));
    }

    #[test]
    fn a_text_is_not_found_across_two_runs() {
        let mut needle = Needle::new(b"ready".to_vec());
        assert!(!needle.finds(Pid(1), b"rea"));
        assert!(!needle.finds(Pid(2), b"dy"));
    }

    #[test]
    fn only_a_possible_beginning_of_the_text_is_kept() {
        let mut needle = Needle::new(b"ready".to_vec());
        needle.finds(Pid(1), &[b'r'; 100_000]);
        assert_eq!(needle.rest, b"rrrr");
        assert!(needle.finds(Pid(1), b"\x1b[32mready\x1b[0m"));
        assert!(needle.rest.is_empty());
    }
}
