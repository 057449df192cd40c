//! The page for people.

use hyper::body::Bytes;
use hyper::{Request, Response, StatusCode};

use crate::control::Control;
use crate::http::{Body, error_page};

/// Answers a request to a server of ours that isn't for programs.
pub(crate) async fn answer(control: &Control, request: Request<Bytes>) -> Response<Body> {
    let _ = (control, request);
    error_page(StatusCode::NOT_FOUND)
}
