//! One connection, from its first byte to its last.

use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{EXPECT, HeaderValue, SERVER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use supervisor_config::Credentials;
use supervisor_core::level::Level;
use supervisor_sys::either::either;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::limits::connections::{Activity, Phase};
use super::limits::held::BodyReservation;
use super::limits::traffic::Refused;
use super::listen::Serves;
use super::serve::ServerState;
use super::stream::Stream;
use super::{Body, auth, error_page, headers};

/// Maximum size of a request's head, in bytes.
pub(crate) const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Maximum number of a request's headers.
pub(crate) const MAX_HEADERS: usize = 100;

/// Maximum size of a request's body, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// Time limit for the first accepted request of a connection.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(20);

/// Time limit for a request's head on the status port, from the end of the previous response. It
/// is short because any client can use that port, and can connect again.
pub(crate) const STATUS_IDLE_TIME: Duration = Duration::from_secs(60);

/// Time limit for a request's body.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(20);

/// Value of the `Server` header.
const NAME: &str = concat!("standard-supervisor/", env!("CARGO_PKG_VERSION"));

/// The listener that a connection came through, and the address of its client.
#[derive(Debug)]
pub(super) struct ConnectionContext {
    pub(super) server: Rc<ServerState>,
    pub(super) serves: Serves,
    pub(super) credentials: Option<Credentials>,
    /// The client's address and port; empty for a unix socket.
    pub(super) peer: String,
}

/// Serves a connection until it is closed or the supervisor exits. Responses that are in progress
/// are finished.
pub(super) async fn serve(
    stream: Stream,
    activity: &Rc<Activity>,
    context: ConnectionContext,
    mut ending: watch::Receiver<bool>,
) {
    let context = Rc::new(context);
    let service = service_fn(|request: Request<Incoming>| {
        let (context, activity) = (Rc::clone(&context), Rc::clone(activity));
        async move {
            if activity.is_let_in() {
                context.server.wait_for_newcomers().await;
            }
            let response = answer(&context, &activity, request).await;
            Ok::<_, Infallible>(response.map(|body| body.on(activity)))
        }
    });
    let idle_time = match context.serves {
        Serves::Operators => None,
        Serves::Status => Some(STATUS_IDLE_TIME),
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle_time)
        // A client that has closed its sending side still reads the response.
        .half_close(true)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream.clone()), service);
    let mut connection = pin!(connection);
    // An error closes the connection. It is not logged, because the client sees it.
    let connected = either(connection.as_mut(), stream.is_to_close());
    let served = either(connected, is_late(activity));
    let ended = ending.wait_for(|ending| *ending);
    let traffic = &context.server.traffic;
    match either(served, ended).await {
        Some(Some(Some(Err(error)))) if error.is_parse_too_large() => {
            traffic.refuse(Refused::HeadTooLarge);
        }
        Some(Some(Some(Ok(()) | Err(_)) | None)) => {}
        Some(None) => traffic.refuse(Refused::HeadTimeout),
        None => {
            activity.end();
            connection.as_mut().graceful_shutdown();
            let _ = either(connection, either(stream.is_to_close(), is_late(activity))).await;
        }
    }
}

/// Waits until the deadline for a client's first accepted request, and longer if the client met
/// it.
async fn is_late(activity: &Activity) {
    sleep(HEAD_TIME).await;
    if activity.is_let_in() {
        pending().await
    }
}

/// Answers a request. A panic costs this response and nothing else.
async fn answer(
    context: &ConnectionContext,
    activity: &Activity,
    request: Request<Incoming>,
) -> Response<Body> {
    let line = format!("{} {} {:?}", request.method(), request.uri(), request.version());
    let answered = unless_it_panics(pin!(guarded(context, activity, request))).await;
    let mut response = answered.unwrap_or_else(|panic| {
        let why = words_of(&*panic);
        let message = format!("Server Error: {line}: {why}");
        context.server.control.say(Level::Error, &message);
        error_page(StatusCode::INTERNAL_SERVER_ERROR)
    });
    let mut reservation = context.server.held.begin();
    if reservation.grow(response.body().len().unwrap_or(0)) {
        response = response.map(|body| body.held_by(reservation));
    } else {
        context.server.traffic.refuse(Refused::TooMuchHeld);
        response = error_page(StatusCode::SERVICE_UNAVAILABLE);
    }
    response.headers_mut().insert(SERVER, HeaderValue::from_static(NAME));
    headers::protect(response.headers_mut());
    context.server.note(context, &line, &response);
    response
}

async fn guarded(
    context: &ConnectionContext,
    activity: &Activity,
    request: Request<Incoming>,
) -> Response<Body> {
    let refused = auth::refusal(context.credentials.as_ref(), request.headers());
    let (head, body) = request.into_parts();
    if let Some(refused) = refused {
        // A client that is rejected while it still sends may miss the response. A client that
        // asked for permission to send gets the response now.
        if !head.headers.contains_key(EXPECT) {
            let _ = timeout(BODY_TIME, skip(body)).await;
        }
        return refused;
    }
    activity.let_in();
    if headers::is_ambiguous(&head) {
        return closing(error_page(StatusCode::BAD_REQUEST));
    }
    let mut reservation = context.server.held.begin();
    let traffic = &context.server.traffic;
    let collected = match context.serves {
        Serves::Operators => timeout(BODY_TIME, collect(body, &mut reservation)).await,
        // No request on the status port needs a body, and any client may send one.
        Serves::Status if !body.is_end_stream() => Ok(Err(StatusCode::PAYLOAD_TOO_LARGE)),
        Serves::Status => Ok(Ok(Bytes::new())),
    };
    match collected {
        Ok(Ok(body)) => {
            let request = Request::from_parts(head, body);
            let may_order = request.method() == Method::POST;
            activity.enter(if may_order { Phase::Ordering } else { Phase::Answering });
            context.server.site.answer(&context.server, context.serves, request).await
        }
        Ok(Err(status)) => {
            match status {
                StatusCode::PAYLOAD_TOO_LARGE => traffic.refuse(Refused::BodyTooLarge),
                StatusCode::SERVICE_UNAVAILABLE => traffic.refuse(Refused::TooMuchHeld),
                // An error of the client, not a limit of the server.
                _ => {}
            }
            closing(error_page(status))
        }
        Err(_) => {
            traffic.refuse(Refused::BodyTimeout);
            closing(error_page(StatusCode::REQUEST_TIMEOUT))
        }
    }
}

/// Reads a body of usual length and discards it. Unauthenticated clients get no memory for bodies.
async fn skip(mut body: Incoming) {
    let mut skipped = 0;
    while skipped <= MAX_BODY_BYTES
        && let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
    {
        skipped += frame.into_data().map_or(0, |piece| piece.len());
    }
}

/// Closes the connection after the response, because the unread rest of the body cannot be
/// skipped.
fn closing(mut response: Response<Body>) -> Response<Body> {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(hyper::header::CONNECTION, close);
    response
}

async fn collect(
    mut body: Incoming,
    reservation: &mut BodyReservation,
) -> Result<Bytes, StatusCode> {
    // A body that is too long is rejected before any of it is read.
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let mut collected = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let piece = frame.into_data().unwrap_or_default();
        if collected.len() + piece.len() > MAX_BODY_BYTES {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        if !reservation.grow(piece.len()) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        collected.extend_from_slice(&piece);
    }
    Ok(collected.into())
}

async fn unless_it_panics<F: Future>(
    mut future: Pin<&mut F>,
) -> Result<F::Output, Box<dyn Any + Send>> {
    poll_fn(|context| {
        // A panic drops the request's own state. All shared state is consistent, because only the
        // loop changes it, between two inputs.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_only_its_response_and_its_message_is_kept() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let panics = pin!(async { panic!("on purpose, number {}", 7) });
            let panic: Result<(), _> = unless_it_panics(panics).await;
            assert_eq!(words_of(&*panic.unwrap_err()), "on purpose, number 7");
            let fine = unless_it_panics(pin!(async { 7 })).await;
            assert!(fine.is_ok_and(|number| number == 7));
        });
    }
}
