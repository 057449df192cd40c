//! Resolves host names: queries to a [name
//! server](https://www.rfc-editor.org/rfc/rfc1035#section-4), their responses, and the name
//! servers in [`/etc/resolv.conf`](https://man7.org/linux/man-pages/man5/resolv.conf.5.html).
//!
//! A statically linked C library must not resolve names, because it would load plug-ins of the
//! host system.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Maximum number of name servers, as in the C library.
pub const MOST_SERVERS: usize = 3;

/// Maximum size of a UDP response, in bytes.
pub const LONGEST_ANSWER: usize = 512;

/// Maximum number of records that are read in a response, which may contain loops.
const MOST_RECORDS: usize = 128;

const LONGEST_LABEL: usize = 63;
const LONGEST_NAME: usize = 253;

/// Upper limits of `options timeout:` and `options attempts:`, as in the C library.
const MOST_SECONDS: u64 = 30;
const MOST_ATTEMPTS: usize = 5;

const TYPE_A: u16 = 1;
/// [RFC 3596](https://www.rfc-editor.org/rfc/rfc3596#section-2.1).
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;

/// The flag "recursion desired".
const RECURSION_DESIRED: u16 = 0x0100;
const IS_ANSWER: u16 = 0x8000;
const TRUNCATED: u16 = 0x0200;
const CODE: u16 = 0x000f;
const NO_SUCH_NAME: u16 = 3;

/// The settings in `/etc/resolv.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// Name servers, in the order in which to query them.
    pub servers: Vec<IpAddr>,
    /// Domains to append to a name.
    search: Vec<String>,
    /// Number of dots that make a name complete.
    ndots: usize,
    /// Time limit for a response.
    pub timeout: Duration,
    /// Number of queries to each server.
    pub attempts: usize,
}

impl Resolver {
    /// Parses the file. If it names no server, the local host is queried.
    #[must_use]
    pub fn read(file: &[u8]) -> Self {
        let mut resolver = Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
        };
        for line in String::from_utf8_lossy(file).lines() {
            let mut words = line.split(['#', ';']).next().unwrap_or_default().split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    resolver.servers.extend(words.find_map(|word| word.parse::<IpAddr>().ok()))
                }
                Some("search" | "domain") => {
                    resolver.search = words.map(|word| word.trim_matches('.').to_owned()).collect();
                }
                Some("options") => words.for_each(|word| resolver.option(word)),
                Some(_) | None => {}
            }
        }
        resolver.servers.truncate(MOST_SERVERS);
        if resolver.servers.is_empty() {
            resolver.servers.push(Ipv4Addr::LOCALHOST.into());
        }
        resolver
    }

    fn option(&mut self, word: &str) {
        let Some((name, Ok(value))) =
            word.split_once(':').map(|(name, value)| (name, value.parse::<u16>()))
        else {
            return;
        };
        match name {
            "ndots" => self.ndots = value.into(),
            "timeout" => {
                self.timeout = Duration::from_secs(u64::from(value).clamp(1, MOST_SECONDS));
            }
            "attempts" => self.attempts = usize::from(value).clamp(1, MOST_ATTEMPTS),
            _ => {}
        }
    }

    /// The complete names for `name`, in the order in which to try them.
    #[must_use]
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(complete) = name.strip_suffix('.') {
            return vec![complete.to_owned()];
        }
        let mut all: Vec<_> = self.search.iter().map(|domain| format!("{name}.{domain}")).collect();
        let complete = name.matches('.').count() >= self.ndots;
        all.insert(if complete { 0 } else { all.len() }, name.to_owned());
        all
    }
}

/// The kind of addresses to query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A records.
    V4,
    /// AAAA records.
    V6,
}

impl Family {
    const fn record_type(self) -> u16 {
        match self {
            Self::V4 => TYPE_A,
            Self::V6 => TYPE_AAAA,
        }
    }
}

/// The response of a name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Addresses of the name; empty if the name has only other records.
    Addresses(Vec<IpAddr>),
    /// The addresses do not fit, and none was sent. A query over TCP returns them.
    Truncated,
    /// The name does not exist.
    NoSuchName,
    /// The server returned an error.
    Failure,
}

/// The query for a name's addresses. `None`: the name is invalid.
#[must_use]
pub fn question(id: u16, name: &str, family: Family) -> Option<Vec<u8>> {
    if name.is_empty() || name.len() > LONGEST_NAME {
        return None;
    }
    let mut message = Vec::new();
    for number in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
        message.extend(number.to_be_bytes());
    }
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok()?;
        if label.is_empty() || label.len() > LONGEST_LABEL {
            return None;
        }
        message.push(length);
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(family.record_type().to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    Some(message)
}

/// Parses the response to the query with this id. `None`: the bytes are not a response to it.
#[must_use]
pub fn answer(question: &[u8], message: &[u8]) -> Option<Answer> {
    let mut rest = message;
    let id = question.get(..2)?;
    if number(&mut rest)?.to_be_bytes() != id {
        return None;
    }
    let flags = number(&mut rest)?;
    let (questions, answers) = (number(&mut rest)?, number(&mut rest)?);
    skip(&mut rest, 4)?;
    if flags & IS_ANSWER == 0 || questions != 1 {
        return None;
    }
    // The response must repeat the question, so a forger must guess it as well as the id.
    let asked = question.get(12..)?;
    if !rest.get(..asked.len())?.eq_ignore_ascii_case(asked) {
        return None;
    }
    skip(&mut rest, asked.len())?;
    match flags & CODE {
        0 => {}
        NO_SUCH_NAME => return Some(Answer::NoSuchName),
        _ => return Some(Answer::Failure),
    }
    let kind =
        u16::from_be_bytes(asked.get(asked.len().checked_sub(4)?..)?.get(..2)?.try_into().ok()?);
    let mut addresses = Vec::new();
    for _ in 0..usize::from(answers).min(MOST_RECORDS) {
        let Some(record) = record(&mut rest, kind) else { break };
        addresses.extend(record);
    }
    if flags & TRUNCATED != 0 && addresses.is_empty() {
        return Some(Answer::Truncated);
    }
    Some(Answer::Addresses(addresses))
}

/// Parses one record: an address, or another type such as an alias.
fn record(rest: &mut &[u8], wanted: u16) -> Option<Option<IpAddr>> {
    skip_name(rest)?;
    let (kind, class) = (number(rest)?, number(rest)?);
    // The time to live.
    skip(rest, 4)?;
    let length = number(rest)?;
    let data = rest.get(..length.into())?;
    skip(rest, length.into())?;
    if kind != wanted || class != CLASS_IN {
        return Some(None);
    }
    Some(match kind {
        TYPE_A => <[u8; 4]>::try_from(data).ok().map(|bytes| Ipv4Addr::from(bytes).into()),
        TYPE_AAAA => <[u8; 16]>::try_from(data).ok().map(|bytes| Ipv6Addr::from(bytes).into()),
        _ => None,
    })
}

fn skip_name(rest: &mut &[u8]) -> Option<()> {
    loop {
        match *rest.first()? {
            0 => return skip(rest, 1),
            // A pointer to the rest of the name.
            0xc0.. => return skip(rest, 2),
            length => skip(rest, usize::from(length) + 1)?,
        }
    }
}

fn number(rest: &mut &[u8]) -> Option<u16> {
    let bytes: [u8; 2] = rest.get(..2)?.try_into().ok()?;
    skip(rest, 2)?;
    Some(u16::from_be_bytes(bytes))
}

fn skip(rest: &mut &[u8], length: usize) -> Option<()> {
    *rest = rest.get(length..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn resolv_conf_sets_name_servers_and_search_domains() {
        let resolver = Resolver::read(
            b"# made by hand\nnameserver 10.0.0.2 ; the one\nnameserver fe80::1\n\
              search a.local. b.local\noptions timeout:1 ndots:2\nnameserver x\n\
              options attempts:99 rotate edns0\n",
        );
        assert_eq!((resolver.timeout, resolver.attempts), (Duration::from_secs(1), 5));
        assert_eq!(
            resolver.servers,
            ["10.0.0.2".parse::<IpAddr>().unwrap(), "fe80::1".parse().unwrap()]
        );
        assert_eq!(resolver.candidates("web"), ["web.a.local", "web.b.local", "web"]);
        assert_eq!(resolver.candidates("a.b.c"), ["a.b.c", "a.b.c.a.local", "a.b.c.b.local"]);
        assert_eq!(resolver.candidates("web."), ["web"]);
        assert_eq!(Resolver::read(b"").servers, [IpAddr::from(Ipv4Addr::LOCALHOST)]);
    }

    #[test]
    fn invalid_host_names_are_not_queried() {
        assert!(question(1, "web.local", Family::V4).is_some());
        for name in ["", ".", "a..b", &"x".repeat(64), &"x.".repeat(127)] {
            assert_eq!(question(1, name, Family::V4), None, "{name}");
        }
    }

    /// An alias record and two address records, as a server writes them.
    fn reply(question: &[u8], flags: u16) -> Vec<u8> {
        let mut reply = question.to_vec();
        reply[2..4].copy_from_slice(&(IS_ANSWER | flags).to_be_bytes());
        reply[7] = 3;
        reply.extend(b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x0a\x00\x04\x01x\xc0\x0c");
        reply.extend(b"\x01x\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x0a\x00\x04\x0a\x00\x00\x01");
        reply.extend(b"\x01x\x00\x00\x01\x00\x01\x00\x00\x00\x0a\x00\x04\x0a\x00\x00\x02");
        reply
    }

    #[test]
    fn addresses_are_found_through_aliases() {
        let asked = question(0x1234, "web.local", Family::V4).unwrap();
        let addresses = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        assert_eq!(answer(&asked, &reply(&asked, 0)), Some(Answer::Addresses(addresses.into())));
        assert_eq!(answer(&asked, &reply(&asked, 3)), Some(Answer::NoSuchName));
        assert_eq!(answer(&asked, &reply(&asked, 2)), Some(Answer::Failure));
    }

    #[test]
    fn an_ipv6_query_takes_only_ipv6_addresses() {
        let asked = question(1, "web.local", Family::V6).unwrap();
        let mut reply = asked.clone();
        reply[2..4].copy_from_slice(&IS_ANSWER.to_be_bytes());
        reply[7] = 2;
        reply.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x0a\x00\x04\x0a\x00\x00\x01");
        reply.extend(b"\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x0a\x00\x10");
        reply.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        let addresses = vec!["fd00::9".parse().unwrap()];
        assert_eq!(answer(&asked, &reply), Some(Answer::Addresses(addresses)));
    }

    #[test]
    fn an_answer_truncated_before_its_first_address_is_requested_again() {
        let asked = question(1, "web.local", Family::V4).unwrap();
        let whole = reply(&asked, TRUNCATED);
        assert!(matches!(answer(&asked, &whole), Some(Answer::Addresses(a)) if a.len() == 2));
        let cut = &whole[..asked.len() + 16];
        assert_eq!(answer(&asked, cut), Some(Answer::Truncated));
    }

    #[test]
    fn an_answer_to_another_question_is_ignored() {
        let asked = question(0x1234, "web.local", Family::V4).unwrap();
        for other in [
            question(0x1235, "web.local", Family::V4).unwrap(),
            question(0x1234, "xeb.local", Family::V4).unwrap(),
        ] {
            assert_eq!(answer(&asked, &reply(&other, 0)), None);
        }
        assert_eq!(answer(&asked, &asked), None);
    }

    proptest! {
        #[test]
        fn no_answer_causes_a_panic(cut in 0_usize..100, at in 0_usize..100, byte: u8) {
            let asked = question(7, "web.local", Family::V4).unwrap();
            let mut reply = reply(&asked, 0);
            let last = reply.len() - 1;
            reply[at.min(last)] = byte;
            reply.truncate(cut);
            let _ = answer(&asked, &reply);
        }
    }
}
