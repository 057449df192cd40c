//! [`/etc/hosts`](https://man7.org/linux/man-pages/man5/hosts.5.html).

use std::net::Ipv4Addr;

/// The first IPv4 address that `file` has for a name.
#[must_use]
pub fn ipv4(file: &[u8], name: &str) -> Option<Ipv4Addr> {
    String::from_utf8_lossy(file).lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_found_and_comments_are_not() {
        let file = b"::1 box\n# 10.0.0.9 box\n10.0.0.1\tbox.local Box # other\n10.0.0.2 box\n";
        assert_eq!(ipv4(file, "box"), Some(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(ipv4(file, "other"), None);
        assert_eq!(ipv4(b"junk \xff", "junk"), None);
    }
}
