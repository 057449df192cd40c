//! Signals by number and name, as Linux numbers them on x86-64 and AArch64.

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

/// Each signal, and what the program gets for it.
impl FromIterator<(Signal, Option<Signal>)> for SignalMap {
    fn from_iter<T: IntoIterator<Item = (Signal, Option<Signal>)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// Which processes a signal goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalTarget {
    /// A child of ours that has not been reaped.
    Process(Pid),
    /// The process group that such a child leads.
    Group(Pid),
    /// A process that a census found; whether it is still the same must be checked.
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
    /// Whether it is one that a fault of its own sends to a process, or that it sends itself
    /// when it has found one. Others may come from another process's end.
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
    /// Memory that is not there, as where a file in a full `/dev/shm` should grow.
    pub const BUS: Self = Self(7);
    /// Cannot be caught, blocked or ignored.
    pub const KILL: Self = Self(9);
    /// The first of the two signals without a meaning of their own.
    pub const USR1: Self = Self(10);
    /// The second of the two signals without a meaning of their own.
    pub const USR2: Self = Self(12);
    /// The usual request to end.
    pub const TERM: Self = Self(15);
    /// A child changed its state.
    pub const CHLD: Self = Self(17);
    /// Go on after a stop.
    pub const CONT: Self = Self(18);
    /// The terminal changed its size.
    pub const WINCH: Self = Self(28);
    /// Bytes arrive at a descriptor. The supervisor reads those that the kernel sends.
    pub const IO: Self = Self(29);
    /// Reading from a terminal in the background.
    pub const TTIN: Self = Self(21);
    /// Writing to it, or changing it, from there.
    pub const TTOU: Self = Self(22);
    /// The first real-time signal that programs may use (the C library keeps 32 and 33).
    pub const RTMIN: Self = Self(34);
    /// The last real-time signal.
    pub const RTMAX: Self = Self(64);

    /// The signal with this number, if Linux has it.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        u8::try_from(number).ok().filter(|n| *n <= 64).map(Self)
    }

    /// The signal with this name, `SIG` in front or not, in any case. Real-time signals are
    /// named as in [signal(7)](https://man7.org/linux/man-pages/man7/signal.7.html): `RTMIN+3`,
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

    /// Whether it is one of the real-time signals that programs may use.
    #[must_use]
    pub fn is_real_time(self) -> bool {
        self >= Self::RTMIN
    }
}

/// `SIGTERM` for a signal that has a name, `signal 40` for one that has none.
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
    fn a_name_is_found_in_any_spelling() {
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
    fn numbers_outside_the_kernels_range_are_refused() {
        assert_eq!(Signal::from_number(64), Some(Signal(64)));
        assert_eq!(Signal::from_number(65), None);
        assert_eq!(Signal::from_number(-1), None);
        assert_eq!(Signal::from_number(15 + 256), None);
    }

    #[test]
    fn the_first_name_of_a_number_is_printed() {
        assert_eq!(Signal(6).to_string(), "SIGABRT");
        assert_eq!(Signal(17).to_string(), "SIGCHLD");
        assert_eq!(Signal(29).to_string(), "SIGPOLL");
        assert_eq!(Signal(40).to_string(), "signal 40");
    }
}
