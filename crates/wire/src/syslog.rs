//! Lines for the system's log, as `/dev/log` takes them
//! ([RFC 3164](https://www.rfc-editor.org/rfc/rfc3164)).

use crate::date::CalendarTime;

/// Facility "user", severity "informational", as supervisord sends everything.
const PRIORITY: u8 = 8 + 6;

/// One message from the program called `ident`.
#[must_use]
pub fn datagram(time: CalendarTime, ident: &str, message: &[u8]) -> Vec<u8> {
    let CalendarTime { day, hour, minute, second, .. } = time;
    let month = time.month_name();
    let head = format!("<{PRIORITY}>{month} {day:2} {hour:02}:{minute:02}:{second:02} {ident}: ");
    [head.as_bytes(), message].concat()
}

/// The lines of a piece of output. Line breaks at its end make no empty lines.
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
    fn each_line_is_a_message_of_its_own() {
        let all = |piece| lines(piece).collect::<Vec<_>>();
        assert_eq!(all(b"a\n\nb\n\n"), [&b"a"[..], b"", b"b"]);
        assert!(all(b"\n\n").is_empty() && all(b"").is_empty());
    }
}
