//! Responses to requests that fail: problem details as in [RFC
//! 9457](https://www.rfc-editor.org/rfc/rfc9457).

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use supervisor_core::command::Rejection;

use crate::control::CannotReread;
use crate::http::{Body, Fault, plain};
use crate::operate::CannotUpdate;

/// A problem document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    /// A machine-readable code: supervisord's name of the fault if it has one.
    refusal: &'static str,
    detail: String,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        refusal: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { status, refusal, detail: detail.into() }
    }

    pub(super) fn bad_argument(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_ARGUMENTS", detail)
    }

    /// The program or group does not exist.
    pub(super) fn bad_name(what: &str, name: &str) -> Self {
        let detail = format!("no {what} named '{name}'");
        Self::new(StatusCode::NOT_FOUND, "BAD_NAME", detail)
    }

    pub(super) fn refused(whom: &str, refusal: &Rejection) -> Self {
        let status = match refusal {
            Rejection::BadName => StatusCode::NOT_FOUND,
            Rejection::NoFile(_)
            | Rejection::NotExecutable(_)
            | Rejection::SpawnError
            | Rejection::AbnormalTermination => StatusCode::UNPROCESSABLE_ENTITY,
            Rejection::AlreadyStarted
            | Rejection::NotRunning
            | Rejection::AlreadyAdded
            | Rejection::StillRunning => StatusCode::CONFLICT,
            Rejection::Unkillable => StatusCode::INTERNAL_SERVER_ERROR,
            Rejection::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        };
        let name = Fault::of(refusal.clone(), whom).name();
        Self::new(status, name, format!("{whom}: {refusal}"))
    }

    pub(super) fn response(&self) -> Response<Body> {
        let Self { status, refusal, detail } = self;
        let title = status.canonical_reason().unwrap_or("Error");
        let value = json!({
            "type": "about:blank",
            "title": title,
            "status": status.as_u16(),
            "detail": detail,
            "refusal": refusal,
        });
        let mut response = plain(*status, value.to_string());
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

impl From<CannotReread> for Problem {
    fn from(why: CannotReread) -> Self {
        match why {
            CannotReread::Wrong(message) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "CANT_REREAD", message)
            }
            CannotReread::Refused(refusal) => Self::refused("the configuration", &refusal),
        }
    }
}

impl From<CannotUpdate> for Problem {
    fn from(why: CannotUpdate) -> Self {
        match why {
            CannotUpdate::Read(why) => why.into(),
            CannotUpdate::Group(group, refusal) => Self::refused(&group, &refusal),
        }
    }
}

/// The schema of a problem.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "refusal"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "Explanation of the problem."},
            "refusal": {"type": "string", "description": "Machine-readable code; supervisord's, \
             such as ALREADY_STARTED, if it has one."},
        },
    })
}
