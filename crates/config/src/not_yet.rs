//! Options that are understood and checked, but that this version doesn't act on.
//!
//! Each row that goes is a feature that came.

use crate::options::Kind;

/// Options without effect, and the value with which that makes no difference.
const OPTIONS: [(Kind, &str, Option<&str>); 18] = [
    (Kind::Supervisord, "umask", None),
    (Kind::Supervisord, "nodaemon", Some("true")),
    (Kind::Supervisord, "silent", Some("false")),
    (Kind::Supervisord, "minfds", None),
    (Kind::Supervisord, "minprocs", None),
    (Kind::Supervisord, "nocleanup", Some("false")),
    (Kind::Supervisord, "childlogdir", None),
    (Kind::Supervisord, "user", None),
    (Kind::Supervisord, "directory", None),
    (Kind::Supervisord, "strip_ansi", Some("false")),
    (Kind::Supervisord, "identifier", Some("supervisor")),
    (Kind::Program, "stdout_capture_maxbytes", Some("0")),
    (Kind::Program, "stderr_capture_maxbytes", Some("0")),
    (Kind::Program, "stdout_events_enabled", Some("false")),
    (Kind::Program, "stderr_events_enabled", Some("false")),
    (Kind::Program, "stdout_syslog", Some("false")),
    (Kind::Program, "stderr_syslog", Some("false")),
    (Kind::Program, "serverurl", Some("AUTO")),
];

/// Kinds of sections without effect.
const SECTIONS: [Kind; 5] = [
    Kind::EventListener,
    Kind::FcgiProgram,
    Kind::UnixHttpServer,
    Kind::InetHttpServer,
    Kind::RpcInterface,
];

/// If this option has no effect: the value with which that makes no difference.
pub(crate) fn option(kind: Kind, key: &str) -> Option<Option<&'static str>> {
    let row = OPTIONS.iter().find(|(known, name, _)| *known == kind && *name == key)?;
    Some(row.2)
}

/// Whether sections of this kind have no effect.
pub(crate) fn section(kind: Kind) -> bool {
    SECTIONS.contains(&kind)
}
