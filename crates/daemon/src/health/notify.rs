//! The socket that receives the notifications of a process, as for services of systemd:
//! [`sd_notify`](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html).
//!
//! Only the program's user can write to its file, because other users could fill it, and then a
//! watchdog would stop a healthy program. Messages of processes outside the program's tree are
//! ignored.

use std::cell::Cell;
use std::ffi::OsString;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use supervisor_core::Input;
use supervisor_core::ids::{Pid, ProcId};
use supervisor_core::input::Notification;
use supervisor_core::level::Level;
use supervisor_sys::io::watch::Watched;
use supervisor_sys::net::notify::Mailbox;
use supervisor_sys::process::process_table::stat;
use supervisor_wire::notify;

use crate::capture::journal::Journal;
use crate::inbox::Inbox;
use crate::launch::{Environment, set};

/// The number of messages after which other tasks run.
const TURN: usize = 32;

/// The maximum number of generations between a sender and the main process.
const DEPTH: usize = 64;

/// A process's socket.
#[derive(Debug)]
pub(crate) struct Notify {
    name: String,
    mailbox: Rc<Mailbox>,
    /// The main process.
    main: Cell<Option<Pid>>,
}

/// The receiver of notifications.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) proc: ProcId,
    /// The process's name.
    pub(crate) name: String,
    pub(crate) inbox: Rc<Inbox>,
    pub(crate) journal: Rc<Journal>,
}

impl Notify {
    /// Creates a socket with a unique name.
    pub(crate) fn new(name: String, user: Option<u32>) -> io::Result<Self> {
        let mailbox = Rc::new(Mailbox::bind(&name, user)?);
        Ok(Self { name, mailbox, main: Cell::new(None) })
    }

    /// Passes the socket to a process. `WATCHDOG_PID` is not set, because the pid is unknown before
    /// the start; any process with the variable may then send watchdog messages.
    pub(crate) fn introduce(&self, environment: &mut Environment, watchdog: Option<Duration>) {
        let address = self.mailbox.address(&self.name);
        set(environment, "NOTIFY_SOCKET".as_ref(), address.as_ref());
        environment.retain(|(name, _)| name != "WATCHDOG_PID" && name != "WATCHDOG_USEC");
        if let Some(every) = watchdog {
            let micros = OsString::from(every.as_micros().to_string());
            set(environment, "WATCHDOG_USEC".as_ref(), micros.as_ref());
        }
    }

    /// Sets the main process.
    pub(crate) fn serves(&self, main: Pid) {
        self.main.set(Some(main));
    }

    /// Receives messages until it is dropped.
    pub(crate) async fn run(self: Rc<Self>, told: Told) {
        let watched = Watched::for_reading(Rc::clone(&self.mailbox));
        let watched = match watched {
            Ok(watched) => watched,
            Err(error) => return told.complain(&error),
        };
        while let Some(ready) = watched.readable().await {
            let mut left = TURN;
            loop {
                match self.mailbox.receive() {
                    Ok(Some((sender, datagram))) => self.take(&told, sender, &datagram),
                    Ok(None) => {
                        ready.spend();
                        break;
                    }
                    Err(error) => return told.complain(&error),
                }
                left -= 1;
                if left == 0 {
                    tokio::task::yield_now().await;
                    break;
                }
            }
        }
    }

    fn take(&self, told: &Told, sender: Pid, datagram: &[u8]) {
        if !self.main.get().is_some_and(|main| belongs(sender, main)) {
            let note = format!(
                "ignoring a notification from {sender}, which does not belong to \
             {}",
                told.name
            );
            return told.journal.say(Level::Debug, &note);
        }
        let notify::Message { ready, stopping, watchdog, watchdog_every, extend, status } =
            notify::parse(datagram);
        let said = Notification { ready, stopping, watchdog, watchdog_every, extend, status };
        if said != Notification::default() {
            told.inbox.push(Input::Notified { proc: told.proc, said });
        }
    }
}

impl Told {
    fn complain(&self, error: &io::Error) {
        let note = format!("cannot read the notify socket of {}: {error}", self.name);
        self.journal.say(Level::Error, &note);
    }
}

/// Whether `pid` descends from `main` or is in its process group.
fn belongs(pid: Pid, main: Pid) -> bool {
    let mut at = pid;
    for _ in 0..DEPTH {
        if at == main {
            return true;
        }
        let Ok(Some(stat)) = stat(at) else { return false };
        if stat.pgrp == main.0 {
            return true;
        }
        at = Pid(stat.ppid);
    }
    false
}
