//! Resolves host names and connects to them, for the daemon and for supervisorctl.
//!
//! It reads `/etc/hosts`, then asks the name servers in `/etc/resolv.conf`. Both files are read for
//! each name, and no answer is cached, because a service may move to another address. All sockets
//! belong to the event loop: the C library's resolver would block, and linked statically it would
//! load plug-ins of the host.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use supervisor_wire::dns::{self, Answer, Family, LONGEST_ANSWER, Resolver};
use supervisor_wire::system::hosts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::io::bounded_read::bounded_read;

/// The port of name servers.
const PORT: u16 = 53;

/// Time after which the next name server is asked as well.
const NEXT_SERVER: Duration = Duration::from_secs(1);

/// Time after which the next address is tried as well, as [RFC
/// 8305](https://www.rfc-editor.org/rfc/rfc8305#section-5) recommends.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// Time for which the addresses of one family wait for those of the other: some name servers never
/// answer a query for AAAA records.
const OTHER_FAMILY: Duration = Duration::from_secs(1);

/// The reason why a connection failed.
#[derive(Debug)]
pub enum Unreachable {
    /// The name does not exist.
    UnknownName(String),
    /// No name server answered.
    NoNameServer(String),
    /// The error of the last address that was tried.
    Io(io::Error),
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName(host) => {
                write!(f, "{host} was found neither in /etc/hosts nor in DNS")
            }
            Self::NoNameServer(host) => {
                write!(f, "{host} is not in /etc/hosts, and no name server answers")
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl From<Unreachable> for io::Error {
    fn from(unreachable: Unreachable) -> Self {
        match unreachable {
            Unreachable::Io(error) => error,
            unknown @ (Unreachable::UnknownName(_) | Unreachable::NoNameServer(_)) => {
                Self::new(io::ErrorKind::NotFound, unknown.to_string())
            }
        }
    }
}

/// Connects to a name or an address. All addresses of a name are tried, the next as soon as one
/// refuses or is slow. The caller limits the time.
pub async fn connect(host: &str, port: u16) -> Result<TcpStream, Unreachable> {
    let addresses = addresses(host).await?;
    let attempts = addresses.into_iter().map(|ip| TcpStream::connect(SocketAddr::new(ip, port)));
    match staggered(attempts, NEXT_ADDRESS).await {
        Some(connected) => connected.map_err(Unreachable::Io),
        None => Err(Unreachable::UnknownName(host.to_owned())),
    }
}

/// The addresses of a name, at least one; or `host` itself if it is an address.
pub async fn addresses(host: &str) -> Result<Vec<IpAddr>, Unreachable> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let known = hosts::addresses(&file("/etc/hosts"), host);
    if !known.is_empty() {
        return Ok(known);
    }
    let resolver = Resolver::read(&file("/etc/resolv.conf"));
    let servers = resolver.servers.iter().map(|server| SocketAddr::new(*server, PORT)).collect();
    Asking { servers, attempts: resolver.attempts, patience: resolver.timeout }
        .any_of(&resolver.candidates(host))
        .await
        .map_err(|known_by_nobody| match known_by_nobody {
            NoAddress::NoSuchName => Unreachable::UnknownName(host.to_owned()),
            NoAddress::NoAnswer => Unreachable::NoNameServer(host.to_owned()),
        })
}

/// The content of a system file; empty if it does not exist.
fn file(path: &str) -> Vec<u8> {
    bounded_read(Path::new(path), Duration::ZERO).unwrap_or_default()
}

/// The reason why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoAddress {
    NoSuchName,
    NoAnswer,
}

/// The settings for queries.
#[derive(Debug)]
struct Asking {
    servers: Vec<SocketAddr>,
    /// The number of attempts for each server.
    attempts: usize,
    /// The timeout for one server.
    patience: Duration,
}

type Found = Result<Vec<IpAddr>, NoAddress>;

/// A query for one address family, and its result.
struct Asked<'a> {
    question: Pin<Box<dyn Future<Output = Found> + Send + 'a>>,
    answer: Option<Found>,
}

impl Asking {
    /// The addresses of the first of these names that has any.
    async fn any_of(&self, names: &[String]) -> Found {
        let mut why = NoAddress::NoSuchName;
        for name in names {
            match self.both_families(name).await {
                Ok(addresses) => return Ok(addresses),
                Err(NoAddress::NoAnswer) => why = NoAddress::NoAnswer,
                Err(NoAddress::NoSuchName) => {}
            }
        }
        Err(why)
    }

    async fn both_families(&self, name: &str) -> Found {
        let mut asked = [Family::V4, Family::V6]
            .map(|family| Asked { question: Box::pin(self.family(name, family)), answer: None });
        let found = |asked: &[Asked<'_>]| {
            asked.iter().any(|one| matches!(&one.answer, Some(Ok(found)) if !found.is_empty()))
        };
        settle(&mut asked, found).await;
        if found(&asked) {
            // Without the other family it goes as well.
            let _ = timeout(OTHER_FAMILY, settle(&mut asked, |_| false)).await;
        }
        let answers = || asked.iter().filter_map(|one| one.answer.as_ref());
        let all: Vec<IpAddr> = answers().flatten().flatten().copied().collect();
        if !all.is_empty() {
            Ok(all)
        } else if answers().any(|answer| *answer == Err(NoAddress::NoAnswer)) {
            Err(NoAddress::NoAnswer)
        } else {
            Err(NoAddress::NoSuchName)
        }
    }

    async fn family(&self, name: &str, family: Family) -> Found {
        let servers = (0..self.attempts).flat_map(|_| &self.servers);
        let attempts = servers.map(|server| self.server(*server, name, family));
        match staggered(attempts, NEXT_SERVER.min(self.patience)).await {
            Some(Ok(Answer::Addresses(addresses))) => Ok(addresses),
            Some(Ok(Answer::NoSuchName)) => Err(NoAddress::NoSuchName),
            Some(Ok(Answer::Truncated | Answer::Failure) | Err(_)) | None => {
                Err(NoAddress::NoAnswer)
            }
        }
    }

    /// Queries one server. A server that cannot answer is an error, because another server may know
    /// the name.
    async fn server(&self, server: SocketAddr, name: &str, family: Family) -> io::Result<Answer> {
        let mut id = [0; 2];
        rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())?;
        let Some(question) = dns::question(u16::from_ne_bytes(id), name, family) else {
            return Ok(Answer::NoSuchName);
        };
        let asked = async {
            match by_datagram(server, &question).await? {
                Answer::Truncated => by_stream(server, &question).await,
                answer @ (Answer::Addresses(_) | Answer::NoSuchName | Answer::Failure) => {
                    Ok(answer)
                }
            }
        };
        match timeout(self.patience, asked).await {
            Ok(Ok(Answer::Failure | Answer::Truncated)) => Err(io::ErrorKind::InvalidData.into()),
            Ok(answer) => answer,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

async fn by_datagram(server: SocketAddr, question: &[u8]) -> io::Result<Answer> {
    let any = match server {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    // Not in the future itself, which is moved about on the stack.
    let mut message = vec![0; LONGEST_ANSWER];
    loop {
        let length = socket.recv(&mut message).await?;
        // A message with another destination does not end the wait for the answer.
        if let Some(answer) = dns::answer(question, &message[..length]) {
            return Ok(answer);
        }
    }
}

/// Queries a server over TCP. The length precedes each message ([RFC
/// 1035](https://www.rfc-editor.org/rfc/rfc1035#section-4.2.2)).
async fn by_stream(server: SocketAddr, question: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], question].concat()).await?;
    let mut message = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut message).await?;
    dns::answer(question, &message).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Waits until all queries have results, or until `enough` accepts the results.
async fn settle(asked: &mut [Asked<'_>], enough: impl Fn(&[Asked<'_>]) -> bool) {
    poll_fn(|context| {
        for one in asked.iter_mut().filter(|one| one.answer.is_none()) {
            if let Poll::Ready(answer) = one.question.as_mut().poll(context) {
                one.answer = Some(answer);
            }
        }
        if asked.iter().all(|one| one.answer.is_some()) || enough(asked) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Starts the attempts one after the other, the next as soon as one fails or `pause` has passed.
/// Returns the first success, otherwise the last failure. `None`: there were no attempts.
async fn staggered<T, E, F: Future<Output = Result<T, E>>>(
    attempts: impl Iterator<Item = F>,
    pause: Duration,
) -> Option<Result<T, E>> {
    let mut attempts = attempts.fuse();
    let mut under_way: Vec<Pin<Box<F>>> = Vec::new();
    let mut failure = None;
    loop {
        let next = attempts.next();
        let may_be_more = next.is_some();
        under_way.extend(next.map(Box::pin));
        if under_way.is_empty() {
            return failure.map(Err);
        }
        let settled = poll_fn(|context| {
            let mut all = under_way.iter_mut().enumerate();
            let ready = all.find_map(|(at, attempt)| match attempt.as_mut().poll(context) {
                Poll::Ready(result) => Some((at, result)),
                Poll::Pending => None,
            });
            ready.map_or(Poll::Pending, Poll::Ready)
        });
        let settled =
            if may_be_more { timeout(pause, settled).await.ok() } else { Some(settled.await) };
        match settled {
            Some((_, Ok(value))) => return Some(Ok(value)),
            Some((at, Err(error))) => {
                drop(under_way.remove(at));
                failure = Some(error);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
