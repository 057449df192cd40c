//! What is shown when something can't be.

use hyper::header::{CONTENT_TYPE, HeaderValue};
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
