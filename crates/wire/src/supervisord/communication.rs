//! Messages that a program marks in its output:
//! [`PROCESS_COMMUNICATION`](https://supervisord.org/events.html#process-communication-event-type)
//! events.
//!
//! The text between the two marks is a message and does not go to the log. A mark may arrive in
//! pieces, so the separator holds back bytes that may be the start of a mark.

/// Mark before a message.
const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";

/// Mark after a message.
const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// Separates messages from the other output of one stream.
#[derive(Clone, Debug)]
pub struct Separator {
    /// Maximum number of bytes to keep of a message; the latest are kept.
    most: usize,
    /// The message that has started.
    message: Option<Vec<u8>>,
    /// Bytes that may be the start of a mark.
    held: Vec<u8>,
}

/// A part of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Output for the log.
    Log(Vec<u8>),
    /// Output that belongs to the current message.
    Captured(Vec<u8>),
    /// The end of a message, with the kept part of it.
    Message(Vec<u8>),
}

impl Separator {
    /// A separator that keeps at most `most` bytes of a message.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { most, message: None, held: Vec::new() }
    }

    /// Takes the next piece of the stream and returns its parts in order.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut data = std::mem::take(&mut self.held);
        data.extend_from_slice(bytes);
        let mut rest = &data[..];
        loop {
            let mark = if self.message.is_some() { END } else { BEGIN };
            let found = rest.windows(mark.len()).position(|window| window == mark);
            let end = found.unwrap_or_else(|| rest.len() - beginning_of(mark, rest));
            parts.extend(self.part(&rest[..end]));
            if found.is_none() {
                self.held = rest[end..].to_vec();
                return parts;
            }
            rest = &rest[end + mark.len()..];
            match self.message.take() {
                Some(message) => parts.push(Part::Message(message)),
                None => self.message = Some(Vec::new()),
            }
        }
    }

    /// Takes the end of the stream. Bytes that were held back are not a mark.
    pub fn finish(&mut self) -> Option<Part> {
        let held = std::mem::take(&mut self.held);
        self.part(&held)
    }

    fn part(&mut self, bytes: &[u8]) -> Option<Part> {
        if bytes.is_empty() {
            return None;
        }
        Some(match &mut self.message {
            None => Part::Log(bytes.to_vec()),
            Some(message) => {
                message.extend_from_slice(bytes);
                let surplus = message.len().saturating_sub(self.most);
                message.drain(..surplus);
                Part::Captured(bytes.to_vec())
            }
        })
    }
}

/// Number of bytes at the end of `data` that may be the start of `mark`.
fn beginning_of(mark: &[u8], data: &[u8]) -> usize {
    let most = data.len().min(mark.len() - 1);
    (1..=most).rev().find(|length| mark.starts_with(&data[data.len() - length..])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b"a<!--XSUPERVISOR:BEGIN-->one<!--XSUPERVISOR:END-->b<!--X<!--XSUPERVISOR:BEGIN-->two<!--XSUPERVISOR:END-->";

    /// All bytes for the log, and the messages.
    fn sorted(parts: impl IntoIterator<Item = Part>) -> (Vec<u8>, Vec<Vec<u8>>) {
        let (mut log, mut messages) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Part::Log(bytes) => log.extend(bytes),
                Part::Captured(_) => {}
                Part::Message(message) => messages.push(message),
            }
        }
        (log, messages)
    }

    #[test]
    fn messages_are_the_same_for_pieces_of_any_size() {
        for size in 1..=STREAM.len() {
            let mut separator = Separator::new(100);
            let mut parts: Vec<Part> =
                STREAM.chunks(size).flat_map(|piece| separator.feed(piece)).collect();
            parts.extend(separator.finish());
            let (log, messages) = sorted(parts);
            assert_eq!(log, b"ab<!--X", "{size}");
            assert_eq!(messages, [b"one", b"two"], "{size}");
        }
    }

    #[test]
    fn log_and_messages_keep_their_order() {
        let parts = Separator::new(2).feed(b"a<!--XSUPERVISOR:BEGIN-->one<!--XSUPERVISOR:END-->b");
        let expected = [
            Part::Log(b"a".to_vec()),
            Part::Captured(b"one".to_vec()),
            Part::Message(b"ne".to_vec()),
            Part::Log(b"b".to_vec()),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn a_possible_beginning_of_a_mark_is_logged_at_the_end() {
        let mut separator = Separator::new(100);
        assert_eq!(separator.feed(b"bye <!--XSUP"), [Part::Log(b"bye ".to_vec())]);
        assert_eq!(separator.finish(), Some(Part::Log(b"<!--XSUP".to_vec())));
        assert_eq!(separator.finish(), None);
    }

    #[test]
    fn a_message_without_an_end_is_not_logged() {
        let mut separator = Separator::new(4);
        let (log, messages) = sorted(separator.feed(b"x<!--XSUPERVISOR:BEGIN-->12"));
        assert_eq!((log, messages.len()), (b"x".to_vec(), 0));
        assert_eq!(separator.finish(), None);
    }
}
