//! Signals by number and name, as on Linux for x86-64 and AArch64.

use std::collections::BTreeMap;
use std::fmt;

use crate::ids::{Member, Pid};

/// A signal number in the range that `kill(2)` accepts, 0 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// The mapping of signals before the supervisor sends them to a program. The default changes no
/// signal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalMap(BTreeMap<Signal, Option<Signal>>);

impl SignalMap {
    /// The signal that the program gets for this signal; `None`: the program gets no signal.
    #[must_use]
    pub fn sent(&self, signal: Signal) -> Option<Signal> {
        self.0.get(&signal).copied().unwrap_or(Some(signal))
    }
}

/// Collects pairs of a signal and its replacement.
impl FromIterator<(Signal, Option<Signal>)> for SignalMap {
    fn from_iter<T: IntoIterator<Item = (Signal, Option<Signal>)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// The destination of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalTarget {
    /// A child of the supervisor that has not been reaped.
    Process(Pid),
    /// The process group that such a child leads.
    Group(Pid),
    /// A process found by a census. The daemon must check that it is still the same process.
    Member(Member),
}

/// Names by number; the first name listed for a number is the one printed.
const NAMES: [(u8, &str); 36] = [
    (1, "HUP"),
    (2, "INT"),
    (3, "QUIT"),
    (4, "ILL"),
    (5, "TRAP"),
    (6, "ABRT"),
    (6, "IOT"),
    (7, "BUS"),
    (8, "FPE"),
    (9, "KILL"),
    (10, "USR1"),
    (11, "SEGV"),
    (12, "USR2"),
    (13, "PIPE"),
    (14, "ALRM"),
    (15, "TERM"),
    (16, "STKFLT"),
    (17, "CHLD"),
    (17, "CLD"),
    (18, "CONT"),
    (19, "STOP"),
    (20, "TSTP"),
    (21, "TTIN"),
    (22, "TTOU"),
    (23, "URG"),
    (24, "XCPU"),
    (25, "XFSZ"),
    (26, "VTALRM"),
    (27, "PROF"),
    (28, "WINCH"),
    (29, "POLL"),
    (29, "IO"),
    (30, "PWR"),
    (31, "SYS"),
    (34, "RTMIN"),
    (64, "RTMAX"),
];

impl Signal {
    /// Whether the signal usually reports a fault of the process itself, such as an invalid memory
    /// access. Other signals may follow from the exit of another process.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        // ILL, TRAP, ABRT, BUS, FPE, SEGV and SYS.
        matches!(self.0, 4..=8 | 11 | 31)
    }

    /// Hangup.
    pub const HUP: Self = Self(1);
    /// Interrupt from the keyboard.
    pub const INT: Self = Self(2);
    /// Quit from the keyboard.
    pub const QUIT: Self = Self(3);
    /// Invalid memory access, for example because a file in a full `/dev/shm` cannot grow.
    pub const BUS: Self = Self(7);
    /// Kill; cannot be caught, blocked or ignored.
    pub const KILL: Self = Self(9);
    /// First user-defined signal.
    pub const USR1: Self = Self(10);
    /// Second user-defined signal.
    pub const USR2: Self = Self(12);
    /// The usual stop signal.
    pub const TERM: Self = Self(15);
    /// A child exited or was suspended.
    pub const CHLD: Self = Self(17);
    /// Continue after a suspension.
    pub const CONT: Self = Self(18);
    /// The size of the terminal changed.
    pub const WINCH: Self = Self(28);
    /// Data arrived on a descriptor. The kernel sends it to the supervisor for the pipes of
    /// programs.
    pub const IO: Self = Self(29);
    /// A background process reads from its terminal.
    pub const TTIN: Self = Self(21);
    /// A background process writes to its terminal or changes it.
    pub const TTOU: Self = Self(22);
    /// The first real-time signal for programs, because the C library uses 32 and 33.
    pub const RTMIN: Self = Self(34);
    /// The last real-time signal.
    pub const RTMAX: Self = Self(64);

    /// The signal with this number, if Linux has it.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        u8::try_from(number).ok().filter(|n| *n <= 64).map(Self)
    }

    /// The signal with this name, with or without `SIG`, in any letter case. Real-time signals have
    /// names as in [signal(7)](https://man7.org/linux/man-pages/man7/signal.7.html): `RTMIN+3`,
    /// `RTMAX-1`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        let bare = name.strip_prefix("SIG").unwrap_or(&name);
        let known = NAMES.iter().find(|(_, known)| *known == bare);
        known.map(|(number, _)| Self(*number)).or_else(|| Self::real_time(bare))
    }

    fn real_time(bare: &str) -> Option<Self> {
        let steps = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<u8>().ok().filter(|_| plain)
        };
        let number = match (bare.strip_prefix("RTMIN+"), bare.strip_prefix("RTMAX-")) {
            (Some(digits), _) => Self::RTMIN.0.checked_add(steps(digits)?)?,
            (None, Some(digits)) => Self::RTMAX.0.checked_sub(steps(digits)?)?,
            (None, None) => return None,
        };
        (Self::RTMIN.0..=Self::RTMAX.0).contains(&number).then_some(Self(number))
    }

    /// All names, without SIG.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(_, name)| *name)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether it is a real-time signal for programs.
    #[must_use]
    pub fn is_real_time(self) -> bool {
        self >= Self::RTMIN
    }
}

/// The name with `SIG`, or `signal 40` for a signal without a name.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => write!(f, "SIG{name}"),
            None => write!(f, "signal {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_name_is_found_in_any_spelling() {
        for spelling in ["TERM", "SIGTERM", "sigterm", "term"] {
            assert_eq!(Signal::from_name(spelling), Some(Signal::TERM), "{spelling}");
        }
        assert_eq!(Signal::from_name("SIGNOPE"), None);
    }

    #[test]
    fn real_time_signals_are_counted_from_both_ends() {
        for (name, number) in
            [("RTMIN", 34), ("SIGRTMIN+3", 37), ("rtmin+30", 64), ("RTMAX-0", 64), ("RTMAX-27", 37)]
        {
            assert_eq!(Signal::from_name(name), Some(Signal(number)), "{name}");
        }
        for name in
            ["RTMIN+31", "RTMAX-31", "RTMIN+", "RTMIN-1", "RTMIN++1", "RTMAX+1", "RTMIN+256"]
        {
            assert_eq!(Signal::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn signal_numbers_outside_the_kernels_range_are_rejected() {
        assert_eq!(Signal::from_number(64), Some(Signal(64)));
        assert_eq!(Signal::from_number(65), None);
        assert_eq!(Signal::from_number(-1), None);
        assert_eq!(Signal::from_number(15 + 256), None);
    }

    #[test]
    fn a_signal_number_is_printed_with_its_first_name() {
        assert_eq!(Signal(6).to_string(), "SIGABRT");
        assert_eq!(Signal(17).to_string(), "SIGCHLD");
        assert_eq!(Signal(29).to_string(), "SIGPOLL");
        assert_eq!(Signal(40).to_string(), "signal 40");
    }
}
