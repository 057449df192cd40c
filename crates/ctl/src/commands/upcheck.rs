//! Checks whether a daemon answers and has a supported API version.

use supervisor_wire::xmlrpc::Value;

use crate::answer;
use crate::error::CtlError;
use crate::fault;
use crate::session::{GENERIC, Session};

/// The supported version of the API.
const API_VERSION: &str = "3.0";

const UNIMPLEMENTED: u8 = 3;
const INSUFFICIENT_PRIVILEGES: u8 = 4;
const NOT_INSTALLED: u8 = 5;
const NOT_RUNNING: u8 = 7;

/// The reason why no other call is possible: the message and the exit status.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfit {
    pub(super) status: u8,
    pub(super) text: String,
}

impl Session<'_> {
    /// Whether a supported daemon answers; if not, prints the reason.
    pub(super) fn is_up(&mut self) -> Result<bool, CtlError> {
        match self.unfit()? {
            None => Ok(true),
            Some(unfit) => self.fail(unfit.status, &unfit.text).map(|()| false),
        }
    }

    /// Returns the reason instead of printing it.
    pub(super) fn unfit(&mut self) -> Result<Option<Unfit>, CtlError> {
        let version = self.call("getVersion", &[]);
        judge(version, self.remote.url()).inspect_err(|_| self.status = GENERIC)
    }
}

fn judge(version: Result<Value, CtlError>, url: &str) -> Result<Option<Unfit>, CtlError> {
    let unfit = |status, text: String| Ok(Some(Unfit { status, text }));
    match version {
        Ok(version) => match answer::text(&version)?.as_str() {
            API_VERSION => Ok(None),
            other => unfit(
                NOT_INSTALLED,
                format!(
                    "Sorry, this version of supervisorctl expects to talk to a server with API \
                     version {API_VERSION}, but the remote version is {other}."
                ),
            ),
        },
        Err(trouble) if trouble.is_fault(fault::UNKNOWN_METHOD) => unfit(
            UNIMPLEMENTED,
            "Sorry, supervisord responded but did not recognize the supervisor namespace commands \
             that supervisorctl uses to control it.  Please check that the \
             [rpcinterface:supervisor] section is enabled in the configuration file (see \
             sample.conf)."
                .to_owned(),
        ),
        Err(trouble) if trouble.is_refused_connection() => {
            unfit(INSUFFICIENT_PRIVILEGES, format!("{url} refused connection"))
        }
        Err(trouble) if trouble.is_missing_socket() => {
            unfit(NOT_RUNNING, format!("{url} no such file"))
        }
        Err(trouble) => Err(trouble),
    }
}
