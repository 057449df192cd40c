//! Options that are understood and checked, but that don't act: in this version, or
//! with a command line.
//!
//! Each row that goes is a feature that came.

use crate::lower::Door;
use crate::options::Kind;

/// Options without effect in this version, and the value with which that makes no
/// difference.
const OPTIONS: [(Kind, &str, &str); 2] = [
    (Kind::Program, "stdout_events_enabled", "false"),
    (Kind::Program, "stderr_events_enabled", "false"),
];

/// The same for a supervisor that stands in front of a command: it is the foreground,
/// its own lines go to stderr, and it stays where it was started.
const WITH_A_COMMAND: [(Kind, &str, Option<&str>); 3] = [
    (Kind::Supervisord, "nodaemon", Some("true")),
    (Kind::Supervisord, "silent", Some("false")),
    (Kind::Supervisord, "directory", None),
];

/// Kinds of sections without effect.
const SECTIONS: [Kind; 4] =
    [Kind::EventListener, Kind::UnixHttpServer, Kind::InetHttpServer, Kind::RpcInterface];

/// An option without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WithoutEffect {
    /// The value with which that makes no difference.
    pub(crate) harmless: Option<&'static str>,
    /// Where that is so.
    pub(crate) place: &'static str,
}

/// Whether this option has no effect.
pub(crate) fn option(door: Door<'_>, kind: Kind, key: &str) -> Option<WithoutEffect> {
    let always = OPTIONS.iter().map(|(kind, key, harmless)| (*kind, *key, Some(*harmless)));
    let always = always.map(|row| (row, "in this version"));
    let here = WITH_A_COMMAND.iter().map(|row| (*row, "with a command line"));
    let here = here.filter(|_| matches!(door, Door::Command(_)));
    let ((.., harmless), place) =
        always.chain(here).find(|((known, name, _), _)| *known == kind && *name == key)?;
    Some(WithoutEffect { harmless, place })
}

/// Whether sections of this kind have no effect.
pub(crate) fn section(kind: Kind) -> bool {
    SECTIONS.contains(&kind)
}
