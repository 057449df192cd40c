//! Writes syslog messages for `/dev/log` ([RFC 3164](https://www.rfc-editor.org/rfc/rfc3164)) and
//! for servers.

use std::time::Duration;

use crate::date::{self, CalendarTime};

/// Facility "user" and severity "informational", as in supervisord.
const PRIORITY: u8 = 8 + 6;

/// A message for `/dev/log` from the program `ident`.
#[must_use]
pub fn datagram(time: CalendarTime, ident: &str, message: &[u8]) -> Vec<u8> {
    let CalendarTime { day, hour, minute, second, .. } = time;
    let month = time.month_name();
    let head = format!("<{PRIORITY}>{month} {day:2} {hour:02}:{minute:02}:{second:02} {ident}: ");
    [head.as_bytes(), message].concat()
}

/// Maximum size of a message to a server, because most servers do not accept longer ones.
pub const LONGEST_MESSAGE: usize = 8192;

/// The sender of messages to a server.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The name of this host.
    pub host: &'a str,
    /// The name of the program.
    pub program: &'a str,
    /// The pid of the program.
    pub pid: i32,
    /// The stream that the program wrote to.
    pub stream: &'a str,
}

/// A message for a server ([RFC 5424](https://www.rfc-editor.org/rfc/rfc5424#section-6)).
/// `since_epoch` is the time of the line. A message that is too long is cut.
#[must_use]
pub fn to_server(since_epoch: Duration, sender: Sender<'_>, message: &[u8]) -> Vec<u8> {
    let Sender { host, program, pid, stream } = sender;
    let (host, program) = (header(host, 255), header(program, 48));
    let time = date::rfc3339_millis(since_epoch);
    let head = format!("<{PRIORITY}>1 {time} {host} {program} {pid} {stream} - ");
    let message = &message[..message.len().min(LONGEST_MESSAGE)];
    [head.as_bytes(), message].concat()
}

/// A header field: visible ASCII characters, or `-` if it is empty.
fn header(name: &str, longest: usize) -> String {
    let visible = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    let name: String = name.chars().take(longest).map(visible).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// The lines of a piece of output. Line breaks at its end do not add empty lines.
pub fn lines(piece: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = piece.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
    let text = &piece[..end];
    (!text.is_empty()).then(|| text.split(|byte| *byte == b'\n')).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_has_priority_time_and_name() {
        let time = CalendarTime {
            year: 2026,
            month: 11,
            day: 3,
            hour: 4,
            minute: 5,
            second: 6,
            millisecond: 7,
        };
        assert_eq!(
            datagram(time, "supervisord", b"web ready"),
            b"<14>Nov  3 04:05:06 supervisord: web ready"
        );
    }

    #[test]
    fn a_syslog_message_contains_sender_time_and_text_within_limits() {
        let time = Duration::from_millis(1_796_040_000_123);
        let sender = Sender { host: "box", program: "my app", pid: 7, stream: "stderr" };
        assert_eq!(
            to_server(time, sender, b"caf\xc3\xa9"),
            b"<14>1 2026-11-30T12:00:00.123Z box my_app 7 stderr - caf\xc3\xa9"
        );
        let long = "n".repeat(300);
        let sender = Sender { host: "", program: &long, ..sender };
        let datagram = to_server(time, sender, &[b'x'; 2 * LONGEST_MESSAGE]);
        let text = String::from_utf8(datagram).unwrap();
        let fields: Vec<&str> = text.splitn(8, ' ').collect();
        assert_eq!((fields[2], fields[3].len(), fields[7].len()), ("-", 48, LONGEST_MESSAGE));
    }

    #[test]
    fn each_line_is_a_separate_syslog_message() {
        let all = |piece| lines(piece).collect::<Vec<_>>();
        assert_eq!(all(b"a\n\nb\n\n"), [&b"a"[..], b"", b"b"]);
        assert!(all(b"\n\n").is_empty() && all(b"").is_empty());
    }
}
