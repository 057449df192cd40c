//! A relay between a client of the API and a site. It prepares the site for each request, ends
//! streams after their first event, and starts a supervisor again that a request has ended.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::harness::PATIENCE;
use crate::site::Site;

/// Requests that make an operation possible: the end of its path, and paths of POST requests.
const PREPARED: [(&str, &[&str]); 4] = [
    ("programs/app/start", &["groups/app/add", "programs/app/stop"]),
    ("groups/app/add", &["groups/app/stop", "groups/app/remove"]),
    ("groups/app/remove", &["groups/app/add", "groups/app/stop"]),
    ("/runs/1/report", &["groups/app/stop", "groups/app/remove"]),
];

/// The statuses of all responses, by method and path of the requests.
pub type Answers = BTreeMap<(String, String), Vec<u16>>;

/// Where the relay listens, and what has been answered through it.
#[derive(Debug)]
pub struct Relay {
    listener: TcpListener,
    pub answers: Answers,
}

/// A request, as its client has sent it.
struct Asked {
    method: String,
    path: String,
    bytes: Vec<u8>,
}

impl Relay {
    pub fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Self { listener, answers: Answers::new() }
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Serves one connection after the other, each with one request, until one has none.
    pub fn serve(&mut self, site: &mut Site) {
        while let Ok((client, _)) = self.listener.accept() {
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            let Some(asked) = Asked::read(&client) else { return };
            prepare(site, &asked.path);
            let status = pass(site, &asked, client);
            self.answers.entry((asked.method, asked.path.clone())).or_default().push(status);
            if status == 200 && asked.path.ends_with("supervisor/shutdown") {
                site.start_again();
            } else if status == 200 && asked.path.ends_with("supervisor/restart") {
                site.is_started();
            }
        }
    }
}

/// Has all programs run, and makes possible what a request for this path asks for.
fn prepare(site: &Site, path: &str) {
    let post = |path: &str| drop(site.post(&format!("api/v1/{path}")));
    let Some((_, before)) = PREPARED.iter().find(|(end, _)| path.ends_with(end)) else {
        return ["groups/app/add", "all/start"].into_iter().for_each(post);
    };
    before.iter().copied().for_each(post);
    if path.ends_with("report") {
        // The first run of `app` fails if this directory does not exist.
        let _ = std::fs::remove_dir(site.folder().join("failed-once"));
        let mut events = site.events("api/v1/events");
        events.wait_for(": events from now on");
        post("groups/app/add");
        events.wait_for("event: crash");
    }
}

impl Asked {
    /// `None`: the client has closed the connection and asked for nothing.
    fn read(client: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(client);
        let head = head(&mut reader)?;
        let mut words = head.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let path = target.split('?').next()?.to_owned();
        let length = header(&head, "content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        // One request for each connection, so that the end of the response needs no parsing.
        let kept = head.lines().filter(|line| !line.to_lowercase().starts_with("connection:"));
        let head: String = kept.map(|line| format!("{line}\r\n")).collect();
        let bytes = [format!("{head}Connection: close\r\n\r\n").as_bytes(), &body].concat();
        Some(Self { method, path, bytes })
    }
}

/// Passes a request on, and its response back. Returns the status.
fn pass(site: &Site, asked: &Asked, mut client: TcpStream) -> u16 {
    let mut server = site.connect();
    server.write_all(&asked.bytes).unwrap();
    let mut answer = BufReader::new(server);
    let head = head(&mut answer).unwrap_or_default();
    client.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    if header(&head, "content-type") == Some("text/event-stream") && asked.method != "HEAD" {
        let first = first_event(&mut answer);
        client.write_all(format!("{:x}\r\n{first}\r\n0\r\n\r\n", first.len()).as_bytes()).unwrap();
    } else {
        std::io::copy(&mut answer, &mut client).unwrap();
    }
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// What a stream sends up to the end of its first event, out of its chunks.
fn first_event(answer: &mut impl BufRead) -> String {
    let mut sent = String::new();
    while !sent.split_once("event: ").is_some_and(|(_, event)| event.contains("\n\n")) {
        let mut length = String::new();
        answer.read_line(&mut length).unwrap();
        let length = usize::from_str_radix(length.trim_end(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        answer.read_exact(&mut chunk).unwrap();
        sent += std::str::from_utf8(&chunk[..length]).unwrap();
    }
    sent
}

/// The lines of a head, without the empty one. `None`: there is none.
fn head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while reader.read_line(&mut head).unwrap() > 2 {}
    head.strip_suffix("\r\n").map(str::to_owned)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
