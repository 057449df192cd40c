//! Network namespaces: machines of their own, as far as addresses go. As root only.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::harness::{PATIENCE, kill, skip};

/// A namespace with a loopback interface that is up; removed when dropped.
#[derive(Debug)]
pub struct Namespace(String);

impl Namespace {
    /// `None`: not root, or iproute2 isn't installed.
    pub fn new(name: &str) -> Option<Self> {
        let name = format!("field-{name}-{}", std::process::id());
        let output = Command::new("ip").args(["netns", "add", &name]).output();
        if !output.is_ok_and(|output| output.status.success()) {
            skip("no network namespace can be made: not root, or no iproute2", "REQUIRE_NETNS");
            return None;
        }
        let namespace = Self(name);
        namespace.ip(&["link", "set", "lo", "up"]);
        Some(namespace)
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    /// Where it is bound.
    pub fn path(&self) -> String {
        format!("/run/netns/{}", self.0)
    }

    /// Configures it: `ip -n NAME WORDS`.
    #[track_caller]
    pub fn ip(&self, words: &[&str]) {
        let output = Command::new("ip").args(["-n", &self.0]).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes this its `/etc/resolv.conf`, for those that are started in it.
    pub fn resolv_conf(&self, text: &str) {
        fs::create_dir_all(self.etc()).unwrap();
        fs::write(format!("{}/resolv.conf", self.etc()), text).unwrap();
    }

    /// Where `ip netns exec` looks for files that take the place of those in /etc.
    fn etc(&self) -> String {
        format!("/etc/netns/{}", self.0)
    }

    /// The same command, to be run in it.
    pub fn inside(&self, command: &Command) -> Command {
        let mut wrapped = Command::new("ip");
        wrapped.args(["netns", "exec", &self.0]).arg(command.get_program());
        wrapped.args(command.get_args()).stdin(std::process::Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        wrapped
    }

    /// A program to be run in it.
    pub fn program<S: AsRef<OsStr>>(&self, words: &[S]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        self.inside(&command)
    }

    /// Sends a request to a server in it; all that it answers.
    pub fn http(&self, address: SocketAddr, request: &str) -> std::io::Result<String> {
        let place = File::open(self.path()).unwrap();
        let ask = || {
            move_into_link_name_space(place.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let head =
                format!("{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        // A thread of its own: only that is moved.
        std::thread::scope(|scope| scope.spawn(ask).join().unwrap())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A failed test leaves nothing behind: whoever runs in it is the test's.
        let output = Command::new("ip").args(["netns", "pids", &self.0]).output().unwrap();
        for pid in String::from_utf8_lossy(&output.stdout).split_whitespace() {
            kill(pid.parse().unwrap(), "KILL");
        }
        let _ = Command::new("ip").args(["netns", "del", &self.0]).output();
        let _ = fs::remove_dir_all(self.etc());
    }
}
