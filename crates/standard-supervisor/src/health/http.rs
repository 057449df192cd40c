//! One GET request. Nothing that a server answers is trusted: it may be ill.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use supervisor_core::health::CheckFailure;
use supervisor_core::spec::health::{HttpGet, HttpServer};
use tokio::net::UnixStream;

use super::connect::{connect, refused};

/// Bytes that an answer's head may have.
const HEAD_LIMIT: usize = 16 * 1024;

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// As much of it as was wanted.
    pub(super) body: Vec<u8>,
    /// There would have been more.
    pub(super) cut: bool,
}

/// Asks a server, and takes so many bytes of its answer. The caller limits the time.
pub(super) async fn get(get: &HttpGet, limit: usize) -> Result<Answer, CheckFailure> {
    match &get.url.server {
        HttpServer::Tcp { host, port } => {
            let stream = connect(host, *port).await?;
            let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            talk(TokioIo::new(stream), &format!("{shown}:{port}"), &get.url.path, limit).await
        }
        HttpServer::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| refused(&error))?;
            talk(TokioIo::new(stream), "localhost", &get.url.path, limit).await
        }
    }
}

async fn talk<S: Read + Write + Unpin + 'static>(
    stream: S,
    host: &str,
    path: &str,
    limit: usize,
) -> Result<Answer, CheckFailure> {
    let broken = |_| CheckFailure::Broken;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_LIMIT);
    let (mut sender, connection) = builder.handshake(stream).await.map_err(broken)?;
    let request = Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, "standard-supervisor")
        .header(CONNECTION, "close")
        .body(String::new())
        .map_err(|_| CheckFailure::Broken)?;
    let asked = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        read(response, limit).await.map_err(broken)
    };
    beside(asked, connection).await
}

async fn read(response: Response<Incoming>, limit: usize) -> hyper::Result<Answer> {
    let status = response.status().as_u16();
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context)).await {
        if let Ok(bytes) = frame?.into_data() {
            let room = limit - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if bytes.len() > room {
                return Ok(Answer { status, body, cut: true });
            }
        }
    }
    Ok(Answer { status, body, cut: false })
}

/// Waits for `wanted` while `other`, which it needs, goes on.
async fn beside<A: Future, B: Future>(wanted: A, other: B) -> A::Output {
    let (mut wanted, mut other) = (pin!(wanted), pin!(other));
    let mut over = false;
    poll_fn(|context| {
        over = over || other.as_mut().poll(context).is_ready();
        wanted.as_mut().poll(context)
    })
    .await
}
