use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket as Socket};
use std::sync::{Arc, Mutex};

use super::*;

/// A name server's answer to a question: nothing, or these flags and records.
type Answers = fn(&str, Family) -> Option<(u16, Vec<IpAddr>)>;

const NO_SUCH_NAME: u16 = 3;
const SERVER_FAILURE: u16 = 2;
const TRUNCATED: u16 = 0x0200;

/// A name server, and the names that it was asked for.
fn server(answers: Answers) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut message = [0; LONGEST_ANSWER];
        while let Ok((length, from)) = socket.recv_from(&mut message) {
            let (name, family) = question_in(&message[..length]);
            heard.lock().unwrap().push(format!("{name} {family:?}"));
            let Some((flags, records)) = answers(&name, family) else { continue };
            // Noise comes first.
            socket.send_to(b"noise", from).unwrap();
            socket.send_to(&reply(&message[..length], flags, &records), from).unwrap();
        }
    });
    (address, asked)
}

fn question_in(message: &[u8]) -> (String, Family) {
    let (mut name, mut rest) = (Vec::new(), &message[12..]);
    while rest[0] > 0 {
        let (label, after) = rest[1..].split_at(rest[0].into());
        name.push(String::from_utf8(label.to_vec()).unwrap());
        rest = after;
    }
    (name.join("."), if rest[2] == 1 { Family::V4 } else { Family::V6 })
}

fn reply(question: &[u8], flags: u16, records: &[IpAddr]) -> Vec<u8> {
    let mut reply = question.to_vec();
    reply[2..4].copy_from_slice(&(0x8180 | flags).to_be_bytes());
    reply[7] = records.len().try_into().unwrap();
    for record in records {
        let (kind, data) = match record {
            IpAddr::V4(address) => (1, address.octets().to_vec()),
            IpAddr::V6(address) => (28, address.octets().to_vec()),
        };
        reply.extend([0xc0, 0x0c, 0, kind, 0, 1, 0, 0, 0, 10, 0, data.len().try_into().unwrap()]);
        reply.extend(data);
    }
    reply
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    runtime.unwrap().block_on(future)
}

fn found(servers: &[SocketAddr], names: &[&str]) -> Result<Vec<String>, NoAddress> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let asking =
        Asking { servers: servers.to_vec(), attempts: 2, patience: Duration::from_secs(30) };
    let addresses = block_on(asking.any_of(&names))?;
    Ok(addresses.iter().map(IpAddr::to_string).collect())
}

const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7));

fn knows_web(name: &str, family: Family) -> Option<(u16, Vec<IpAddr>)> {
    Some(match (name, family) {
        ("web.local", Family::V4) => (0, vec![V4]),
        ("web.local", Family::V6) => (0, vec![V6]),
        _ => (NO_SUCH_NAME, Vec::new()),
    })
}

#[test]
fn search_domains_are_tried_in_order_for_both_families() {
    let (server, asked) = server(knows_web);
    assert_eq!(found(&[server], &["web.nowhere", "web.local"]).unwrap(), ["10.0.0.7", "fd00::7"]);
    let mut asked = asked.lock().unwrap().clone();
    asked[..2].sort_unstable();
    asked[2..].sort_unstable();
    assert_eq!(asked, ["web.nowhere V4", "web.nowhere V6", "web.local V4", "web.local V6"]);
    assert_eq!(found(&[server], &["nowhere"]), Err(NoAddress::NoSuchName));
}

#[test]
fn a_name_with_only_ipv6_addresses_is_found() {
    let (server, _) = server(|_, family| match family {
        Family::V4 => Some((0, Vec::new())),
        Family::V6 => Some((0, vec![V6])),
    });
    assert_eq!(found(&[server], &["six"]).unwrap(), ["fd00::7"]);
}

#[test]
fn a_name_server_that_fails_or_is_silent_does_not_hide_the_next() {
    let (fails, _) = server(|_, _| Some((SERVER_FAILURE, Vec::new())));
    let (silent, _) = server(|_, _| None);
    let (knows, _) = server(knows_web);
    let gone = Socket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    for bad in [fails, silent, gone] {
        assert_eq!(found(&[bad, knows], &["web.local"]).unwrap(), ["10.0.0.7", "fd00::7"]);
    }
    assert_eq!(found(&[fails, gone], &["web.local"]), Err(NoAddress::NoAnswer));
}

#[test]
fn a_server_that_answers_for_one_family_is_not_awaited_for_the_other() {
    let (server, _) = server(|_, family| match family {
        Family::V4 => Some((0, vec![V4])),
        Family::V6 => None,
    });
    assert_eq!(found(&[server], &["web"]).unwrap(), ["10.0.0.7"]);
}

#[test]
fn a_truncated_answer_is_requested_again_over_tcp() {
    let (server, _) = server(|_, _| Some((TRUNCATED, Vec::new())));
    let listener = TcpListener::bind(server).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut question = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut question).unwrap();
            let records = match question_in(&question).1 {
                Family::V4 => (1..=100).map(|n| IpAddr::from([10, 0, 1, n])).collect(),
                Family::V6 => Vec::new(),
            };
            let reply = reply(&question, 0, &records);
            let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
            stream.write_all(&length).unwrap();
            stream.write_all(&reply).unwrap();
        }
    });
    assert_eq!(found(&[server], &["many"]).unwrap().len(), 100);
}

#[test]
fn all_addresses_of_a_host_are_tried() {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let stream = block_on(connect("localhost", port)).unwrap();
    assert!(stream.peer_addr().unwrap().is_ipv6());
    drop((stream, listener));
    let refused = block_on(connect("localhost", port)).unwrap_err();
    assert!(
        matches!(&refused, Unreachable::Io(e) if e.kind() == io::ErrorKind::ConnectionRefused),
        "{refused:?}"
    );
}
