//! Options without effect in command mode: the supervisor stays in the foreground, logs to stderr
//! and keeps its working directory. For a command that runs once, only a few options have an
//! effect.

use crate::options::{self, OptionDef, SectionKind, limit_options};
use crate::sources::Mode;

/// Options without effect, and the value that needs no warning.
const WITH_A_COMMAND: [(SectionKind, &str, Option<&str>); 3] = [
    (SectionKind::Supervisord, "nodaemon", Some("true")),
    (SectionKind::Supervisord, "silent", Some("false")),
    (SectionKind::Supervisord, "directory", None),
];

/// Options that affect a command that runs once, and whether they also do so under another
/// supervisor, which handles everything before the start.
const ONCE: [(&OptionDef, Below); 15] = [
    (&options::STOPWAITSECS.def, Below::Acts),
    (&options::LEFTOVER_GRACE.def, Below::Acts),
    (&options::LOG_FORMAT_KEY.def, Below::Acts),
    (&options::STATUS_PORT_KEY.def, Below::None),
    (&options::ENV_FILE.def, Below::None),
    (&options::SIGNAL_MAP.def, Below::None),
    (&limit_options::NICE.def, Below::None),
    (&limit_options::OOM_SCORE_ADJ.def, Below::None),
    (&limit_options::NOFILE.def, Below::None),
    (&limit_options::CORE.def, Below::None),
    (&limit_options::MEMLOCK.def, Below::None),
    (&limit_options::STACK.def, Below::None),
    (&limit_options::NPROC.def, Below::None),
    (&options::WAIT_FOR.def, Below::None),
    (&options::WAIT_TIMEOUT.def, Below::None),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    Acts,
    None,
}

/// An option without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WithoutEffect {
    /// The value that makes no difference and needs no warning.
    pub(crate) harmless: Option<&'static str>,
}

/// Returns `Some` if the option has no effect in this mode.
pub(crate) fn option(mode: Mode<'_>, kind: SectionKind, key: &str) -> Option<WithoutEffect> {
    match mode {
        Mode::Command(_) | Mode::Once(_) => {
            let mut rows = WITH_A_COMMAND.iter();
            let (.., harmless) = rows.find(|(of, name, _)| *of == kind && *name == key)?;
            Some(WithoutEffect { harmless: *harmless })
        }
        Mode::File => None,
    }
}

/// The keys of the options that affect a command that runs once.
pub fn keys_once() -> impl Iterator<Item = &'static str> {
    ONCE.iter().map(|(def, _)| def.key)
}

/// Whether this option affects a command that runs once.
pub(crate) fn acts_once(key: &str) -> bool {
    ONCE.iter().any(|(def, _)| def.key == key)
}

/// Whether this option also affects such a command under another supervisor.
pub(crate) fn acts_once_below(key: &str) -> bool {
    ONCE.iter().any(|(def, below)| def.key == key && *below == Below::Acts)
}
