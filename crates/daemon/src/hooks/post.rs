//! One POST request. The client verifies certificates of every server, also on loopback, follows no
//! redirect, and reads nothing of the response but its status.

use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, header::HeaderValue};
use hyper_util::rt::TokioIo;
use supervisor_core::health::CheckFailure;
use supervisor_core::spec::health::{HttpServer, HttpUrl, Scheme, TlsSpec};

use crate::health::connect::connect;
use crate::health::http::{HEAD_LIMIT, beside, host_header};
use crate::health::tls::{self, Unsecured};

/// Sends a JSON document; returns the status of the response, or the error. The caller limits the
/// time. The URL may be a secret, so that no message repeats it.
pub(super) async fn post(url: &HttpUrl, body: String) -> Result<u16, String> {
    let HttpServer::Tcp { host, port } = &url.server else {
        return Err("its URL names no host".to_owned());
    };
    let (stream, _) = connect(host, *port).await.map_err(|failure| failure.to_string())?;
    let sent = match url.scheme {
        Scheme::Http => send(TokioIo::new(stream), url, body).await,
        Scheme::Https => match tls::secure(stream, host, false, &TlsSpec::default()).await {
            Ok(secured) => send(TokioIo::new(secured.stream), url, body).await,
            Err(Unsecured::WantsCertificate) => {
                return Err("the server wants a client certificate".to_owned());
            }
            Err(Unsecured::Failed(failure)) => Err(failure),
        },
    };
    sent.map_err(|failure| failure.to_string())
}

async fn send<S: Read + Write + Unpin + 'static>(
    stream: S,
    url: &HttpUrl,
    body: String,
) -> Result<u16, CheckFailure> {
    let broken = |_| CheckFailure::Broken;
    let mut request = Request::post(&url.path).body(body).map_err(|_| CheckFailure::Broken)?;
    let headers = request.headers_mut();
    let host = HeaderValue::try_from(host_header(&url.server));
    headers.insert(HOST, host.map_err(|_| CheckFailure::Broken)?);
    headers.insert(USER_AGENT, HeaderValue::from_static("standard-supervisor"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_LIMIT);
    let (mut sender, connection) = builder.handshake(stream).await.map_err(broken)?;
    let asked = async { sender.send_request(request).await.map_err(broken) };
    Ok(beside(asked, connection).await?.status().as_u16())
}
