//! The texts that servers end with, and what each of them is a sign of.
//!
//! A row needs a public source, an exact text, and a text beside it that must not be taken for
//! it: `tests/failures` has one of each. Rows are looked through in order, and the first that
//! fits counts, so that an inner error stands before the one that it is wrapped in.

mod table;

use super::class::Class;
use super::log_line::LogLine;

pub use table::SIGNS;

/// A group of texts with one meaning.
#[derive(Clone, Copy, Debug)]
pub struct Sign {
    /// Its name in the reference.
    pub name: &'static str,
    /// What it is a sign of.
    pub class: Class,
    /// The kind of device whose presets look for it; `None`: all presets.
    pub of: Option<Preset>,
    /// It means something only before the server was ready: later, a request may have failed
    /// with the same words.
    pub before_ready: bool,
    /// Whether the devices can tell more.
    pub asks_devices: bool,
    /// The texts.
    pub texts: &'static [Text],
    /// Where it was seen in public.
    pub source: &'static str,
}

/// Which signs are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Those of NVIDIA's devices, and of servers.
    Cuda,
    /// Those of AMD's devices, and of servers.
    Rocm,
    /// Those of AWS Neuron devices, and of servers.
    Neuron,
}

/// Pieces that follow one another in a line without its prefixes.
#[derive(Clone, Copy, Debug)]
pub enum Text {
    /// In the message of an exception of Python, or of one that ended a C++ program.
    Raised(&'static [&'static str]),
    /// The same, and the name of the exception ends with the first piece.
    Named(&'static str, &'static [&'static str]),
    /// From the beginning of the line.
    Begins(&'static [&'static str]),
    /// Anywhere in the line.
    Printed(&'static [&'static str]),
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cuda, Self::Rocm, Self::Neuron];

    /// Its name, as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
            Self::Neuron => "neuron",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }
}

impl Text {
    /// `raised`: the name and the message of the exception that the line is, if it is one.
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

/// Bytes of a piece that are looked for first: `contains` compares many at once up to that many.
const AT_ONCE: usize = 32;

/// Whether the pieces follow one another in the text.
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

/// The sign that a line shows, of those that a preset looks for.
pub(super) fn find(line: &LogLine<'_>, preset: Preset) -> Option<&'static Sign> {
    let raised = line.raised();
    SIGNS.iter().find(|sign| {
        sign.of.is_none_or(|of| of == preset)
            && sign.texts.iter().any(|text| text.fits(line.text, raised))
    })
}
