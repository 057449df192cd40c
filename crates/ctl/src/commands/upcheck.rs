//! Whether there is a daemon at all, and one that can be understood.

use supervisor_wire::xmlrpc::Value;

use crate::answer;
use crate::error::CtlError;
use crate::fault;
use crate::session::{GENERIC, Session};

/// The version of the API that is spoken here.
const API_VERSION: &str = "3.0";

const UNIMPLEMENTED: u8 = 3;
const INSUFFICIENT_PRIVILEGES: u8 = 4;
const NOT_INSTALLED: u8 = 5;
const NOT_RUNNING: u8 = 7;

/// What speaks against asking anything more: what to say, and with which status.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfit {
    pub(super) status: u8,
    pub(super) text: String,
}

impl Session<'_> {
    /// Whether a daemon is there that speaks our language; if not, that has been said.
    pub(super) fn is_up(&mut self) -> Result<bool, CtlError> {
        match self.unfit()? {
            None => Ok(true),
            Some(unfit) => self.fail(unfit.status, &unfit.text).map(|()| false),
        }
    }

    /// The same, and the caller says it.
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
