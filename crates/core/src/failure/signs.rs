//! Known failure texts and their classes.
//!
//! Each row needs a public source, an exact text, and a similar text that must not match:
//! `tests/failures` has one of each. The first matching row wins, so an inner error comes before
//! the error that wraps it.

mod table;

use super::class::Class;
use super::log_line::LogLine;

pub use table::SIGNS;

/// A group of texts with one meaning.
#[derive(Clone, Copy, Debug)]
pub struct Sign {
    /// The name in the reference.
    pub name: &'static str,
    /// The failure class.
    pub class: Class,
    /// Only presets for this kind of device use it; `None`: all presets.
    pub of: Option<Preset>,
    /// It counts only before the server was ready: later, a failed request may print the same text.
    pub before_ready: bool,
    /// Whether the GPU state can make the class more precise.
    pub asks_devices: bool,
    /// The texts.
    pub texts: &'static [Text],
    /// A public source of the texts.
    pub source: &'static str,
}

/// The sets of signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Signs of NVIDIA devices and of servers.
    Cuda,
    /// Signs of AMD devices and of servers.
    Rocm,
    /// Signs of AWS Neuron devices and of servers.
    Neuron,
}

/// Texts that must appear in this order in a line without its prefixes.
#[derive(Clone, Copy, Debug)]
pub enum Text {
    /// In the message of a Python exception or an uncaught C++ exception.
    Raised(&'static [&'static str]),
    /// As [`Self::Raised`], and the exception's name must end with the first text.
    Named(&'static str, &'static [&'static str]),
    /// At the beginning of the line.
    Begins(&'static [&'static str]),
    /// Anywhere in the line.
    Printed(&'static [&'static str]),
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 3] = [Self::Cuda, Self::Rocm, Self::Neuron];

    /// The name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
            Self::Neuron => "neuron",
        }
    }

    /// The preset with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }
}

impl Text {
    /// Whether the text matches. `raised`: the name and message of the exception, if the line is
    /// one.
    fn fits(self, text: &str, raised: Option<(&str, &str)>) -> bool {
        match self {
            Self::Raised(pieces) => raised.is_some_and(|(_, message)| holds(message, pieces)),
            Self::Named(end, pieces) => {
                raised.is_some_and(|(name, message)| name.ends_with(end) && holds(message, pieces))
            }
            Self::Begins(pieces) => {
                pieces.first().is_some_and(|first| text.starts_with(first)) && holds(text, pieces)
            }
            Self::Printed(pieces) => holds(text, pieces),
        }
    }
}

/// Bytes of a text to search for first: `contains` is fast for short texts.
const AT_ONCE: usize = 32;

/// Whether the texts appear in this order.
fn holds(text: &str, pieces: &[&str]) -> bool {
    if pieces.iter().any(|piece| !text.contains(&piece[..piece.floor_char_boundary(AT_ONCE)])) {
        return false;
    }
    let mut rest = text;
    pieces.iter().all(|piece| match rest.find(piece) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// The first sign of the preset that matches the line.
pub(super) fn find(line: &LogLine<'_>, preset: Preset) -> Option<&'static Sign> {
    let raised = line.raised();
    SIGNS.iter().find(|sign| {
        sign.of.is_none_or(|of| of == preset)
            && sign.texts.iter().any(|text| text.fits(line.text, raised))
    })
}
