//! [`/etc/hosts`](https://man7.org/linux/man-pages/man5/hosts.5.html).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of a name in the file, in its order. For
/// [`localhost`](https://www.rfc-editor.org/rfc/rfc6761#section-6.3) the result includes the
/// loopback addresses.
#[must_use]
pub fn addresses(file: &[u8], name: &str) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let text = String::from_utf8_lossy(file);
    let known = text.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    });
    let mut addresses: Vec<IpAddr> = Vec::new();
    let last = name.rsplit('.').next().unwrap_or(name);
    let usual = last
        .eq_ignore_ascii_case("localhost")
        .then_some([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    for address in known.chain(usual.into_iter().flatten()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    // IPv4 first, because a server that listens on one family only usually uses IPv4.
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_and_aliases_are_found_and_comments_skipped() {
        let file = b"::1 box\n# 10.0.0.9 box\n10.0.0.1\tbox.local Box # other\n10.0.0.2 box\n";
        let shown = |file, name| {
            let all = addresses(file, name).into_iter().map(|address| address.to_string());
            all.collect::<Vec<_>>()
        };
        assert_eq!(shown(file, "box"), ["10.0.0.1", "10.0.0.2", "::1"]);
        assert_eq!(shown(file, "box.local."), ["10.0.0.1"]);
        assert_eq!(shown(file, "other"), Vec::<String>::new());
        assert_eq!(shown(b"junk \xff", "junk"), Vec::<String>::new());
        assert_eq!(shown(b"127.0.1.1 localhost\n", "localhost"), ["127.0.1.1", "127.0.0.1", "::1"]);
        assert_eq!(shown(b"", "app.LocalHost"), ["127.0.0.1", "::1"]);
    }
}
