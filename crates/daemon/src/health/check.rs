//! Carries out one check.

use std::time::Duration;

use supervisor_core::health::{CheckAnswer, CheckFailure, Depth, Listener};
use supervisor_core::ids::Pid;
use supervisor_core::spec::health::{HttpGet, Probe};
use tokio::time::timeout;

use super::command::{self, Runner};
use super::connect::{Peer, connect};
use super::http::Reached;
use super::{http, listener};

/// The maximum number of bytes of a response body that are searched.
const BODY_LIMIT: usize = 1024 * 1024;

/// The statuses of a healthy server, unless the user sets others.
const GOOD: std::ops::RangeInclusive<u16> = 200..=399;

/// The target of a check, and the request.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) probe: Probe,
    /// The time limit of the check.
    pub(crate) limit: Duration,
    /// Whether to find out which process answers; the main process of the program.
    pub(crate) find_listener: bool,
    pub(crate) main: Option<Pid>,
}

/// Carries out the check once.
pub(crate) async fn check(asked: Asked, runner: Runner) -> Result<CheckAnswer, CheckFailure> {
    let Asked { probe, limit, find_listener, main } = asked;
    let (depth, peer) = match probe {
        // `succeeds` keeps the time limit itself, because it also kills the command.
        Probe::Command(words) => {
            command::succeeds(words, limit, runner).await?;
            (Depth::Whole, None)
        }
        Probe::Http { get, status, body } => {
            let answered = timeout(limit, answers(&get, status.as_deref(), body.as_deref()));
            answered.await.unwrap_or(Err(CheckFailure::TimedOut))?
        }
        Probe::Tcp { host, port } => {
            let connected = timeout(limit, connect(&host, port)).await;
            let (_, peer) = connected.unwrap_or(Err(CheckFailure::TimedOut))?;
            (Depth::Whole, Some(peer))
        }
    };
    let from = match peer.filter(|_| find_listener) {
        Some(peer) => listener::find(peer, main).await,
        None => Listener::Unseen,
    };
    Ok(CheckAnswer { from, depth })
}

async fn answers(
    get: &HttpGet,
    status: Option<&[u16]>,
    body: Option<&str>,
) -> Result<(Depth, Option<Peer>), CheckFailure> {
    let (reached, peer) = http::get(get, BODY_LIMIT).await?;
    let depth = reached.depth();
    if let Reached::Page(page) = reached {
        let good = status.map_or_else(|| GOOD.contains(&page.status), |s| s.contains(&page.status));
        if !good {
            return Err(CheckFailure::Status(page.status));
        }
        if body.is_some_and(|text| !holds(&page.body, text.as_bytes())) {
            return Err(CheckFailure::Body);
        }
    }
    Ok((depth, peer))
}

/// Whether `text` occurs in `bytes`.
fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len().max(1)).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::rc::Rc;

    use supervisor_config::LogFormat;
    use supervisor_core::spec::Launch;
    use supervisor_core::spec::health::{HttpServer, HttpUrl, Scheme};

    use super::*;
    use crate::capture::journal::{Journal, Style};

    fn ask(probe: Probe, limit: Duration) -> Result<(), CheckFailure> {
        answer(probe, limit).map(|_| ())
    }

    fn answer(probe: Probe, limit: Duration) -> Result<CheckAnswer, CheckFailure> {
        let runner = Runner {
            helpers: Rc::default(),
            checker: Rc::default(),
            launch: Launch::as_supervisor(Vec::new()),
            environment: Vec::new(),
            name: "app".to_owned(),
            journal: Rc::new(Journal::new(Style::Complaints, LogFormat::Text)),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let main = Some(Pid(std::process::id().cast_signed()));
        runtime.block_on(check(Asked { probe, limit, find_listener: true, main }, runner))
    }

    fn get(server: HttpServer, path: &str) -> HttpGet {
        HttpGet::new(HttpUrl { scheme: Scheme::Http, server, path: path.to_owned() })
    }

    /// The result of a check for a body that contains `ok`. The server reads the request and then
    /// does as `answer` does.
    fn asked(
        limit: Duration,
        answer: impl FnOnce(TcpStream) + Send + 'static,
    ) -> Result<(), CheckFailure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = Vec::new();
            while !question.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                question.push(byte[0]);
            }
            assert!(question.starts_with(b"GET /health HTTP/1.1\r\n"), "{question:?}");
            answer(stream);
        });
        let server_is = HttpServer::Tcp { host: "127.0.0.1".to_owned(), port };
        let get = get(server_is, "/health");
        let result = ask(Probe::Http { get, status: None, body: Some("ok".to_owned()) }, limit);
        server.join().unwrap();
        result
    }

    const PATIENCE: Duration = Duration::from_secs(30);

    fn written(bytes: &'static [u8]) -> Result<(), CheckFailure> {
        asked(PATIENCE, move |mut stream| stream.write_all(bytes).unwrap())
    }

    #[test]
    fn a_response_passes_or_fails_for_one_of_these_reasons() {
        assert_eq!(written(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), Ok(()));
        assert_eq!(written(b"HTTP/1.0 301 Moved\r\n\r\nall is ok"), Ok(()));
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
        assert_eq!(written(chunked), Ok(()));
        assert_eq!(written(b"HTTP/1.1 404 No\r\n\r\nok"), Err(CheckFailure::Status(404)));
        assert_eq!(written(b"HTTP/1.1 200 OK\r\n\r\nno"), Err(CheckFailure::Body));
        assert_eq!(written(b"SSH-2.0-server\r\n"), Err(CheckFailure::Broken));
        assert_eq!(written(b""), Err(CheckFailure::Broken));
        let torn = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok";
        assert_eq!(written(torn), Err(CheckFailure::Broken));
    }

    #[test]
    fn an_endless_response_is_read_up_to_a_limit() {
        let endless = |head: &'static [u8], more: &'static [u8]| {
            move |mut stream: TcpStream| {
                let _ = stream.write_all(head);
                while stream.write_all(more).is_ok() {}
            }
        };
        let head = endless(b"HTTP/1.1 200 OK\r\nX: ", &[b'x'; 1000]);
        assert_eq!(asked(PATIENCE, head), Err(CheckFailure::Broken));
        let body = endless(b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 1000]);
        assert_eq!(asked(PATIENCE, body), Err(CheckFailure::Body));
    }

    #[test]
    fn the_whole_response_must_arrive_in_time() {
        let (keep, kept) = std::sync::mpsc::channel();
        for part in [&b""[..], b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"] {
            let keep = keep.clone();
            let result = asked(Duration::from_millis(100), move |mut stream| {
                stream.write_all(part).unwrap();
                keep.send(stream).unwrap();
            });
            assert_eq!(result, Err(CheckFailure::TimedOut), "{part:?}");
        }
        drop(kept);
    }

    #[test]
    fn a_server_without_a_listener_refuses_connections() {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let tcp = |host: &str| ask(Probe::Tcp { host: host.to_owned(), port }, PATIENCE);
        assert_eq!(tcp("127.0.0.1"), Err(CheckFailure::Refused));
        assert_eq!(tcp("no-such-host.invalid"), Err(CheckFailure::Unresolved));
        let server = HttpServer::Unix("/no/such/socket".into());
        let get = get(server, "/");
        let gone = ask(Probe::Http { get, status: None, body: None }, PATIENCE);
        assert_eq!(gone, Err(CheckFailure::Refused));
    }
}
