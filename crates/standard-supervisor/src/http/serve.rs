//! Accepts connections.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use hyper::Response;
use rustix::net::sockopt;
use supervisor_core::level::Level;
use supervisor_core::time::Wall;
use supervisor_sys::either::either;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::Body;
use super::changes::Changes;
use super::connection::{self, Visit};
use super::descriptors;
use super::held::Held;
use super::listen::{Door, Serves, Socket};
use super::pace::STATUS_IDLE_TIME;
use super::places::Places;
use super::traffic::{Refused, Traffic};
use crate::control::Control;
use crate::status::Status;

/// How long nothing is accepted after it failed, as when there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// How long nothing comes over TCP before it is asked whether the client's machine is still
/// there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// How long until that is asked again.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// How often it is asked before the connection is closed.
const KEEPALIVE_PROBES: u32 = 4;

/// How long the client's machine may leave unanswered what it was sent; where it answers
/// but its program reads nothing, how long that may last. Only for the status port: a log
/// that is followed through a pager may stand still for hours, and the kernel gives up on
/// who has vanished meanwhile after a quarter of an hour.
const UNREAD_TIME: Duration = Duration::from_secs(120);

/// Who comes through a file has no address; supervisord's log has this one.
const UNIX_PEER: &str = "localhost:0";

const CANNOT_ACCEPT: &str = "cannot accept a connection";

/// What all connections have in common.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) control: Control,
    pub(super) held: Held,
    changes: RefCell<Option<Rc<Changes>>>,
    pub(crate) traffic: Traffic,
    pub(crate) status: Status,
}

impl House {
    fn new(control: Control) -> Self {
        Self {
            control,
            held: Held::default(),
            changes: RefCell::default(),
            traffic: Traffic::default(),
            status: Status::default(),
        }
    }

    /// Says what could not be done.
    pub(crate) fn complain(&self, what: &str, error: &io::Error) {
        self.control.say(Level::Error, &format!("{what}: {error}"));
    }

    /// Where one can learn of changes to logs; begun when it is first needed.
    pub(crate) fn changes(&self) -> io::Result<Rc<Changes>> {
        let mut changes = self.changes.borrow_mut();
        if let Some(changes) = &*changes {
            return Ok(Rc::clone(changes));
        }
        Ok(Rc::clone(changes.insert(Changes::new()?)))
    }

    /// Whether one more may follow a log, or what happens: it takes descriptors for as long
    /// as he likes.
    pub(crate) fn may_follow(&self) -> bool {
        let may = descriptors::suffice(&self.control.core());
        if !may {
            self.traffic.refuse(Refused::TooFewDescriptors);
        }
        may
    }

    /// Notes what was asked and answered.
    pub(super) fn note(&self, visit: &Visit, line: &str, response: &Response<Body>) {
        if self.control.says(Level::Trace) {
            let (peer, status) = (&visit.peer, response.status().as_u16());
            let date = log_date(self.control.now().wall);
            let length = response.body().len().unwrap_or(0);
            let message = format!("{peer} - - [{date}] \"{line}\" {status} {length}");
            self.control.say(Level::Trace, &message);
        }
    }
}

/// Answers whoever comes through these doors, from within the event loop. The result is to
/// be waited for at the end of it all: the answers that are being given.
pub(crate) fn serve(doors: Vec<Door>, control: Control) -> impl Future<Output = ()> {
    let house = Rc::new(House::new(control));
    let (end, ending) = watch::channel(false);
    // To each its own: who fills a port does not shut out who comes by a socket's file.
    let each = (descriptors::places() / doors.len().max(1)).max(1);
    for door in doors {
        let idle_time = match door.serves {
            Serves::Operators => None,
            Serves::Status => Some(STATUS_IDLE_TIME),
        };
        let places = Places::new(each, idle_time);
        spawn_local(accept(door, Rc::clone(&house), places, ending.clone()));
    }
    drop(ending);
    async move {
        // Nobody may be there.
        let _ = end.send(true);
        end.closed().await;
    }
}

/// A moment as access logs show it: `25/Nov/2026:21:21:46 +0000`.
fn log_date(moment: Wall) -> String {
    // `Wed, 25 Nov 2026 21:21:46 GMT`
    let date = httpdate::fmt_http_date(UNIX_EPOCH + moment.since_epoch());
    let words: Vec<&str> = date.split(' ').collect();
    match words[..] {
        [_, day, month, year, time, _] => format!("{day}/{month}/{year}:{time} +0000"),
        _ => date,
    }
}

/// A door that is watched.
#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Who has come in.
#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Accepts until everything ends.
async fn accept(
    door: Door,
    house: Rc<House>,
    places: Rc<Places>,
    mut ending: watch::Receiver<bool>,
) {
    let Door { serves, socket, credentials, .. } = &door;
    let listener = match Listener::of(socket) {
        Ok(listener) => listener,
        Err(error) => return house.complain(CANNOT_ACCEPT, &error),
    };
    loop {
        let accepted = either(listener.accept(*serves), ending.wait_for(|ending| *ending)).await;
        match accepted {
            Some(Ok((stream, peer))) => {
                if places.are_taken() {
                    house.traffic.refuse(Refused::NoPlace);
                }
                // Those behind him wait to be accepted, or go elsewhere.
                let ended = ending.wait_for(|ending| *ending);
                let Some(place) = either(places.take(), ended).await else { return };
                let (serves, credentials) = (*serves, credentials.clone());
                let visit = Visit { house: Rc::clone(&house), serves, credentials, peer };
                let connected = house.traffic.connect();
                let ending = ending.clone();
                spawn_local(async move {
                    match stream {
                        Stream::Tcp(stream) => {
                            connection::serve(stream, visit, &place, ending).await;
                        }
                        Stream::Unix(stream) => {
                            connection::serve(stream, visit, &place, ending).await;
                        }
                    }
                    drop((place, connected));
                });
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Some(Err(error)) => {
                house.complain(CANNOT_ACCEPT, &error);
                house.traffic.refuse(Refused::CannotAccept);
                let _ = either(ending.wait_for(|ending| *ending), sleep(ACCEPT_PAUSE)).await;
            }
            None => return,
        }
    }
}

impl Listener {
    fn of(socket: &Socket) -> io::Result<Self> {
        Ok(match socket {
            Socket::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket.try_clone()?.into())?),
            Socket::Unix(socket) => Self::Unix(UnixListener::from_std(socket.try_clone()?.into())?),
        })
    }

    /// The next who comes, and his address.
    async fn accept(&self, serves: Serves) -> io::Result<(Stream, String)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are written whole: there is nothing to wait for.
                let _ = stream.set_nodelay(true);
                // Without these it is answered all the same.
                let _ = notice_who_vanishes(&stream, serves);
                Ok((Stream::Tcp(stream), peer.to_string()))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), UNIX_PEER.to_owned()))
            }
        }
    }
}

/// Clients whose machine, or whose way here, has gone say nothing.
fn notice_who_vanishes(stream: &TcpStream, serves: Serves) -> io::Result<()> {
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?;
    sockopt::set_socket_keepalive(stream, true)?;
    match serves {
        Serves::Operators => {}
        Serves::Status => {
            let milliseconds = u32::try_from(UNREAD_TIME.as_millis()).unwrap_or(u32::MAX);
            sockopt::set_tcp_user_timeout(stream, milliseconds)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_access_logs() {
        let moment = Wall::from_epoch(Duration::from_secs(1_795_641_706));
        assert_eq!(log_date(moment), "25/Nov/2026:21:21:46 +0000");
    }
}
