//! Headers that every response has, and heads of requests that two programs may read differently.

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;

/// Adds the headers that protect a client in a browser, unless the response has its own: no guess
/// of another type, no copy in a cache, and no display in another page.
pub(super) fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// Whether a proxy may have understood another host or path than the supervisor would: several
/// `Host` headers, or a target without a path.
pub(super) fn is_ambiguous(head: &Parts) -> bool {
    head.headers.get_all(HOST).iter().count() > 1 || head.uri.path().is_empty()
}
