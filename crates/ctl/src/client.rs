//! The connection to a supervisor: XML-RPC calls and streamed logs.

use std::future::{Future, poll_fn};
use std::io::{self, Write};
use std::pin::Pin;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use supervisor_sys::either::either;
use supervisor_sys::io::watch::Watched;
use supervisor_sys::net::resolver;
use supervisor_sys::process::signal::Signals;
use supervisor_wire::xmlrpc::{self, Value};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use super::address::Address;
use super::error::CtlError;

/// Maximum size of a response, in bytes. supervisord sends no longer one, and it might not fit
/// into memory.
const LONGEST_ANSWER: usize = 256 << 20;

/// Path of XML-RPC calls.
const RPC_PATH: &str = "/RPC2";

/// A supervisor that carries out calls. Tests replace it.
pub(crate) trait Remote {
    /// URL of the supervisor, as given by the user.
    fn url(&self) -> &str;
    /// Changes the server of later calls.
    fn set_url(&mut self, url: &str);
    /// Changes the credentials of later calls.
    fn set_credentials(&mut self, username: String, password: String);
    /// The result of `supervisor.METHOD`, or of a method with a namespace.
    fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, CtlError>;
    /// Copies the response of `path` as it arrives, until the response ends, `out` is closed,
    /// or the user presses Ctrl-C.
    fn follow(&mut self, path: &str, out: &mut dyn Write) -> Result<Followed, CtlError>;
    /// The HTTP client itself, which waits for Ctrl-C, for methods that cannot be part of a trait.
    fn client(&mut self) -> Option<&mut Client>;
}

/// The reason why following ended.
#[derive(Debug)]
pub(crate) enum Followed {
    /// The response is complete.
    Ended,
    /// The user pressed Ctrl-C.
    Interrupted,
    /// The server rejected the request.
    Refused(StatusCode),
}

/// The username and password that the client sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

/// A supervisor that is reached over HTTP.
#[derive(Debug)]
pub(crate) struct Client {
    runtime: Runtime,
    server: Server,
    connection: Option<Connection>,
    /// The signals that carry Ctrl-C; `None`: Ctrl-C terminates the client, as usual.
    interrupts: Option<Rc<Signals>>,
}

/// A server and the credentials for it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    credentials: Credentials,
}

type Connection = SendRequest<String>;

impl Client {
    /// Creates a client without connecting.
    ///
    /// # Errors
    ///
    /// An error if the event loop cannot be created.
    pub(crate) fn new(url: String, credentials: Credentials) -> io::Result<Self> {
        Self::of(Server { url, credentials })
    }

    /// Creates a client for a given server.
    pub(crate) fn of(server: Server) -> io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        Ok(Self { runtime, server, connection: None, interrupts: None })
    }

    /// From now on Ctrl-C interrupts the work in progress instead of terminating the client.
    pub(crate) fn watch_interrupts(&mut self) -> io::Result<()> {
        if self.interrupts.is_none() {
            self.interrupts = Some(Rc::new(Signals::take_over_interrupt()?));
        }
        Ok(())
    }

    /// Closes the connection, so that the next call opens another one. Between two typed commands
    /// the server may have been restarted.
    pub(crate) fn hang_up(&mut self) {
        self.connection = None;
    }

    /// Completes `work`, or returns `None` if the user presses Ctrl-C.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(either(work, interrupted(self.interrupts.as_deref())))
    }

    /// The server and the credentials in use.
    pub(crate) fn server(&self) -> Server {
        self.server.clone()
    }
}

impl Remote for Client {
    fn url(&self) -> &str {
        &self.server.url
    }

    fn set_url(&mut self, url: &str) {
        url.clone_into(&mut self.server.url);
        self.connection = None;
    }

    fn set_credentials(&mut self, username: String, password: String) {
        self.server.credentials =
            Credentials { username: Some(username), password: Some(password) };
        self.connection = None;
    }

    fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, CtlError> {
        let mut connection = self.connection.take();
        let done = self.run(self.server.call(&mut connection, method, params));
        let result = done.unwrap_or(Err(CtlError::Interrupted));
        self.connection = connection.filter(|_| !matches!(result, Err(CtlError::Interrupted)));
        result
    }

    fn follow(&mut self, path: &str, out: &mut dyn Write) -> Result<Followed, CtlError> {
        self.watch_interrupts().map_err(CtlError::Io)?;
        let work = async {
            let mut body = match self.server.open(path).await? {
                Opened::Stream(body) => body,
                Opened::Refused(code) => return Ok(Followed::Refused(code)),
            };
            while let Some(piece) = next_piece(&mut body).await {
                out.write_all(&piece).and_then(|()| out.flush()).map_err(CtlError::StdoutClosed)?;
            }
            Ok(Followed::Ended)
        };
        self.run(work).unwrap_or(Ok(Followed::Interrupted))
    }

    fn client(&mut self) -> Option<&mut Client> {
        Some(self)
    }
}

/// The response to a request for a stream.
#[derive(Debug)]
pub(crate) enum Opened {
    /// The pieces of the stream.
    Stream(Incoming),
    /// The status of a rejected request.
    Refused(StatusCode),
}

impl Server {
    /// The result of `supervisor.METHOD`, or of a method whose namespace is given. The call
    /// reuses `connection` if it is open.
    pub(crate) async fn call(
        &self,
        connection: &mut Option<Connection>,
        method: &str,
        params: &[Value],
    ) -> Result<Value, CtlError> {
        let call = if method.contains('.') {
            xmlrpc::write_call(method, params)
        } else {
            xmlrpc::write_call(&format!("supervisor.{method}"), params)
        };
        let mut sender = match connection.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let request = self.request(Method::POST, RPC_PATH, call)?;
        let response = send(&mut sender, request).await?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal(&response));
        }
        let answer = whole(response.into_body()).await?;
        *connection = Some(sender);
        let answer = xmlrpc::read_response(&answer);
        answer.map_err(|why| CtlError::Garbled(why.to_string()))?.map_err(CtlError::Fault)
    }

    /// Requests a stream, on a connection of its own.
    pub(crate) async fn open(&self, path: &str) -> Result<Opened, CtlError> {
        let mut sender = self.connect().await?;
        let request = self.request(Method::GET, path, String::new())?;
        let response = send(&mut sender, request).await?;
        Ok(match response.status() {
            StatusCode::OK => Opened::Stream(response.into_body()),
            code => Opened::Refused(code),
        })
    }

    async fn connect(&self) -> Result<Connection, CtlError> {
        match Address::parse(&self.url).map_err(CtlError::BadUrl)? {
            Address::Unix(path) => shake_hands(UnixStream::connect(path).await).await,
            Address::Tcp { host, port } => {
                let connected = resolver::connect(&host, port).await;
                shake_hands(connected.map_err(io::Error::from)).await
            }
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Request<String>, CtlError> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.host());
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "text/xml");
        }
        if let Credentials { username: Some(username), password: Some(password) } =
            &self.credentials
        {
            let proof = STANDARD.encode(format!("{username}:{password}"));
            request = request.header(AUTHORIZATION, format!("Basic {proof}"));
        }
        request.body(body).map_err(|error| CtlError::BadUrl(format!("{error} in {path}")))
    }

    /// The value of the `Host` header.
    fn host(&self) -> String {
        match Address::parse(&self.url) {
            Ok(Address::Tcp { host, port }) if host.contains(':') => format!("[{host}]:{port}"),
            Ok(Address::Tcp { host, port }) => format!("{host}:{port}"),
            Ok(Address::Unix(_)) | Err(_) => "localhost".to_owned(),
        }
    }

    fn refusal(&self, response: &Response<Incoming>) -> CtlError {
        let code = response.status();
        let reason = code.canonical_reason().unwrap_or_default().to_owned();
        // Python's client uses this name for every server.
        CtlError::Status { code: code.as_u16(), reason, place: format!("127.0.0.1{RPC_PATH}") }
    }
}

async fn shake_hands<S>(connected: io::Result<S>) -> Result<Connection, CtlError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let stream = TokioIo::new(connected.map_err(CtlError::Io)?);
    let (sender, connection) = http1::handshake(stream).await.map_err(broken)?;
    // The pending request reports an error of the connection.
    tokio::spawn(async move { connection.await.unwrap_or_default() });
    Ok(sender)
}

async fn send(
    sender: &mut Connection,
    request: Request<String>,
) -> Result<Response<Incoming>, CtlError> {
    sender.ready().await.map_err(broken)?;
    sender.send_request(request).await.map_err(broken)
}

/// The cause of a broken connection, in the kernel's words if the kernel reported it.
fn broken(error: hyper::Error) -> CtlError {
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(inner) = cause {
        if let Some(number) = inner.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return CtlError::Io(io::Error::from_raw_os_error(number));
        }
        cause = inner.source();
    }
    if error.is_parse() { CtlError::Garbled(error.to_string()) } else { CtlError::Disconnected }
}

async fn whole(mut body: Incoming) -> Result<Vec<u8>, CtlError> {
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        if all.len() + data.len() > LONGEST_ANSWER {
            let most = LONGEST_ANSWER >> 20;
            return Err(CtlError::Garbled(format!("it is longer than {most} MB")));
        }
        all.extend_from_slice(&data);
    }
    Ok(all)
}

/// The next piece of a stream; `None` at its end.
pub(crate) async fn next_piece(body: &mut Incoming) -> Option<Bytes> {
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
        if let Ok(data) = frame.ok()?.into_data() {
            return Some(data);
        }
    }
}

/// Waits until the user presses Ctrl-C.
async fn interrupted(signals: Option<&Signals>) {
    if let Some(signals) = signals
        && let Ok(watched) = Watched::for_reading(signals)
        && let Some(ready) = watched.readable().await
    {
        while signals.next().is_some() {}
        ready.spend();
        return;
    }
    std::future::pending().await
}
