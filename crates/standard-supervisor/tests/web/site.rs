//! A supervisord with a page, and what can be asked of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{PATIENCE, Running, clean, free_port, program};

/// A supervisord with a server. All of it ends with this value.
pub struct Site {
    pub running: Running,
    pub port: u16,
    folder: PathBuf,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Site {
    /// Starts one with these programs, in a folder of its own: `FOLDER` in `programs`.
    pub fn with(name: &str, programs: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("web-test-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (port, shown) = (free_port(), folder.display().to_string());
        let programs = programs.replace("FOLDER", &shown);
        let config = format!(
            "[supervisord]\nnodaemon=true\nlogfile={shown}/main.log\n\
             pidfile={shown}/pid\nchildlogdir={shown}\nidentifier=site\n\
             [inet_http_server]\nport=127.0.0.1:{port}\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=\
             supervisor.rpcinterface:make_main_rpcinterface\n{programs}"
        );
        std::fs::write(folder.join("site.conf"), config).unwrap();
        let mut site = Self { running: start(&folder), port, folder };
        site.is_started();
        site
    }

    /// Waits for its exit and starts it again.
    pub fn start_again(&mut self) {
        assert_eq!(self.running.exit_code(), 0);
        self.running = start(&self.folder);
        self.is_started();
    }

    /// Waits until it says that it has started, once more if it has said so before.
    pub fn is_started(&mut self) {
        self.running.stdout.wait_for("supervisord started with pid");
    }

    /// Starts a supervisor in command mode, in its own directory.
    pub fn of_command(name: &str, command: &[&str]) -> Self {
        Self::of_command_with(name, &[], command)
    }

    /// Like `of_command`, with additional variables.
    pub fn of_command_with(name: &str, variables: &[(&str, &str)], command: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("web-test-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        let mut supervisor = clean(program("standard-supervisor"), command);
        supervisor
            .current_dir(&folder)
            .env("SUPERVISOR_INET_HTTP_SERVER_PORT", format!("127.0.0.1:{port}"))
            .env("SUPERVISOR_CONFIG_PATH", folder.join("supervisord.conf"))
            .envs(variables.iter().copied())
            .env("PROCESS_CRASH_DIR", folder.join("crashes"));
        let mut running = Running::start(&mut supervisor);
        running.stderr.wait_for("spawned: 'app'");
        Self { running, port, folder }
    }

    /// The output of `supervisorctl`.
    pub fn ctl(&self, words: &[&str]) -> String {
        let url = self.url("").trim_end_matches('/').to_owned();
        let words = ["-s", &url].into_iter().chain(words.iter().copied());
        let output = clean(program("supervisorctl"), words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Where it keeps its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL of something.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Asks, with further lines for the head of the request.
    pub fn ask(&self, request: &str, head: &[&str], body: &str) -> Answer {
        let mut stream = self.connect();
        let mut text = format!(
            "{request} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.port,
            body.len()
        );
        for line in head {
            text += &format!("{line}\r\n");
        }
        stream.write_all(format!("{text}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET /{path}"), &[], "")
    }

    pub fn post(&self, path: &str) -> Answer {
        self.ask(&format!("POST /{path}"), &[], "")
    }

    /// What the API tells of a program.
    pub fn program(&self, name: &str) -> Value {
        self.get(&format!("api/v1/programs/{name}")).json()
    }

    /// Follows a stream of events.
    pub fn events(&self, path: &str) -> Events {
        let mut stream = self.connect();
        let head = format!("GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", self.port);
        stream.write_all(head.as_bytes()).unwrap();
        Events(BufReader::new(stream))
    }

    /// A connection to its server.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

fn start(folder: &Path) -> Running {
    let mut command = clean(program("supervisord"), ["-c".as_ref(), &*folder.join("site.conf")]);
    Running::start(command.current_dir(folder))
}

/// Events as they come.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// Waits for a line that contains `text` and returns it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            let mut line = Vec::new();
            let read = self.0.read_until(b'\n', &mut line);
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains(text) {
                return line;
            }
            assert!(matches!(read, Ok(1..)), "no {text:?}, but {read:?} after {seen:#?}");
            seen.push(line);
        }
    }

    /// The data of the next event with this name that contains `text`.
    #[track_caller]
    pub fn data(&mut self, name: &str, text: &str) -> Value {
        loop {
            self.wait_for(&format!("event: {name}\n"));
            let line = self.wait_for("data: ");
            if line.contains(text) {
                return serde_json::from_str(line.trim_start_matches("data: ")).unwrap();
            }
        }
    }
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.running.signal("TERM");
        self.running.exit_code();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
