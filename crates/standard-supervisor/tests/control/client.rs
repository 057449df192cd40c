//! A client that sends bytes and reads answers, however odd either is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::harness::PATIENCE;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Client<S: Read>(BufReader<S>);

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The first line.
    pub(crate) status: String,
    /// Names in lower case, and values.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Client<UnixStream> {
    pub(crate) fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// Says nothing more, and listens.
    pub(crate) fn end(&mut self) -> &mut Self {
        self.0.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
        self
    }
}

impl Client<TcpStream> {
    /// Says nothing more, and listens.
    pub(crate) fn end(&mut self) -> &mut Self {
        self.0.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
        self
    }

    pub(crate) fn tcp(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
        self
    }

    /// As [`Self::send`], where the other end may have closed already.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.0.get_mut().write_all(bytes.as_ref())
    }

    /// Calls a method without parameters.
    pub(crate) fn call(&mut self, method: &str) -> Answer {
        self.send(post("/RPC2", "", &call(method, ""))).answer()
    }

    /// Reads a head, then as many bytes as it promises.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let (status, headers) = self.head();
        let mut answer = Answer { status, headers, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    #[track_caller]
    pub(crate) fn head(&mut self) -> (String, Vec<(String, String)>) {
        let status = self.line();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        (status, headers)
    }

    /// The next line, without its end; empty at the end of it all.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end_matches(['\r', '\n']).to_owned()
    }

    /// The next chunk of a body that comes in chunks.
    #[track_caller]
    pub(crate) fn chunk(&mut self) -> String {
        let length = usize::from_str_radix(&self.line(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        self.0.read_exact(&mut chunk).unwrap();
        chunk.truncate(length);
        String::from_utf8(chunk).unwrap()
    }

    /// Chunks until one contains `text`; all of them.
    #[track_caller]
    pub(crate) fn chunks_until(&mut self, text: &str) -> String {
        let mut all = String::new();
        while !all.contains(text) {
            let chunk = self.chunk();
            assert!(!chunk.is_empty(), "it ended after {all:?}");
            all.push_str(&chunk);
        }
        all
    }

    /// All that comes until the other end closes.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        String::from_utf8(rest).unwrap()
    }
}

/// A call as XML.
pub(crate) fn call(method: &str, params: &str) -> String {
    format!(
        "<?xml version='1.0'?><methodCall><methodName>{method}</methodName>\
         <params>{params}</params></methodCall>"
    )
}

/// A request with a body; `headers`: further ones, each with its line's end.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

/// A text as a parameter.
pub(crate) fn text(text: &str) -> String {
    format!("<param><value><string>{text}</string></value></param>")
}
