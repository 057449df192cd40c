//! Messages that a program marks in its output:
//! [`PROCESS_COMMUNICATION`](https://supervisord.org/events.html#process-communication-event-type)
//! events.
//!
//! What stands between the two marks is a message and stays out of the log. A mark
//! may arrive in pieces, so what could be the beginning of one is held back.

/// What begins a message.
const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";

/// What ends it.
const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// Tells messages from the rest of one stream.
#[derive(Clone, Debug)]
pub struct Separator {
    /// Bytes of a message that are kept at most: the latest.
    most: usize,
    /// The message that has begun.
    message: Option<Vec<u8>>,
    /// What may turn out to be the beginning of a mark.
    held: Vec<u8>,
}

/// What a piece of output held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Separated {
    /// What belongs in the log.
    pub log: Vec<u8>,
    /// Messages that ended, in order.
    pub messages: Vec<Vec<u8>>,
}

impl Separator {
    /// A separator that keeps at most `most` bytes of a message.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { most, message: None, held: Vec::new() }
    }

    /// Takes the next piece of the stream.
    pub fn feed(&mut self, bytes: &[u8]) -> Separated {
        let mut separated = Separated::default();
        let mut data = std::mem::take(&mut self.held);
        data.extend_from_slice(bytes);
        let mut rest = &data[..];
        loop {
            let mark = if self.message.is_some() { END } else { BEGIN };
            let found = rest.windows(mark.len()).position(|window| window == mark);
            let end = found.unwrap_or_else(|| rest.len() - beginning_of(mark, rest));
            self.keep(&rest[..end], &mut separated.log);
            if found.is_none() {
                self.held = rest[end..].to_vec();
                return separated;
            }
            rest = &rest[end + mark.len()..];
            match self.message.take() {
                Some(message) => separated.messages.push(message),
                None => self.message = Some(Vec::new()),
            }
        }
    }

    /// The stream has ended: what was held back was no mark.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut log = Vec::new();
        let held = std::mem::take(&mut self.held);
        self.keep(&held, &mut log);
        log
    }

    fn keep(&mut self, bytes: &[u8], log: &mut Vec<u8>) {
        match &mut self.message {
            None => log.extend_from_slice(bytes),
            Some(message) => {
                message.extend_from_slice(bytes);
                let surplus = message.len().saturating_sub(self.most);
                message.drain(..surplus);
            }
        }
    }
}

/// How many bytes at the end of `data` may be the beginning of `mark`.
fn beginning_of(mark: &[u8], data: &[u8]) -> usize {
    let most = data.len().min(mark.len() - 1);
    (1..=most).rev().find(|length| mark.starts_with(&data[data.len() - length..])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b"a<!--XSUPERVISOR:BEGIN-->one<!--XSUPERVISOR:END-->b<!--X<!--XSUPERVISOR:BEGIN-->two<!--XSUPERVISOR:END-->";

    #[test]
    fn however_it_is_cut_the_result_is_the_same() {
        for size in 1..=STREAM.len() {
            let mut separator = Separator::new(100);
            let mut all = Separated::default();
            for piece in STREAM.chunks(size) {
                let Separated { log, messages } = separator.feed(piece);
                all.log.extend(log);
                all.messages.extend(messages);
            }
            all.log.extend(separator.finish());
            assert_eq!(all.log, b"ab<!--X", "{size}");
            assert_eq!(all.messages, [b"one", b"two"], "{size}");
        }
    }

    #[test]
    fn what_could_become_a_mark_comes_out_at_the_end() {
        let mut separator = Separator::new(100);
        assert_eq!(separator.feed(b"bye <!--XSUP").log, b"bye ");
        assert_eq!(separator.finish(), b"<!--XSUP");
        assert_eq!(separator.finish(), b"");
    }

    #[test]
    fn the_latest_bytes_of_a_long_message_are_kept() {
        let mut separator = Separator::new(4);
        let separated = separator.feed(b"<!--XSUPERVISOR:BEGIN-->123456789<!--XSUPERVISOR:END-->");
        assert_eq!(separated.messages, [b"6789"]);
    }

    #[test]
    fn a_message_without_an_end_stays_out_of_the_log() {
        let mut separator = Separator::new(4);
        assert_eq!(separator.feed(b"x<!--XSUPERVISOR:BEGIN-->12").log, b"x");
        assert_eq!(separator.finish(), b"");
    }
}
