//! Somebody at a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};

use crate::harness::{PATIENCE, status, terminal, wait};

/// A program on a terminal of its own, what is on the screen, and a keyboard.
#[derive(Debug)]
pub(crate) struct Screen {
    child: Child,
    keyboard: File,
    arriving: Receiver<Vec<u8>>,
    seen: String,
    place: usize,
}

impl Screen {
    /// Starts a program that believes somebody is there.
    pub(crate) fn start(command: &Command) -> Self {
        let (controller, device) = terminal();
        // Its own session, so that the terminal is its own, and Ctrl-C is for it.
        let mut session = Command::new("setsid");
        session.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => session.env(name, value),
                None => session.env_remove(name),
            };
        }
        session.current_dir(command.get_current_dir().unwrap()).env("TERM", "xterm");
        let copy = |fd: &OwnedFd| fd.try_clone().unwrap();
        session.stdin(copy(&device)).stdout(copy(&device)).stderr(device);
        let child = session.spawn().unwrap();
        // The command holds the terminal's other side, which must close with the child.
        drop(session);
        let mut screen = File::from(copy(&controller));
        let (sender, arriving) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // A terminal that nobody holds any more fails to be read.
            while let Ok(length @ 1..) = screen.read(&mut piece) {
                if sender.send(piece[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard: File::from(controller), arriving, seen: String::new(), place: 0 }
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is on the screen, behind what has been waited for.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        loop {
            if let Some(at) = self.seen[self.place..].find(text) {
                self.place += at + text.len();
                return;
            }
            match self.arriving.recv_timeout(PATIENCE) {
                Ok(piece) => self.seen.push_str(&String::from_utf8_lossy(&piece)),
                Err(why) => panic!("no {text:?} ({why}); seen: {:?}", self.seen),
            }
        }
    }

    /// What was on the screen up to what has been waited for.
    pub(crate) fn seen(&self) -> &str {
        &self.seen[..self.place]
    }

    /// Waits for the end, and returns the exit code and all that was seen.
    pub(crate) fn end(mut self) -> (i32, String) {
        let code = status(wait(&mut self.child));
        while let Ok(piece) = self.arriving.recv_timeout(PATIENCE) {
            self.seen.push_str(&String::from_utf8_lossy(&piece));
        }
        (code, std::mem::take(&mut self.seen))
    }
}

impl Drop for Screen {
    /// A failed test leaves nobody at a terminal.
    fn drop(&mut self) {
        let _ = self.child.kill();
        wait(&mut self.child);
    }
}
