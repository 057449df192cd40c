//! Checks the credentials of requests.

use hyper::header::{AUTHORIZATION, CONNECTION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use supervisor_config::Credentials;
use supervisor_wire::http::basic_auth::{self, Refusal};

use super::{Body, error_page};

/// The response to a request with these headers if its credentials are not accepted.
pub(super) fn refusal(
    credentials: Option<&Credentials>,
    headers: &HeaderMap,
) -> Option<Response<Body>> {
    let Credentials { username, password } = credentials?;
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    match basic_auth::check(given, basic_auth::Credentials { username, password }) {
        Ok(()) => None,
        Err(Refusal::Undecodable) => Some(error_page(StatusCode::BAD_REQUEST)),
        Err(Refusal::Missing | Refusal::Wrong) => {
            let mut refused = error_page(StatusCode::UNAUTHORIZED);
            let realm = HeaderValue::from_static("Basic realm=\"default\"");
            refused.headers_mut().insert(WWW_AUTHENTICATE, realm);
            refused.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            Some(refused)
        }
    }
}
