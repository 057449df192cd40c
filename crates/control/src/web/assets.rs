//! Style sheet, script and images of the web page, embedded in the binary.

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use hyper::{HeaderMap, Method, Response, StatusCode};

use crate::http::{Body, error_page, plain};

/// A file that is part of the binary.
struct Asset {
    path: &'static str,
    kind: &'static str,
    content: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        path: "stylesheets/supervisor.css",
        kind: "text/css; charset=utf-8",
        content: include_str!("assets/supervisor.css"),
    },
    Asset {
        path: "scripts/supervisor.js",
        kind: "text/javascript; charset=utf-8",
        content: include_str!("assets/supervisor.js"),
    },
    Asset {
        path: "images/icon.svg",
        kind: "image/svg+xml",
        content: include_str!("assets/icon.svg"),
    },
];

/// The file at `path`, if there is one.
pub(super) fn asset(method: &Method, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let asset = ASSETS.iter().find(|asset| asset.path == path)?;
    if method != Method::GET && method != Method::HEAD {
        return Some(error_page(StatusCode::BAD_REQUEST));
    }
    // Another version of the supervisor may embed another file.
    let tag = format!("\"{:016x}\"", sum(asset.content.as_bytes()));
    let known = headers.get(IF_NONE_MATCH).is_some_and(|known| {
        known.to_str().is_ok_and(|known| known.split(',').any(|one| one.trim() == tag))
    });
    let mut response = if known {
        plain(StatusCode::NOT_MODIFIED, "")
    } else {
        let mut response = plain(StatusCode::OK, asset.content);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
        response
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (ETAG, tag)));
    Some(response)
}

/// FNV-1a hash. Two versions of a file need different values; nothing else is required.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
