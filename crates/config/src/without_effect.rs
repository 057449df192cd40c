//! Options that are understood and checked, but that don't act where the supervisor
//! stands in front of a command: it is the foreground, its own lines go to stderr, and it
//! stays where it was started.

use crate::lower::Mode;
use crate::options::SectionKind;

/// Options, and the value with which it makes no difference that they don't act.
const WITH_A_COMMAND: [(SectionKind, &str, Option<&str>); 3] = [
    (SectionKind::Supervisord, "nodaemon", Some("true")),
    (SectionKind::Supervisord, "silent", Some("false")),
    (SectionKind::Supervisord, "directory", None),
];

/// An option without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WithoutEffect {
    /// The value with which that makes no difference.
    pub(crate) harmless: Option<&'static str>,
}

/// Whether this option has no effect.
pub(crate) fn option(mode: Mode<'_>, kind: SectionKind, key: &str) -> Option<WithoutEffect> {
    match mode {
        Mode::Command(_) => {
            let mut rows = WITH_A_COMMAND.iter();
            let (.., harmless) = rows.find(|(of, name, _)| *of == kind && *name == key)?;
            Some(WithoutEffect { harmless: *harmless })
        }
        Mode::File => None,
    }
}
