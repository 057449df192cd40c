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
    comes_from_us(headers).unwrap_or(false)
}

/// `None`: a header cannot be read or occurs twice. No page of ours causes that.
fn comes_from_us(headers: &HeaderMap) -> Option<bool> {
    if let Some(site) = only(headers, "sec-fetch-site")? {
        return Some(matches!(site, "same-origin" | "none"));
    }
    let (origin, referer) = (only(headers, ORIGIN)?, only(headers, REFERER)?);
    let Some(page) = origin.or(referer) else { return Some(true) };
    let asker = authority(page)?;
    let hosts = [text(headers, HOST), text(headers, "x-forwarded-host")];
    Some(hosts.into_iter().flatten().any(|host| is_same(asker, host)))
}

/// The value of a header that may occur once. `None`: it cannot be read or occurs twice.
fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<Option<&str>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(None),
        (Some(value), None) => value.to_str().ok().map(Some),
        (Some(_), Some(_)) => None,
    }
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
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        };
        let mut all = HeaderMap::new();
        for (name, value) in headers.iter().map(entry) {
            all.append(name, value);
        }
        is_own(&all)
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

    #[test]
    fn a_request_with_contradictory_origin_headers_is_rejected() {
        let (host, own_page) = (("host", "box"), ("origin", "http://box"));
        let (site, stranger) = (("sec-fetch-site", "same-origin"), ("origin", "http://evil"));
        assert!(own(&[host, own_page]) && own(&[host, site]));
        for unclear in [
            [own_page, stranger],
            [own_page, ("referer", "\u{e9}")],
            [own_page, ("sec-fetch-site", "\u{e9}")],
            [site, ("sec-fetch-site", "cross-site")],
        ] {
            assert!(!own(&[host, unclear[0], unclear[1]]), "{unclear:?}");
        }
    }
}
