//! For any bytes that a client sends, the server responds or closes the connection, and keeps
//! running.

use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use supervisor_config::{Credentials, Listen, Server};
use supervisor_core::command::{Command, CommandResult, Rejection};
use supervisor_core::event::Channel;
use supervisor_core::ids::{Pid, ProcId, RunId};
use supervisor_core::input::SpawnError;
use supervisor_core::level::Level;
use supervisor_core::spec::{SignalRule, Spec, WhenDone};
use supervisor_core::time::{Mono, Now, Wall};
use supervisor_core::{Observed, Supervisor};
use supervisor_sys::io::counters::IoCounters;
use supervisor_sys::io::recent::Recent;
use supervisor_sys::io::stdin::CannotWrite;
use supervisor_sys::process::process_table::Family;
use tokio::sync::{broadcast, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use super::connection::{self, ConnectionContext};
use super::limits::connections::ConnectionLimit;
use super::listen::Serves;
use super::serve::ServerState;
use super::stream::Stream;
use crate::control::{About, Control};
use crate::machine::{Later, Machine};
use crate::site;

/// Number of test cases.
const CASES: u64 = 3000;

/// Longer than any time limit of a request. The test's clock does not wait.
const LONG: Duration = Duration::from_secs(600);

/// A machine without programs that rejects all commands.
#[derive(Debug)]
struct Nothing {
    core: RefCell<Supervisor>,
    events: broadcast::Sender<Observed>,
    said: Rc<RefCell<Vec<String>>>,
}

impl Machine for Nothing {
    fn core(&self) -> Ref<'_, Supervisor> {
        self.core.borrow()
    }

    fn now(&self) -> Now {
        let (mono, wall) = (Mono::from_zero(LONG), Wall::from_epoch(LONG));
        Now { mono, wall }
    }

    fn ask(&self, _: Command) -> Later<'_, CommandResult> {
        Box::pin(async { Err(Rejection::BadName) })
    }

    fn obstacle(&self, _: ProcId) -> Option<SpawnError> {
        None
    }

    fn roots<'a>(&'a self, _: &'a Family) -> Later<'a, io::Result<Vec<(Pid, ProcId)>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn io_counters(&self) -> BTreeMap<ProcId, IoCounters> {
        BTreeMap::new()
    }

    fn log_path(&self, _: ProcId, _: Channel) -> Option<PathBuf> {
        None
    }

    fn recent_output(&self, _: ProcId, _: Channel) -> Option<Rc<Recent>> {
        None
    }

    fn crash_reports(&self, _: ProcId) -> Vec<(RunId, serde_json::Value)> {
        Vec::new()
    }

    fn clear_logs(&self, _: ProcId) -> io::Result<()> {
        Ok(())
    }

    fn clear_main_log(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn write_stdin(&self, _: ProcId, _: &[u8]) -> Option<Result<(), CannotWrite>> {
        None
    }

    fn observe(&self) -> broadcast::Receiver<Observed> {
        self.events.subscribe()
    }

    fn say(&self, level: Level, message: &str) {
        if matches!(level, Level::Error | Level::Warn) {
            self.said.borrow_mut().push(message.to_owned());
        }
    }

    fn says(&self, _: Level) -> bool {
        true
    }

    fn lines_lost(&self) -> u64 {
        0
    }
}

/// Pseudo-random numbers, the same for the same seed.
struct Dice(Cell<u64>);

impl Dice {
    fn below(&self, end: usize) -> usize {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        usize::try_from(x % end.max(1) as u64).unwrap()
    }

    fn of<'a>(&self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const PATHS: &[&str] = &[
    "/",
    "/RPC2",
    "/RPC2/x",
    "/index.html?action=stopall",
    "/tail.html?processname=a&limit=9e9",
    "/logtail/a",
    "/logtail/%00",
    "/mainlogtail",
    "/api/v1/programs",
    "/api/v1/programs/%ff",
    "/api/v1/supervisor",
    "/api/v1/events",
    "/api/v1/openapi.json",
    "/api/v1/groups/a/start",
    "/api/v1/supervisor/log?offset=-1",
    "/api/v1/supervisor/log/stream?from=99",
    "/livez",
    "/readyz",
    "/startupz",
    "/ping",
    "/metrics",
    "*",
    "http://x/livez",
    "/%",
    "/..",
    "/stylesheets/supervisor.css",
];

const HEADERS: &[&str] = &[
    "Host: x\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 99999999999\r\n",
    "Content-Length: 1\r\nContent-Length: 2\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Expect: 100-continue\r\n",
    "Connection: close\r\n",
    "Connection: upgrade\r\nUpgrade: h2c\r\n",
    "Authorization: Basic dTpw\r\n",
    "Authorization: Basic \u{ff}\r\n",
    "Origin: http://evil\r\n",
    "Sec-Fetch-Site: cross-site\r\n",
    "Range: bytes=0-\r\n",
    "If-None-Match: *\r\n",
    " folded\r\n",
    "Content-Type: application/x-www-form-urlencoded\r\n",
    "\u{0}: x\r\n",
    "X: \u{1b}[2J\r\n",
];

const BODIES: &[&str] = &[
    "",
    "hello",
    "action=stopall&processname=%",
    "5\r\nhello\r\n0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "<methodCall><methodName>supervisor.getState</methodName></methodCall>",
    "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data/></array></value></param></params></methodCall>",
    "<methodCall><methodName>supervisor.readLog</methodName><params><param><value><int>-9223372036854775808</int></value></param><param><value><int>1</int></value></param></params></methodCall>",
    "<value><array><data>",
    "]]>",
    "\u{0}\u{1}",
];

fn request(dice: &Dice) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..=dice.below(3) {
        text += dice
            .of(&["GET", "GET", "POST", "POST", "HEAD", "OPTIONS", "PUT", "get", "\u{0}", "PRI"]);
        text += dice.of(&[" ", " ", " ", "  ", ""]);
        text += dice.of(PATHS);
        text += dice.of(&[
            " HTTP/1.1\r\n",
            " HTTP/1.1\r\n",
            " HTTP/1.0\r\n",
            " HTTP/2.0\r\n",
            "\r\n",
            "\n",
        ]);
        let mut body = dice.of(BODIES);
        for _ in 0..dice.below(5) {
            text += dice.of(HEADERS);
        }
        if dice.below(2) == 0 {
            text += &format!("Content-Length: {}\r\n", body.len());
        } else if dice.below(3) == 0 {
            body = "";
        }
        text += dice.of(&["\r\n", "\r\n", "\r\n", "\n", ""]);
        text += body;
    }
    let mut bytes = text.into_bytes();
    if dice.below(3) == 0 {
        for _ in 0..=dice.below(4) {
            let at = dice.below(bytes.len());
            bytes[at] = u8::try_from(dice.below(256)).unwrap();
        }
    }
    if dice.below(4) == 0 {
        bytes.truncate(dice.below(bytes.len()));
    }
    bytes
}

/// The response to these bytes, after which the client sends nothing more.
async fn answer(server: &Rc<ServerState>, serves: Serves, locked: bool, bytes: &[u8]) -> Vec<u8> {
    let (mut client, socket) = UnixStream::pair().unwrap();
    client.write_all(bytes).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    client.set_nonblocking(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    let slot = ConnectionLimit::new(1).take().await;
    let password = || Credentials { username: "u".to_owned(), password: "p".to_owned() };
    let (server, credentials, peer) = (Rc::clone(server), locked.then(password), String::new());
    let context = ConnectionContext { server, serves, credentials, peer };
    let (_end, ending) = watch::channel(false);
    let stream = Stream::new(OwnedFd::from(socket), &slot.activity).unwrap();
    let serving = spawn_local(async move {
        connection::serve(stream, &slot.activity, context, ending).await;
    });
    let reading = async {
        let mut answer = Vec::new();
        loop {
            let mut piece = [0; 65_536];
            match client.read(&mut piece) {
                Ok(0) => return answer,
                Ok(read) => answer.extend_from_slice(&piece[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tokio::task::yield_now().await;
                }
                // The server closed the connection with unread bytes.
                Err(_) => return answer,
            }
        }
    };
    let both = async {
        let answer = reading.await;
        serving.await.unwrap();
        answer
    };
    timeout(LONG, both).await.unwrap_or_else(|_| panic!("no end: {}", bytes.escape_ascii()))
}

/// Stack size in bytes, as for a program's main thread, on which the server runs. Unoptimized
/// responses need more than a test thread has.
const STACK: usize = 8 << 20;

#[test]
fn any_bytes_get_responses_or_a_closed_connection() {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(play);
    thread.unwrap().join().unwrap();
}

/// A supervisor without programs, and its errors and warnings.
fn control() -> (Control, Rc<RefCell<Vec<String>>>) {
    let spec = Spec {
        groups: Vec::new(),
        signals: SignalRule::Supervisord,
        when_done: WhenDone::Stay,
        prestop_delay: Duration::ZERO,
        prestop_idle: None,
        stop_budget: None,
        hooks: Vec::new(),
    };
    let said = Rc::new(RefCell::new(Vec::new()));
    let machine = Nothing {
        core: RefCell::new(Supervisor::new(spec)),
        events: broadcast::channel(8).0,
        said: Rc::clone(&said),
    };
    let about = About {
        identifier: "supervisor".to_owned(),
        log: Some(PathBuf::from("/nonexistent/log")),
        namespaces: vec!["supervisor".to_owned()],
        reread: Box::new(|| Ok(Vec::new())),
    };
    (Control::new(Box::new(machine), about, None), said)
}

fn play() {
    let (control, said) = control();
    let server = Rc::new(ServerState::new(control, site::pages()));
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        for case in 1..=CASES {
            let dice = Dice(Cell::new(case.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            let (bytes, locked) = (request(&dice), dice.below(3) == 0);
            let serves = [Serves::Operators, Serves::Operators, Serves::Status][dice.below(3)];
            let answer = answer(&server, serves, locked, &bytes).await;
            let shown = bytes.escape_ascii();
            let is_http = answer.is_empty() || answer.starts_with(b"HTTP/1.");
            assert!(is_http, "case {case}, {shown}: {}", answer.escape_ascii());
            let panicked = said.borrow().iter().any(|line| line.starts_with("Server Error"));
            assert!(!panicked, "case {case}, {shown}: {:?}", said.borrow());
        }
    });
    assert_eq!(server.traffic.connections(), 0);
}

#[test]
fn a_removed_socket_is_created_again_with_a_log_line() {
    let folder = std::env::temp_dir().join(format!("removed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("s.sock");
    let listen = Listen::Unix { path: path.clone(), mode: 0o600, owner: None };
    let server = Server { section: String::new(), listen, credentials: None };
    let doors = super::open(&[server], None).unwrap();
    let (control, said) = control();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let _serving = super::serve(doors, control, site::pages());
        std::fs::remove_file(&path).unwrap();
        // The test's clock does not wait.
        tokio::time::sleep(LONG).await;
        UnixStream::connect(&path).unwrap();
    });
    let line = format!("the socket {} was removed; it has been created again", path.display());
    assert_eq!(*said.borrow(), [line]);
    std::fs::remove_dir_all(folder).unwrap();
}
