//! Who answers what.

use hyper::body::Bytes;
use hyper::{Request, Response};

use super::serve::House;
use super::{Body, logtail, rpc};
use crate::web;

/// What begins so is a call, whatever follows.
const RPC: &str = "/RPC2";

/// What follows names a process, and perhaps a channel.
const LOGTAIL: &str = "/logtail/";

/// What begins so asks for the supervisor's own log.
const MAIN_LOGTAIL: &str = "/mainlogtail";

/// Answers a request whose sender may enter.
pub(super) async fn answer(house: &House, request: Request<Bytes>) -> Response<Body> {
    let path = decoded(request.uri().path());
    if path.starts_with(RPC) {
        rpc::answer(house, &request).await
    } else if let Some(wanted) = path.strip_prefix(LOGTAIL) {
        logtail::of_process(house, request.method(), wanted)
    } else if path.starts_with(MAIN_LOGTAIL) {
        logtail::of_supervisor(house, request.method())
    } else {
        web::answer(&house.control, request).await
    }
}

/// A path without percent signs. What they hide and isn't UTF-8 becomes U+FFFD.
pub(crate) fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let hidden = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        (bytes, rest) = match hidden {
            Some((high, low)) => (pushed(bytes, high << 4 | low), &after[2..]),
            None => (pushed(bytes, *first), after),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn pushed(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_freed_of_percent_signs() {
        for (path, plain) in [
            ("/logtail/a%3Ab", "/logtail/a:b"),
            ("/%C3%A9", "/é"),
            ("/100%", "/100%"),
            ("/%zz%4", "/%zz%4"),
            ("/%ff", "/\u{fffd}"),
        ] {
            assert_eq!(decoded(path), plain);
        }
    }
}
