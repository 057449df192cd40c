//! Forms in which the relay of a hostile program forwards its lines, and how to read them.

use std::cell::RefCell;
use std::net::UdpSocket;
use std::rc::Rc;

use serde_json::Value;
use supervisor_core::event::Channel;
use supervisor_core::spec::LineFormat;
use supervisor_core::spec::start::HostPort;
use supervisor_wire::ansi::Stripper;

use super::super::super::filter::{Filter, ToServer};
use super::super::super::lines::Lines;
use super::super::super::syslog_server::SyslogServer;
use super::super::tests::filter;

/// A control sequence in each line.
pub(super) const RED: &str = "\x1b[1;31m";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Unchanged,
    Named,
    Json,
    Stripped,
    /// Unchanged, and to a syslog server as well.
    Syslog,
    /// A JSON object without control sequences, and to a syslog server as well.
    All,
}

impl Way {
    const ALL: [Self; 6] =
        [Self::Unchanged, Self::Named, Self::Json, Self::Stripped, Self::Syslog, Self::All];

    /// The filters of the two programs of a case: all pairs, one after another.
    pub(super) fn of_two(seed: u64) -> [Self; 2] {
        let way = |number: u64| Self::ALL[usize::try_from(number).unwrap() % Self::ALL.len()];
        [way(seed), way(seed + seed / 6)]
    }

    /// `None`: the output passes no filter.
    pub(super) fn filter(self, name: &str) -> Option<Filter> {
        let format = match self {
            Self::Unchanged => return None,
            Self::Named => LineFormat::Named,
            Self::Json | Self::All => LineFormat::Json,
            Self::Stripped | Self::Syslog => LineFormat::Unchanged,
        };
        Some(Filter {
            strip_ansi: self.strips().then(Stripper::default),
            server: matches!(self, Self::Syslog | Self::All).then(server),
            lines: Lines::new(format, name, Channel::Stdout),
            ..filter(name)
        })
    }

    pub(super) const fn strips(self) -> bool {
        matches!(self, Self::Stripped | Self::All)
    }

    /// The name of the program that wrote a line.
    pub(super) fn name_in(came: &str) -> char {
        let (_, json) = came.split_once("\"program\":\"").unwrap_or(("", came));
        json.chars().next().unwrap()
    }

    /// The program's text in a line, without the additions of the filter.
    pub(super) fn message(self, name: char, came: &str) -> String {
        match self {
            Self::Unchanged | Self::Stripped | Self::Syslog => came.to_owned(),
            Self::Named => came.strip_prefix(&format!("{name} | ")).expect("a prefix").to_owned(),
            Self::Json | Self::All => {
                let object: Value = serde_json::from_str(came).expect("a whole object");
                object["message"].as_str().unwrap().to_owned()
            }
        }
    }
}

thread_local! {
    /// A server that reads nothing, so that its socket's buffer is soon full.
    static DEAF: RefCell<Option<UdpSocket>> = const { RefCell::new(None) };
}

fn server() -> ToServer {
    let port = DEAF.with_borrow_mut(|socket| {
        let socket = socket.get_or_insert_with(|| UdpSocket::bind("127.0.0.1:0").unwrap());
        socket.local_addr().unwrap().port()
    });
    let target = HostPort { host: "127.0.0.1".to_owned(), port };
    ToServer {
        server: Rc::new(SyslogServer::new(target)),
        host: "host".to_owned(),
        lines: Lines::whole(),
        complained: false,
    }
}
