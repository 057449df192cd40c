//! The table of faults, with their codes and names.

use supervisor_core::command::Rejection;
use supervisor_wire::xmlrpc;

/// The kinds of faults, and success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    UnknownMethod,
    IncorrectParameters,
    BadArguments,
    SignatureUnsupported,
    ShutdownState,
    BadName,
    BadSignal,
    NoFile,
    NotExecutable,
    Failed,
    AbnormalTermination,
    SpawnError,
    AlreadyStarted,
    NotRunning,
    AlreadyAdded,
    StillRunning,
    CantReread,
}

/// The status code of success.
pub(super) const SUCCESS: i32 = 80;

impl Kind {
    /// supervisord's code and name.
    const fn row(self) -> (i32, &'static str) {
        match self {
            Self::UnknownMethod => (1, "UNKNOWN_METHOD"),
            Self::IncorrectParameters => (2, "INCORRECT_PARAMETERS"),
            Self::BadArguments => (3, "BAD_ARGUMENTS"),
            Self::SignatureUnsupported => (4, "SIGNATURE_UNSUPPORTED"),
            Self::ShutdownState => (6, "SHUTDOWN_STATE"),
            Self::BadName => (10, "BAD_NAME"),
            Self::BadSignal => (11, "BAD_SIGNAL"),
            Self::NoFile => (20, "NO_FILE"),
            Self::NotExecutable => (21, "NOT_EXECUTABLE"),
            Self::Failed => (30, "FAILED"),
            Self::AbnormalTermination => (40, "ABNORMAL_TERMINATION"),
            Self::SpawnError => (50, "SPAWN_ERROR"),
            Self::AlreadyStarted => (60, "ALREADY_STARTED"),
            Self::NotRunning => (70, "NOT_RUNNING"),
            Self::AlreadyAdded => (90, "ALREADY_ADDED"),
            Self::StillRunning => (91, "STILL_RUNNING"),
            Self::CantReread => (92, "CANT_REREAD"),
        }
    }
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    kind: Kind,
    /// The subject or the reason, if there is one.
    about: Option<String>,
}

impl Fault {
    pub(super) fn new(kind: Kind, about: impl Into<String>) -> Self {
        Self { kind, about: Some(about.into()) }
    }

    /// The fault for a rejected command about `name`.
    pub(crate) fn of(refusal: Rejection, name: &str) -> Self {
        let (kind, about) = match refusal {
            Rejection::BadName => (Kind::BadName, name.to_owned()),
            Rejection::NoFile(why) => (Kind::NoFile, why),
            Rejection::NotExecutable(why) => (Kind::NotExecutable, why),
            Rejection::SpawnError => (Kind::SpawnError, name.to_owned()),
            Rejection::AbnormalTermination => (Kind::AbnormalTermination, name.to_owned()),
            Rejection::AlreadyStarted => (Kind::AlreadyStarted, name.to_owned()),
            Rejection::NotRunning => (Kind::NotRunning, name.to_owned()),
            Rejection::AlreadyAdded => (Kind::AlreadyAdded, name.to_owned()),
            Rejection::StillRunning => (Kind::StillRunning, name.to_owned()),
            Rejection::Unkillable => (Kind::Failed, format!("{name}: {refusal}")),
            Rejection::ShuttingDown => return Kind::ShutdownState.into(),
        };
        Self::new(kind, about)
    }

    pub(crate) const fn code(&self) -> i32 {
        self.kind.row().0
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.kind.row().1
    }

    /// The name, followed by the subject or the reason.
    pub(crate) fn text(&self) -> String {
        let name = self.name();
        self.about.as_ref().map_or_else(|| name.to_owned(), |about| format!("{name}: {about}"))
    }
}

impl From<Kind> for Fault {
    fn from(kind: Kind) -> Self {
        Self { kind, about: None }
    }
}

impl From<Fault> for xmlrpc::Fault {
    fn from(fault: Fault) -> Self {
        Self { code: fault.code(), text: fault.text() }
    }
}
