//! Parses status messages of services in the format of
//! [`sd_notify`](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html): lines
//! `NAME=VALUE`.

use std::time::Duration;

/// Maximum length of a status; the rest is dropped.
const STATUS_LIMIT: usize = 512;

/// One message. The supervisor ignores other names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// `READY=1`
    pub ready: bool,
    /// `STOPPING=1`
    pub stopping: bool,
    /// `WATCHDOG=1`
    pub watchdog: bool,
    /// `WATCHDOG_USEC=…`
    pub watchdog_every: Option<Duration>,
    /// `EXTEND_TIMEOUT_USEC=…`
    pub extend: Option<Duration>,
    /// `STATUS=…`: the first line, printable.
    pub status: Option<String>,
}

/// Parses a message.
#[must_use]
pub fn parse(datagram: &[u8]) -> Message {
    let mut message = Message::default();
    for line in datagram.split(|byte| *byte == b'\n') {
        let Some(at) = line.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = (&line[..at], &line[at + 1..]);
        match name {
            b"READY" => message.ready |= value == b"1",
            b"STOPPING" => message.stopping |= value == b"1",
            b"WATCHDOG" => message.watchdog |= value == b"1",
            b"WATCHDOG_USEC" => message.watchdog_every = microseconds(value),
            b"EXTEND_TIMEOUT_USEC" => message.extend = microseconds(value),
            b"STATUS" => message.status = Some(shown(value)),
            _ => {}
        }
    }
    message
}

/// A value of 0 would require a constant stream of messages, so it is ignored.
fn microseconds(value: &[u8]) -> Option<Duration> {
    let number: u64 = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
    (number > 0).then(|| Duration::from_micros(number))
}

fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.chars().filter(|c| !c.is_control()).take(STATUS_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_notification_may_contain_several_fields() {
        let said = parse(b"READY=1\nSTATUS=Serving 3 models\nMAINPID=7\nX_OWN=1");
        let status = Some("Serving 3 models".to_owned());
        assert_eq!(said, Message { ready: true, status, ..Message::default() });
        let said =
            parse(b"WATCHDOG=1\nWATCHDOG_USEC=2500000\nEXTEND_TIMEOUT_USEC=30000000\nSTOPPING=1\n");
        assert!(said.watchdog && said.stopping && !said.ready);
        assert_eq!(said.watchdog_every, Some(Duration::from_millis(2500)));
        assert_eq!(said.extend, Some(Duration::from_secs(30)));
    }

    #[test]
    fn only_1_is_true_and_only_numbers_are_times() {
        let said = parse(
            b"READY=0\nWATCHDOG=trigger\nSTOPPING=\nWATCHDOG_USEC=0\nEXTEND_TIMEOUT_USEC=-1\nREADY",
        );
        assert_eq!(said, Message::default());
    }

    #[test]
    fn a_status_is_printable_and_short() {
        let mut long = b"STATUS=\x1b[31m\xff".to_vec();
        long.extend([b'x'; 2000]);
        let status = parse(&long).status.unwrap();
        assert!(status.starts_with("[31m\u{fffd}x") && status.chars().count() == STATUS_LIMIT);
    }

    proptest! {
        #[test]
        fn no_message_causes_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }
    }
}
