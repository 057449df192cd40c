//! Sends one GET request. The response is not trusted: the server may be unhealthy, or another
//! server may answer. Redirects are not followed.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING, USER_AGENT,
};
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use supervisor_core::health::{CheckFailure, Depth};
use supervisor_core::spec::health::{HttpGet, HttpServer, Scheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::connect::{Peer, connect, refused};
use super::headers;
use super::tls::{self, Unsecured};

/// The maximum size of a response head.
pub(crate) const HEAD_LIMIT: usize = 16 * 1024;

/// The status with which many TLS servers answer a request without TLS.
const BAD_REQUEST: u16 = 400;

/// Time limit for finding out, after a failure, whether a server speaks TLS.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// The response of a server.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: u16,
    /// The body, up to the requested size.
    pub(super) body: Vec<u8>,
    /// Whether the body is longer.
    pub(super) cut: bool,
}

/// The progress of a request.
#[derive(Debug)]
pub(super) enum Reached {
    Page(Page),
    /// The server requires a client certificate.
    Connection,
}

impl Reached {
    pub(super) const fn depth(&self) -> Depth {
        match self {
            Self::Page(_) => Depth::Whole,
            Self::Connection => Depth::Connection,
        }
    }
}

/// Sends a request and reads up to this number of bytes of the body. The caller limits the time. A
/// server without a port has no peer.
pub(super) async fn get(
    get: &HttpGet,
    limit: usize,
) -> Result<(Reached, Option<Peer>), CheckFailure> {
    let headers = headers::read(&get.headers).await?;
    match &get.url.server {
        HttpServer::Tcp { host, port } => {
            let (stream, peer) = connect(host, *port).await?;
            if !headers.is_empty() && !peer.own && get.url.scheme == Scheme::Http {
                return Err(CheckFailure::Withheld);
            }
            let request = Asking { get, headers, limit, own: peer.own };
            let reached = request.over(stream).await;
            if get.url.scheme == Scheme::Http && looks_encrypted(&reached) {
                let again = async {
                    match connect(host, *port).await {
                        Ok((stream, _)) => tls::is_spoken(stream, host).await,
                        Err(_) => false,
                    }
                };
                if timeout(SECOND_LOOK, again).await == Ok(true) {
                    return Err(CheckFailure::SpeaksTls);
                }
            }
            Ok((reached?, Some(peer)))
        }
        HttpServer::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| refused(&error))?;
            let request = Asking { get, headers, limit, own: true };
            Ok((request.over(stream).await?, None))
        }
    }
}

/// Whether the response to a plain request suggests a TLS server: no response, TLS records, or an
/// error status.
fn looks_encrypted(reached: &Result<Reached, CheckFailure>) -> bool {
    match reached {
        Ok(Reached::Page(page)) => page.status == BAD_REQUEST,
        Ok(Reached::Connection) => false,
        Err(failure) => *failure == CheckFailure::Broken,
    }
}

/// A request to be sent.
struct Asking<'a> {
    get: &'a HttpGet,
    headers: HeaderMap,
    limit: usize,
    /// Whether the server is at one of this host's own addresses.
    own: bool,
}

impl Asking<'_> {
    async fn over<S>(self, stream: S) -> Result<Reached, CheckFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let scheme = self.get.url.scheme;
        match scheme {
            Scheme::Http => Ok(Reached::Page(self.talk(TokioIo::new(stream)).await?)),
            Scheme::Https => {
                let host = match &self.get.url.server {
                    HttpServer::Tcp { host, .. } => host,
                    HttpServer::Unix(_) => "localhost",
                };
                let secured = tls::secure(stream, host, self.own, &self.get.tls).await;
                let secured = match secured {
                    Ok(secured) => secured,
                    Err(Unsecured::WantsCertificate) => return Ok(Reached::Connection),
                    Err(Unsecured::Failed(failure)) => return Err(failure),
                };
                let wanted = secured.certificate_was_wanted();
                match self.talk(TokioIo::new(secured.stream)).await {
                    Err(_) if wanted() => Ok(Reached::Connection),
                    page => page.map(Reached::Page),
                }
            }
        }
    }

    async fn talk<S: Read + Write + Unpin + 'static>(
        self,
        stream: S,
    ) -> Result<Page, CheckFailure> {
        let broken = |_| CheckFailure::Broken;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_LIMIT);
        let limit = self.limit;
        let request = self.request()?;
        let (mut sender, connection) = builder.handshake(stream).await.map_err(broken)?;
        let asked = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            read(response, limit).await.map_err(broken)
        };
        beside(asked, connection).await
    }

    fn request(self) -> Result<Request<String>, CheckFailure> {
        let mut request = Request::get(&self.get.url.path)
            .body(String::new())
            .map_err(|_| CheckFailure::Broken)?;
        let headers = request.headers_mut();
        *headers = self.headers;
        if !headers.contains_key(HOST) {
            let host = host_header(&self.get.url.server);
            headers.insert(HOST, HeaderValue::try_from(host).map_err(|_| CheckFailure::Broken)?);
        }
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("standard-supervisor"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        Ok(request)
    }
}

pub(crate) fn host_header(server: &HttpServer) -> String {
    match server {
        HttpServer::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        HttpServer::Tcp { host, port } => format!("{host}:{port}"),
        HttpServer::Unix(_) => "localhost".to_owned(),
    }
}

async fn read(response: Response<Incoming>, limit: usize) -> hyper::Result<Page> {
    let status = response.status().as_u16();
    let headers = response.headers();
    let until_the_end =
        !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING);
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context)).await {
        let frame = match frame {
            Ok(frame) => frame,
            // Many servers close a connection without the farewell of TLS.
            Err(_) if until_the_end => break,
            Err(error) => return Err(error),
        };
        if let Ok(bytes) = frame.into_data() {
            let room = limit - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if bytes.len() > room {
                return Ok(Page { status, body, cut: true });
            }
        }
    }
    Ok(Page { status, body, cut: false })
}

/// Completes `wanted` while `other`, which `wanted` needs, runs.
pub(crate) async fn beside<A: Future, B: Future>(wanted: A, other: B) -> A::Output {
    let (mut wanted, mut other) = (pin!(wanted), pin!(other));
    let mut over = false;
    poll_fn(|context| {
        over = over || other.as_mut().poll(context).is_ready();
        wanted.as_mut().poll(context)
    })
    .await
}
