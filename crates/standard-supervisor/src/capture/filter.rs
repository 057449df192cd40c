//! What happens to a program's output on its way to where it goes.
//!
//! supervisord's order: control sequences go, messages are taken out, then what is
//! left is repeated in the supervisor's own log and in the system's.

use std::rc::Rc;

use supervisor_core::level::Level;
use supervisor_wire::communication::{Part, Separator};
use supervisor_wire::python::{bytes_repr, repr};
use supervisor_wire::{ansi, syslog};

use super::journal::Journal;
use super::syslog::Syslog;

/// The way of one stream.
#[derive(Debug)]
pub(crate) struct Filter {
    /// The process's name.
    pub(crate) name: String,
    /// `stdout` or `stderr`.
    pub(crate) stream: &'static str,
    pub(crate) strip_ansi: bool,
    pub(crate) separator: Option<Separator>,
    pub(crate) syslog: Option<ToSyslog>,
    /// Whether all of it is repeated in the journal.
    pub(crate) echo: bool,
    pub(crate) journal: Rc<Journal>,
}

/// The system's log, and whether it was said that it can't be written to.
#[derive(Debug)]
pub(crate) struct ToSyslog {
    pub(crate) log: Rc<Syslog>,
    pub(crate) complained: bool,
}

impl Filter {
    /// Whether bytes come out as they went in, and nobody else wants them.
    pub(crate) const fn is_idle(&self) -> bool {
        !self.strip_ansi && self.separator.is_none() && self.syslog.is_none() && !self.echo
    }

    /// What of `bytes` goes on.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let bytes = if self.strip_ansi { ansi::strip(bytes) } else { bytes.to_vec() };
        let Some(separator) = &mut self.separator else {
            self.tell(&bytes);
            return bytes;
        };
        let parts = separator.feed(&bytes);
        self.sort(parts)
    }

    /// The writer has ended: what was held back goes on.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let rest = self.separator.as_mut().and_then(Separator::finish);
        self.sort(rest)
    }

    /// What belongs in the log.
    fn sort(&mut self, parts: impl IntoIterator<Item = Part>) -> Vec<u8> {
        let mut log = Vec::new();
        for part in parts {
            match part {
                Part::Log(bytes) => {
                    self.tell(&bytes);
                    log.extend(bytes);
                }
                Part::Captured(bytes) => self.repeat(&bytes),
                Part::Message(_) => {
                    let note = format!("{} {} emitted a comm event", repr(&self.name), self.stream);
                    self.journal.say(Level::Debug, &note);
                }
            }
        }
        log
    }

    fn tell(&mut self, log: &[u8]) {
        if let Some(ToSyslog { log: syslog, complained }) = &mut self.syslog {
            for line in syslog::lines(log) {
                let sent = syslog.send(&[self.name.as_bytes(), b" ", line].concat());
                if let Err(error) = sent
                    && !std::mem::replace(complained, true)
                {
                    let (name, stream) = (&self.name, self.stream);
                    let note = format!(
                        "cannot send the {stream} of {name} to syslog: {error}; lines are being dropped"
                    );
                    self.journal.say(Level::Warn, &note);
                }
            }
        }
        self.repeat(log);
    }

    fn repeat(&self, bytes: &[u8]) {
        if self.echo && !bytes.is_empty() {
            let text = match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => format!("Undecodable: {}", bytes_repr(bytes)),
            };
            let note = format!("{} {} output:\n{text}", repr(&self.name), self.stream);
            self.journal.say(Level::Debug, &note);
        }
    }
}
