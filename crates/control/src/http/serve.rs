//! Accepts connections.

use std::cell::RefCell;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::{Request, Response, StatusCode};
use rustix::net::SocketFlags;
use supervisor_core::level::Level;
use supervisor_sys::either::either;
use supervisor_sys::io::watch::Watched;
use supervisor_wire::date;
use tokio::sync::{MutexGuard, Semaphore, watch};
use tokio::task::{spawn_local, yield_now};
use tokio::time::sleep;

use super::Body;
use super::changes::Changes;
use super::connection::{self, ConnectionContext};
use super::limits::connections::{ConnectionLimit, Slot};
use super::limits::crowd;
use super::limits::descriptors;
use super::limits::held::Held;
use super::limits::traffic::{Refused, Traffic};
use super::listen::{Door, Serves};
use super::stream::Stream;
use crate::control::Control;
use crate::machine::Later;

/// Pause after a failed accept, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Interval of the check that a socket's file still exists.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Maximum number of follow-up requests (later requests of existing connections) that are answered
/// before new connections are accepted.
const FOLLOW_UPS: usize = 32;

/// Address of clients of a unix socket, as in supervisord's log.
const UNIX_PEER: &str = "localhost:0";

const CANNOT_ACCEPT: &str = "cannot accept a connection";

/// Answers authenticated requests. Connections depend only on this trait, not on the pages.
pub(crate) trait Site: Debug {
    /// Answers a request at a server of this kind.
    fn answer<'a>(
        &'a self,
        server: &'a ServerState,
        serves: Serves,
        request: Request<Bytes>,
    ) -> Later<'a, Response<Body>>;

    /// The response of a probe at this path, as plain text.
    fn probe(&self, server: &ServerState, path: &str) -> Option<(StatusCode, String)>;
}

/// State that all connections share.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) control: Control,
    pub(super) held: Held,
    changes: RefCell<Option<Rc<Changes>>>,
    pub(crate) traffic: Traffic,
    pub(super) site: Box<dyn Site>,
    follow_ups: Semaphore,
}

impl ServerState {
    pub(super) fn new(control: Control, site: Box<dyn Site>) -> Self {
        Self {
            control,
            held: Held::default(),
            changes: RefCell::default(),
            traffic: Traffic::default(),
            site,
            follow_ups: Semaphore::new(FOLLOW_UPS),
        }
    }

    /// Lets new connections go first: only a limited number of follow-up requests is answered
    /// until more connections are accepted.
    pub(super) async fn wait_for_newcomers(&self) {
        let _turn = self.follow_ups.acquire().await;
        yield_now().await;
    }

    /// Waits for its turn to build a long response, such as one about all programs.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.held.turn().await
    }

    /// Logs an action that failed.
    pub(crate) fn complain(&self, what: &str, error: &io::Error) {
        self.control.say(Level::Error, &format!("{what}: {error}"));
    }

    /// The source of log changes, opened at its first use.
    pub(crate) fn changes(&self) -> io::Result<Rc<Changes>> {
        let mut changes = self.changes.borrow_mut();
        if let Some(changes) = &*changes {
            return Ok(Rc::clone(changes));
        }
        Ok(Rc::clone(changes.insert(Changes::new()?)))
    }

    /// Whether one more client may follow a log or the events. Such a client uses descriptors for
    /// an unlimited time.
    pub(crate) fn may_follow(&self) -> bool {
        let may = descriptors::suffice(&self.control.core());
        if !may {
            self.traffic.refuse(Refused::TooFewDescriptors);
        }
        may
    }

    /// Logs a request and its response.
    pub(super) fn note(&self, context: &ConnectionContext, line: &str, response: &Response<Body>) {
        if self.control.says(Level::Trace) {
            let (peer, status) = (&context.peer, response.status().as_u16());
            let date = date::access_log(self.control.now().wall.secs());
            let length = response.body().len().unwrap_or(0);
            let message = format!("{peer} - - [{date}] \"{line}\" {status} {length}");
            self.control.say(Level::Trace, &message);
        }
    }
}

/// Serves the clients of these listeners. Call it from within the event loop. At shutdown, await
/// the returned future: it finishes the responses that are in progress.
pub(crate) fn serve(
    doors: Vec<Door>,
    control: Control,
    site: Box<dyn Site>,
) -> impl Future<Output = ()> {
    let server = Rc::new(ServerState::new(control, site));
    let (end, ending) = watch::channel(false);
    // Each listener has its own slots, so that clients that fill a port do not lock out those of a
    // socket file.
    let each = (descriptors::places() / doors.len().max(1)).max(1);
    for door in doors {
        let limit = ConnectionLimit::new(each);
        spawn_local(attend(door, Rc::clone(&server), limit, ending.clone()));
    }
    drop(ending);
    async move {
        // This fails if no connection is left.
        let _ = end.send(true);
        end.closed().await;
    }
}

/// Accepts connections until the supervisor exits. A socket whose file was removed is opened
/// again.
async fn attend(
    mut door: Door,
    server: Rc<ServerState>,
    limit: ConnectionLimit,
    ending: watch::Receiver<bool>,
) {
    let mut complained = false;
    loop {
        let accepting = accept(&door, &server, &limit, ending.clone());
        if either(accepting, door.is_lost(LOOK_EVERY)).await.is_some() {
            return;
        }
        match door.reopen() {
            Ok(path) => {
                let path = path.map(|path| path.display().to_string()).unwrap_or_default();
                let message = format!("the socket {path} was removed; it has been created again");
                server.control.say(Level::Warn, &message);
                complained = false;
            }
            Err(error) => {
                if !complained {
                    server.complain("the socket was removed, and cannot be created again", &error);
                }
                complained = true;
                let mut ending = ending.clone();
                if either(ending.wait_for(|ending| *ending), sleep(LOOK_EVERY)).await.is_some() {
                    return;
                }
            }
        }
    }
}

async fn accept(
    door: &Door,
    server: &Rc<ServerState>,
    limit: &ConnectionLimit,
    mut ending: watch::Receiver<bool>,
) {
    let listener = match Watched::for_reading(&door.socket) {
        Ok(listener) => listener,
        Err(error) => return server.complain(CANNOT_ACCEPT, &error),
    };
    // Number of connections accepted since other tasks ran, and whether the previous batch was
    // full.
    let (mut came, mut crowd) = (0, false);
    loop {
        if came == door.serves.at_once() {
            (came, crowd) = (0, true);
            yield_now().await;
            if *ending.borrow() {
                return;
            }
        }
        let waiting = poll_fn(|context| Poll::Ready(pin!(next(&listener)).poll(context))).await;
        let accepted = match waiting {
            Poll::Ready(accepted) => Some(accepted),
            Poll::Pending => {
                (came, crowd) = (0, false);
                either(next(&listener), ending.wait_for(|ending| *ending)).await
            }
        };
        came += 1;
        match accepted {
            Some(Ok((socket, peer))) => {
                if limit.is_reached() {
                    server.traffic.refuse(Refused::NoPlace);
                    let in_crowd = crowd && door.serves == Serves::Status;
                    if in_crowd && crowd::is_done_with(server, &socket) {
                        continue;
                    }
                }
                // Further connections stay in the kernel's queue.
                let ended = ending.wait_for(|ending| *ending);
                let Some(slot) = either(limit.take(), ended).await else { return };
                let (serves, credentials) = (door.serves, door.credentials.clone());
                let server = Rc::clone(server);
                let context = ConnectionContext { server, serves, credentials, peer };
                spawn_local(serve_one(socket, slot, context, ending.clone()));
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Some(Err(error)) => {
                server.complain(CANNOT_ACCEPT, &error);
                server.traffic.refuse(Refused::CannotAccept);
                let _ = either(ending.wait_for(|ending| *ending), sleep(ACCEPT_PAUSE)).await;
            }
            None => return,
        }
    }
}

async fn serve_one(
    socket: OwnedFd,
    slot: Slot,
    context: ConnectionContext,
    ending: watch::Receiver<bool>,
) {
    let server = Rc::clone(&context.server);
    let _connected = server.traffic.connect();
    match Stream::new(socket, &slot.activity) {
        Ok(stream) => connection::serve(stream, &slot.activity, context, ending).await,
        Err(error) => server.complain(CANNOT_ACCEPT, &error),
    }
}

/// Accepts the next connection, and returns it with the address of its client.
async fn next(listener: &Watched<&OwnedFd>) -> io::Result<(OwnedFd, String)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let accept = |socket: &&OwnedFd| Ok(rustix::net::acceptfrom_with(socket, flags)?);
    let (socket, peer) = poll_fn(|context| listener.poll_read(context, accept)).await?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    Ok((socket, peer.map_or_else(|| UNIX_PEER.to_owned(), |peer| peer.to_string())))
}
