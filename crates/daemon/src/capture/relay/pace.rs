//! Decides how long a relay leaves a busy pipe alone.
//!
//! A relay that looks after each write moves one line at a time: five system calls and two context
//! switches per line. If it pauses for a few hundred microseconds, the program fills whole pages of
//! its pipe, and a page costs no more than a line.

use std::time::{Duration, Instant};

/// The longest pause, so that lines are not delayed noticeably. A program that writes lines as fast
/// as possible fills half of an enlarged pipe in about this time.
pub(super) const LONGEST: Duration = Duration::from_micros(250);

/// The shortest pause that is worth its timer. A program that fills the pipe sooner writes large
/// pieces, and a pause gains nothing.
const SHORTEST: Duration = Duration::from_micros(60);

/// The interval within which a second look must find output for a stream to count as busy. Up to
/// some thousand lines per second, no line is delayed.
const WINDOW: Duration = Duration::from_micros(50);

/// The number of bytes in an empty pipe that shows large writes. Then a pause gains nothing and
/// only delays the writer.
const LARGE: u64 = 16 * 1024;

/// The lateness of a timer up to which a stream stays busy although it wrote less than a page.
const LATENESS: Duration = Duration::from_micros(150);
const PAGE: u64 = 4096;

/// The time after which the previous rate no longer counts.
const FORGOTTEN: Duration = Duration::from_millis(1);

/// The next step of a relay that has moved all available bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Look again at once.
    Look,
    /// Look again after this time.
    Rest(Duration),
    /// Enable announcements of output, then look once more.
    Arm,
    /// Wait for an announcement of output.
    Wait,
}

/// The result of one look at a pipe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// The start of the look.
    pub(super) at: Instant,
    pub(super) moved: u64,
    /// Whether the pipe was empty at the end; otherwise there may be more output.
    pub(super) is_empty: bool,
    /// Whether announcements were enabled at the start of the look.
    pub(super) is_armed: bool,
    /// The capacity of the pipe.
    pub(super) room: u64,
}

/// The rate of one stream over its last looks.
#[derive(Debug)]
pub(super) struct Pace {
    last: Option<Instant>,
    rested: Duration,
    bytes: u64,
    time: Duration,
    comes_in_large_pieces: bool,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self {
            last: None,
            rested: Duration::ZERO,
            bytes: 0,
            time: Duration::ZERO,
            comes_in_large_pieces: false,
        }
    }

    pub(super) fn next(&mut self, seen: Seen) -> Next {
        let gap = self.last.replace(seen.at).map(|last| seen.at.saturating_duration_since(last));
        let rested = std::mem::take(&mut self.rested);
        if seen.is_armed && seen.moved > 0 {
            self.comes_in_large_pieces = seen.moved >= LARGE;
        }
        if let Some(gap) = gap.filter(|gap| *gap <= FORGOTTEN + LONGEST) {
            self.bytes = self.bytes / 2 + seen.moved;
            self.time = self.time / 2 + gap;
            // On a busy machine a timer may be as late as it likes.
            let is_busy = match rested.is_zero() {
                true => gap < WINDOW,
                false => gap < rested + LATENESS || seen.moved >= PAGE,
            };
            if seen.moved > 0
                && is_busy
                && !self.comes_in_large_pieces
                && let Some(rest) = self.rest(seen.room)
            {
                self.rested = rest;
                return Next::Rest(rest);
            }
        } else {
            (self.bytes, self.time) = (0, Duration::ZERO);
        }
        match (seen.is_armed, seen.is_empty) {
            (true, true) => Next::Wait,
            (_, false) => Next::Look,
            (false, true) => Next::Arm,
        }
    }

    /// The time until the pipe is nearly half full. Half of an enlarged pipe has more pages than
    /// the usual pipe of the sink, because lines do not fill pages.
    fn rest(&self, room: u64) -> Option<Duration> {
        let wanted = u128::from(room / 16 * 7);
        let nanoseconds = self.time.as_nanos() * wanted / u128::from(self.bytes.max(1));
        let rest =
            Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)).min(LONGEST);
        (rest >= SHORTEST).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use supervisor_sys::clock::moment;

    use super::*;

    struct Stream {
        pace: Pace,
        now: Instant,
    }

    impl Stream {
        fn new() -> Self {
            Self { pace: Pace::new(), now: moment() }
        }

        fn looks(&mut self, later: u64, moved: u64, is_armed: bool) -> Next {
            self.now += Duration::from_micros(later);
            let (at, is_empty) = (self.now, moved == 0);
            self.pace.next(Seen { at, moved, is_empty, is_armed, room: 128 * 1024 })
        }
    }

    #[test]
    fn occasional_lines_are_not_delayed() {
        let mut stream = Stream::new();
        for _ in 0..50 {
            // A short piece proves nothing: only an empty pipe is waited for.
            assert_eq!(stream.looks(200, 100, true), Next::Look);
            assert_eq!(stream.looks(2, 0, true), Next::Wait);
        }
    }

    #[test]
    fn a_flood_of_lines_is_read_in_batches_with_a_bounded_delay() {
        let mut stream = Stream::new();
        stream.looks(0, 100, true);
        let mut next = stream.looks(5, 100, true);
        for _ in 0..50 {
            let Next::Rest(rest) = next else { panic!("{next:?}") };
            assert!((SHORTEST..=LONGEST).contains(&rest), "{rest:?}");
            let rested = u64::try_from(rest.as_micros()).unwrap();
            // 300 MB/s.
            next = stream.looks(rested, rested * 300, false);
        }
    }

    #[test]
    fn a_late_timer_does_not_make_a_flood_idle() {
        let mut stream = Stream::new();
        stream.looks(0, 100, true);
        stream.looks(5, 100, true);
        assert!(matches!(stream.looks(900, 100_000, false), Next::Rest(_)));
    }

    #[test]
    fn a_pause_without_output_is_followed_by_another_look() {
        let mut stream = Stream::new();
        stream.looks(0, 100, true);
        assert!(matches!(stream.looks(5, 100, true), Next::Rest(_)));
        assert_eq!(stream.looks(250, 0, false), Next::Arm);
        assert_eq!(stream.looks(5, 0, true), Next::Wait);
    }

    #[test]
    fn large_pieces_are_read_without_a_pause() {
        let mut stream = Stream::new();
        for _ in 0..50 {
            assert_eq!(stream.looks(200, 65_536, true), Next::Look);
            assert_eq!(stream.looks(30, 65_536, true), Next::Look);
        }
    }
}
