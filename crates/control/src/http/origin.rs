//! Checks that a request that changes something comes from one of our pages, or from no page.
//! Browsers also send the requests of other sites' pages, with the user's password.

use hyper::HeaderMap;
use hyper::header::{AsHeaderName, HOST, ORIGIN, REFERER};

/// Whether the request may be carried out.
///
/// A modern browser sends the site of the page in a header. Other browsers send the page's
/// address, whose host must be the host of the request, or the host that a proxy received.
/// Programs send neither.
pub(crate) fn is_own(headers: &HeaderMap) -> bool {
    if let Some(site) = text(headers, "sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(page) = text(headers, ORIGIN).or_else(|| text(headers, REFERER)) else {
        // A header that is present but cannot be read does not come from one of our pages.
        return !headers.contains_key(ORIGIN) && !headers.contains_key(REFERER);
    };
    let Some(asker) = authority(page) else { return false };
    let hosts = [text(headers, HOST), text(headers, "x-forwarded-host")];
    hosts.into_iter().flatten().any(|host| is_same(asker, host))
}

fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Scheme, host and port of a URL.
fn authority(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    Some((scheme, rest.split(['/', '?', '#']).next()?))
}

/// Whether both are the same host. The scheme's default port may be written or omitted.
fn is_same((scheme, asker): (&str, &str), host: &str) -> bool {
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |name: &str| name.strip_suffix(port).unwrap_or(name).to_ascii_lowercase();
    !asker.is_empty() && bare(asker) == bare(host)
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn own(headers: &[(&str, &str)]) -> bool {
        let entry = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
        };
        is_own(&headers.iter().map(entry).collect())
    }

    #[test]
    fn a_request_without_an_origin_is_accepted() {
        assert!(own(&[]));
        assert!(own(&[("host", "localhost:9001")]));
    }

    #[test]
    fn an_own_page_has_the_host_of_the_request() {
        let host = ("host", "Box:9001");
        assert!(own(&[host, ("origin", "http://box:9001")]));
        assert!(own(&[host, ("referer", "http://box:9001/index.html?x#y")]));
        assert!(own(&[("host", "box"), ("origin", "http://box:80")]));
        assert!(own(&[("host", "box:443"), ("origin", "https://box")]));
        for stranger in ["http://evil.example", "http://box:9002", "null", "file:///x", "http://"] {
            assert!(!own(&[host, ("origin", stranger)]), "{stranger}");
            assert!(!own(&[host, ("referer", stranger)]), "{stranger}");
        }
        assert!(!own(&[("origin", "http://box:9001")]), "asked for no host");
        assert!(!own(&[host, ("referer", "http://box:9001"), ("origin", "http://evil.example")]));
    }

    #[test]
    fn an_own_page_may_have_the_forwarded_host() {
        let (host, outside) = (("host", "127.0.0.1:9001"), ("x-forwarded-host", "ops.example"));
        assert!(own(&[host, outside, ("origin", "https://ops.example")]));
        assert!(!own(&[host, outside, ("origin", "https://evil.example")]));
    }

    #[test]
    fn sec_fetch_site_overrides_origin_and_host() {
        let host = ("host", "127.0.0.1:9001");
        let origin = ("origin", "https://ops.example");
        assert!(own(&[host, origin, ("sec-fetch-site", "same-origin")]));
        assert!(own(&[host, ("sec-fetch-site", "none")]), "typed by the user");
        assert!(!own(&[host, ("sec-fetch-site", "cross-site")]));
        assert!(!own(&[host, ("sec-fetch-site", "same-site")]));
    }
}
