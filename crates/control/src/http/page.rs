//! Responses that are not part of the web page: errors and plain text.

use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};

use super::Body;

/// supervisord's page for an error.
pub(crate) fn error(status: StatusCode) -> Response<Body> {
    let (code, reason) = (status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let text = format!(
        "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n\
         <h1>Error response</h1>\r\n<p>Error code {code}.\r\n<p>Message: {reason}.\r\n</body>\r\n"
    );
    let mut page = Response::new(Body::from(text));
    *page.status_mut() = status;
    page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    page
}

/// Rejects a request that a page of another site has sent.
pub(crate) fn other_origin() -> Response<Body> {
    plain(
        StatusCode::FORBIDDEN,
        "Cross-site request rejected. Behind a proxy, forward the Host header or set \
         X-Forwarded-Host.\n",
    )
}

/// Responds with plain text.
pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
