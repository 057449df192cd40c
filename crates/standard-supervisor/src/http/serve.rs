//! Accepts connections.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use hyper::Response;
use supervisor_core::level::Level;
use supervisor_core::time::Wall;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::Body;
use super::changes::Changes;
use super::connection::{self, Visit};
use super::descriptors;
use super::held::Held;
use super::listen::{Door, Socket};
use super::traffic::{Refused, Traffic};
use crate::capture::journal::Journal;
use crate::control::Control;
use crate::either::either;
use crate::status::Status;

/// How long nothing is accepted after it failed, as when there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Who comes through a file has no address; supervisord's log has this one.
const UNIX_PEER: &str = "localhost:0";

const CANNOT_ACCEPT: &str = "cannot accept a connection";

/// What all connections have in common.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) control: Control,
    pub(crate) journal: Rc<Journal>,
    pub(super) held: Held,
    changes: RefCell<Option<Rc<Changes>>>,
    pub(crate) traffic: Traffic,
    pub(crate) status: Status,
}

impl House {
    fn new(control: Control, journal: Rc<Journal>) -> Self {
        Self {
            control,
            journal,
            held: Held::default(),
            changes: RefCell::default(),
            traffic: Traffic::default(),
            status: Status::default(),
        }
    }

    /// Says what could not be done.
    pub(crate) fn complain(&self, what: &str, error: &io::Error) {
        self.journal.say(Level::Error, &format!("{what}: {error}"));
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
        if self.journal.says(Level::Trace) {
            let (peer, status) = (&visit.peer, response.status().as_u16());
            let date = log_date(self.control.now().wall);
            let length = response.body().len().unwrap_or(0);
            let message = format!("{peer} - - [{date}] \"{line}\" {status} {length}");
            self.journal.say(Level::Trace, &message);
        }
    }
}

/// Answers whoever comes through these doors, from within the event loop. The result is to
/// be waited for at the end of it all: the answers that are being given.
pub(crate) fn serve(
    doors: Vec<Door>,
    control: Control,
    journal: Rc<Journal>,
) -> impl Future<Output = ()> {
    let house = Rc::new(House::new(control, journal));
    let (end, ending) = watch::channel(false);
    // To each its own: who fills a port does not shut out who comes by a socket's file.
    let each = (descriptors::places() / doors.len().max(1)).max(1);
    for door in doors {
        let places = Arc::new(Semaphore::new(each));
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
    places: Arc<Semaphore>,
    mut ending: watch::Receiver<bool>,
) {
    let Door { serves, socket, credentials, .. } = &door;
    let listener = match Listener::of(socket) {
        Ok(listener) => listener,
        Err(error) => return house.complain(CANNOT_ACCEPT, &error),
    };
    loop {
        // Without a place nobody is accepted: he waits, or goes elsewhere. The places are
        // never closed.
        if places.available_permits() == 0 {
            house.traffic.refuse(Refused::NoPlace);
        }
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = either(listener.accept(), ending.wait_for(|ending| *ending)).await;
        match accepted {
            Some(Ok((stream, peer))) => {
                let (serves, credentials) = (*serves, credentials.clone());
                let visit = Visit { house: Rc::clone(&house), serves, credentials, peer };
                let connected = house.traffic.connect();
                let ending = ending.clone();
                spawn_local(async move {
                    match stream {
                        Stream::Tcp(stream) => connection::serve(stream, visit, ending).await,
                        Stream::Unix(stream) => connection::serve(stream, visit, ending).await,
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
    async fn accept(&self) -> io::Result<(Stream, String)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Answers are written whole: there is nothing to wait for.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), peer.to_string()))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), UNIX_PEER.to_owned()))
            }
        }
    }
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
