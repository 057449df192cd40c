//! Changes to a program's output between its pipe and its destination.
//!
//! supervisord's order: control sequences go, messages are taken out, then what is
//! left is repeated in the supervisor's own log and in the system's.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use supervisor_core::Input;
use supervisor_core::event::Channel;
use supervisor_core::ids::{Pid, ProcId};
use supervisor_core::level::Level;
use supervisor_sys::clock;
use supervisor_wire::ansi::Stripper;
use supervisor_wire::supervisord::communication::{Part, Separator};
use supervisor_wire::supervisord::python::{bytes_repr, repr};
use supervisor_wire::syslog::{self, Sender};

use super::journal::Journal;
use super::lines::Lines;
use super::needle::Needle;
use super::syslog::Syslog;
use super::syslog_server::SyslogServer;
use crate::inbox::Inbox;

/// The filter of one stream.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) proc: ProcId,
    /// The process's name.
    pub(crate) name: String,
    pub(crate) channel: Channel,
    /// `None`: control sequences are kept.
    pub(crate) strip_ansi: Option<Stripper>,
    pub(crate) separator: Option<Separator>,
    /// The text that marks the process as ready.
    pub(crate) ready: Option<Needle>,
    pub(crate) syslog: Option<ToSyslog>,
    pub(crate) server: Option<ToServer>,
    /// The number of lines that neither syslog nor the syslog server accepted.
    pub(crate) syslog_lost: Rc<Cell<u64>>,
    /// Whether all output is repeated in the supervisor's log.
    pub(crate) echo: bool,
    /// The format of forwarded lines; `None`: output is forwarded unchanged.
    pub(crate) lines: Option<Lines>,
    /// The other receiver of the output.
    pub(crate) audience: Audience,
    pub(crate) inbox: Rc<Inbox>,
    pub(crate) journal: Rc<Journal>,
}

/// The other receiver of a process's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// No other receiver.
    None,
    /// Event listeners.
    Listeners,
    /// The core, because an event listener wrote the output.
    Core,
}

/// The system's log, and whether a failure was already logged.
#[derive(Debug)]
pub(crate) struct ToSyslog {
    pub(crate) log: Rc<Syslog>,
    pub(crate) complained: bool,
}

/// A syslog server, and the state for sending to it.
#[derive(Debug)]
pub(crate) struct ToServer {
    pub(crate) server: Rc<SyslogServer>,
    pub(crate) host: String,
    pub(crate) lines: Lines,
    pub(crate) complained: bool,
}

/// The process that wrote lines.
#[derive(Clone, Copy, Debug)]
struct Writer<'a> {
    name: &'a str,
    pid: Pid,
    channel: Channel,
    /// Counts the lines that could not be sent.
    lost: &'a Rc<Cell<u64>>,
}

impl ToServer {
    /// Sends lines, each with its newline. Returns the first error.
    fn send(&mut self, from: Writer<'_>, all: &[u8]) -> Option<io::Error> {
        let Writer { name, pid, channel, lost } = from;
        let sender = Sender { host: &self.host, program: name, pid: pid.0, stream: channel.name() };
        let now = clock::wall().since_epoch();
        let mut first = None;
        for line in syslog::lines(all) {
            let sent = self.server.send(syslog::to_server(now, sender, line), lost);
            first = first.or_else(|| sent.err());
        }
        first.filter(|_| !std::mem::replace(&mut self.complained, true))
    }
}

impl Filter {
    /// Whether output passes unchanged and has no other receiver.
    pub(crate) const fn is_idle(&self) -> bool {
        self.strip_ansi.is_none()
            && self.separator.is_none()
            && self.ready.is_none()
            && self.syslog.is_none()
            && self.server.is_none()
            && !self.echo
            && self.lines.is_none()
            && matches!(self.audience, Audience::None)
    }

    /// Whether one write should be read as one piece. A listener writes its result and READY one
    /// after the other, and supervisord logs both in one record.
    pub(crate) const fn is_patient(&self) -> bool {
        self.echo && matches!(self.audience, Audience::Core)
    }

    /// The part of `bytes`, written by the process `pid`, that is passed on.
    pub(crate) fn pass(&mut self, pid: Pid, bytes: &[u8]) -> Vec<u8> {
        if self.ready.as_mut().is_some_and(|needle| needle.finds(pid, bytes)) {
            self.inbox.push(Input::ReadyLogged { proc: self.proc, pid });
        }
        if self.audience == Audience::Core {
            self.repeat(bytes);
            let (proc, data) = (self.proc, bytes.to_vec());
            self.inbox.push(Input::ListenerSaid { proc, pid, data });
            return bytes.to_vec();
        }
        let bytes = match &mut self.strip_ansi {
            Some(stripper) => stripper.pass(bytes),
            None => bytes.to_vec(),
        };
        let log = self.log_of(pid, bytes);
        match &mut self.lines {
            Some(lines) => lines.pass(&log),
            None => log,
        }
    }

    /// Passes on the bytes that were held back, because the writer has exited.
    pub(crate) fn finish(&mut self, pid: Pid) -> Vec<u8> {
        let kept = self.strip_ansi.as_mut().map(Stripper::finish).unwrap_or_default();
        let mut log = self.log_of(pid, kept.to_vec());
        let rest = self.separator.as_mut().and_then(Separator::finish);
        log.extend(self.sort(pid, rest));
        if let Some(server) = &mut self.server {
            let last = server.lines.finish();
            self.tell_server(pid, &last);
        }
        match &mut self.lines {
            Some(lines) => [lines.pass(&log), lines.finish()].concat(),
            None => log,
        }
    }

    /// The part of the output that belongs in the log.
    fn log_of(&mut self, pid: Pid, bytes: Vec<u8>) -> Vec<u8> {
        match &mut self.separator {
            None => {
                self.tell(pid, &bytes);
                bytes
            }
            Some(separator) => {
                let parts = separator.feed(&bytes);
                self.sort(pid, parts)
            }
        }
    }

    /// The parts that belong in the log.
    fn sort(&mut self, pid: Pid, parts: impl IntoIterator<Item = Part>) -> Vec<u8> {
        let mut log = Vec::new();
        for part in parts {
            match part {
                Part::Log(bytes) => {
                    self.tell(pid, &bytes);
                    log.extend(bytes);
                }
                Part::Captured(bytes) => {
                    self.repeat(&bytes);
                    self.tell_listeners(pid, &bytes);
                }
                Part::Message(data) => {
                    let (proc, channel) = (self.proc, self.channel);
                    let (name, stream) = (repr(&self.name), channel.name());
                    let note = format!("{name} {stream} emitted a comm event");
                    self.journal.say(Level::Debug, &note);
                    self.inbox.push(Input::Communicated { proc, pid, channel, data });
                }
            }
        }
        log
    }

    fn tell(&mut self, pid: Pid, log: &[u8]) {
        if let Some(ToSyslog { log: syslog, complained }) = &mut self.syslog {
            for line in syslog::lines(log) {
                let sent = syslog.send(&[self.name.as_bytes(), b" ", line].concat());
                let Err(error) = sent else { continue };
                self.syslog_lost.update(|lost| lost + 1);
                if !std::mem::replace(complained, true) {
                    let (name, stream) = (&self.name, self.channel.name());
                    let note = format!(
                        "cannot send the {stream} of {name} to syslog: {error}; lines are being dropped"
                    );
                    self.journal.say(Level::Warn, &note);
                }
            }
        }
        if let Some(server) = &mut self.server {
            let whole = server.lines.pass(log);
            self.tell_server(pid, &whole);
        }
        self.repeat(log);
        self.tell_listeners(pid, log);
    }

    fn tell_server(&mut self, pid: Pid, lines: &[u8]) {
        let Some(server) = &mut self.server else { return };
        let (name, channel, lost) = (self.name.as_str(), self.channel, &self.syslog_lost);
        if let Some(error) = server.send(Writer { name, pid, channel, lost }, lines) {
            let (name, stream, target) = (&self.name, self.channel.name(), &server.server.target);
            let note = format!(
                "cannot send the {stream} of {name} to the syslog server {target}: {error}; lines \
                 are being dropped"
            );
            self.journal.say(Level::Warn, &note);
        }
    }

    fn tell_listeners(&self, pid: Pid, bytes: &[u8]) {
        if self.audience == Audience::Listeners && !bytes.is_empty() {
            let (proc, channel, data) = (self.proc, self.channel, bytes.to_vec());
            self.inbox.push(Input::Logged { proc, pid, channel, data });
        }
    }

    fn repeat(&self, bytes: &[u8]) {
        if self.echo && !bytes.is_empty() {
            let text = match std::str::from_utf8(bytes) {
                // The output of a listener is shown as bytes.
                Ok(_) if self.audience == Audience::Core => bytes_repr(bytes),
                Ok(text) => text.to_owned(),
                Err(_) => format!("Undecodable: {}", bytes_repr(bytes)),
            };
            let note = format!("{} {} output:\n{text}", repr(&self.name), self.channel.name());
            self.journal.say(Level::Debug, &note);
        }
    }
}
