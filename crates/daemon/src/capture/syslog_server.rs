//! A syslog server elsewhere, which gets a datagram for each line
//! ([RFC 5424](https://www.rfc-editor.org/rfc/rfc5424),
//! [RFC 5426](https://www.rfc-editor.org/rfc/rfc5426)). No program waits for the server.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::{Duration, Instant};

use supervisor_core::spec::start::HostPort;
use supervisor_sys::clock::moment;
use supervisor_sys::net::resolver;

/// The most datagrams that wait until the server's name has been found.
const MOST_WAITING: usize = 256;

/// Time after which a name is looked up again, by the first line that comes then: a service
/// that moves has another address.
const LOOK_UP_AGAIN: Duration = Duration::from_secs(60);

/// A connection to one server.
#[derive(Debug)]
pub(crate) struct SyslogServer {
    pub(crate) target: HostPort,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Its latest address, and a socket of that family.
    place: Option<(UdpSocket, SocketAddr)>,
    /// Datagrams from before the first successful lookup, each with the counter of its stream's
    /// lost lines.
    waiting: VecDeque<(Vec<u8>, Rc<Cell<u64>>)>,
    looked_up: Option<Instant>,
    is_looking: bool,
}

impl SyslogServer {
    pub(crate) fn new(target: HostPort) -> Self {
        Self { target, state: RefCell::default() }
    }

    /// Sends a datagram; if that cannot be done at once, drops and counts it in `lost`. Call it
    /// within the event loop.
    pub(crate) fn send(self: &Rc<Self>, datagram: Vec<u8>, lost: &Rc<Cell<u64>>) -> io::Result<()> {
        let sent = self.send_or_keep(datagram, lost);
        if sent.is_err() {
            lost.update(|lost| lost + 1);
        }
        sent
    }

    fn send_or_keep(self: &Rc<Self>, datagram: Vec<u8>, lost: &Rc<Cell<u64>>) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        let due = state.looked_up.is_none_or(|at| moment() - at >= LOOK_UP_AGAIN);
        if due && !std::mem::replace(&mut state.is_looking, true) {
            tokio::task::spawn_local(Rc::clone(self).look_up());
        }
        match &state.place {
            Some((socket, address)) => socket.send_to(&datagram, address).map(drop),
            None if state.waiting.len() < MOST_WAITING => {
                state.waiting.push_back((datagram, Rc::clone(lost)));
                Ok(())
            }
            None => Err(io::Error::other("its name has not been found")),
        }
    }

    async fn look_up(self: Rc<Self>) {
        let found = resolver::addresses(&self.target.host).await;
        let mut state = self.state.borrow_mut();
        (state.looked_up, state.is_looking) = (Some(moment()), false);
        // The old address is better than none.
        let Some(ip) = found.ok().and_then(|all| all.first().copied()) else { return };
        let Ok(socket) = socket(ip) else { return };
        let address = SocketAddr::new(ip, self.target.port);
        for (datagram, lost) in std::mem::take(&mut state.waiting) {
            if socket.send_to(&datagram, address).is_err() {
                lost.update(|lost| lost + 1);
            }
        }
        state.place = Some((socket, address));
    }
}

fn socket(to: IpAddr) -> io::Result<UdpSocket> {
    let every: IpAddr = match to {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((every, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
