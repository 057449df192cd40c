//! Short-lived programs that the supervisor runs for itself: they inspect a program, and the
//! supervisor reads their output and exit status.
//!
//! They are reaped together with all children. The task that waits for a helper is notified then.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use supervisor_core::ids::Pid;
use supervisor_core::input::{Exit, SpawnError, SpawnErrorKind};
use supervisor_core::signal::Signal;
use supervisor_core::spec::{Launch, Sink, Stdio};
use supervisor_sys::either::either;
use supervisor_sys::io::watch::Watched;
use supervisor_sys::process::process_table::{Family, stat};
use supervisor_sys::process::reap::{self, Ended};
use supervisor_sys::process::signal;
use tokio::sync::oneshot;

use crate::launch::{Environment, Launched, Launcher};

/// Bytes read from a helper at once.
const CHUNK: usize = 16 * 1024;

/// The helpers that are running.
#[derive(Debug, Default)]
pub(crate) struct Helpers {
    launcher: Rc<Launcher>,
    running: RefCell<BTreeMap<Pid, oneshot::Sender<Exit>>>,
    /// The pids of helpers that were killed with their process groups, while a process of the group
    /// is left. The children of these helpers become the supervisor's children. They are not
    /// unknown processes.
    killed: RefCell<BTreeSet<Pid>>,
}

/// One helper. It is killed if this is dropped before it has exited.
#[derive(Debug)]
pub(crate) struct Helper {
    pid: Pid,
    helpers: Rc<Helpers>,
    output: Option<OwnedFd>,
    ended: oneshot::Receiver<Exit>,
}

/// The result of a helper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Its exit status. `None`: it exceeded its time limit and was killed.
    pub(crate) exit: Option<Exit>,
    /// Its output on stdout and stderr, up to the limit.
    pub(crate) output: Vec<u8>,
}

impl Helpers {
    /// Creates an empty set. `launcher` starts the helpers.
    pub(crate) fn new(launcher: Rc<Launcher>) -> Self {
        Self { launcher, running: RefCell::default(), killed: RefCell::default() }
    }

    /// Starts a helper: the command of `what`, in its directory, as its user and with its
    /// variables, on top of `environment`. Its stdin is empty; its output is captured.
    pub(crate) fn start(
        self: &Rc<Self>,
        name: &str,
        what: &Launch,
        environment: Environment,
    ) -> Result<Helper, SpawnError> {
        self.start_from(name, what, environment, None)
    }

    /// Starts a helper that reads `input` from its standard input.
    pub(crate) fn start_with_input(
        self: &Rc<Self>,
        name: &str,
        what: &Launch,
        environment: Environment,
        input: &[u8],
    ) -> Result<Helper, SpawnError> {
        let file = memory_file(input).map_err(|error| {
            let message = format!("cannot create the input of '{name}': {error}");
            SpawnError::new(SpawnErrorKind::Transient, message)
        })?;
        self.start_from(name, what, environment, Some(file.as_fd()))
    }

    fn start_from(
        self: &Rc<Self>,
        name: &str,
        what: &Launch,
        environment: Environment,
        input: Option<BorrowedFd<'_>>,
    ) -> Result<Helper, SpawnError> {
        let stdio = Stdio::Captured { stdout: Sink::Discard.into(), stderr: None };
        let what = Launch { stdio, socket: None, die_with_supervisor: true, ..what.clone() };
        let Launched { pid, pipes } =
            self.launcher.launch(name, &what, environment, input, None)?;
        let (told, ended) = oneshot::channel();
        self.running.borrow_mut().insert(pid, told);
        let output = pipes.map(|pipes| pipes.stdout);
        Ok(Helper { pid, helpers: Rc::clone(self), output, ended })
    }

    /// Whether a helper has this pid and is not yet reaped.
    pub(crate) fn has(&self, pid: Pid) -> bool {
        self.running.borrow().contains_key(&pid)
    }

    /// The pids of all helpers that are not yet reaped.
    pub(crate) fn pids(&self) -> Vec<Pid> {
        self.running.borrow().keys().copied().collect()
    }

    /// Reaps the next child that is neither a helper nor was killed with one. `look` sees the child
    /// before it is reaped, while `/proc` still describes it.
    pub(crate) fn next_other<T>(&self, look: impl Fn(Pid, Exit) -> T) -> Option<(Ended, T)> {
        loop {
            let (pid, exit) = reap::peek()?;
            if let Some(told) = self.running.borrow_mut().remove(&pid) {
                reap::found(pid)?;
                // The task may no longer wait for it.
                let _ = told.send(exit);
                continue;
            }
            let killed = self.was_killed(pid);
            let seen = (!killed).then(|| look(pid, exit));
            let ended = reap::found(pid)?;
            self.killed.borrow_mut().retain(|group| signal::group_is_there(*group));
            if let Some(seen) = seen {
                return Some((ended, seen));
            }
        }
    }

    /// Whether a process that has exited was killed with a helper. Its process group is visible
    /// until it is reaped.
    fn was_killed(&self, pid: Pid) -> bool {
        let killed = self.killed.borrow();
        let group = || stat(pid).ok().flatten().map(|stat| Pid(stat.pgrp));
        !killed.is_empty() && group().is_some_and(|group| killed.contains(&group))
    }
}

impl Helper {
    /// Waits for its exit, at most `limit`, and keeps `room` bytes of its output.
    pub(crate) async fn finish(mut self, limit: Duration, room: usize) -> Outcome {
        let mut output = Vec::new();
        let pipe = self.output.take();
        let ended = &mut self.ended;
        let all = async {
            if let Some(Ok(pipe)) = pipe.map(Watched::for_reading) {
                read_all(&pipe, &mut output, room).await;
            }
            ended.await.ok()
        };
        let exit = tokio::time::timeout(limit, all).await.ok().flatten();
        Outcome { exit, output }
    }
}

impl Helper {
    pub(crate) const fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for its exit, at most `limit`, and ignores its output. Does not wait for other
    /// processes that hold its output open.
    pub(crate) async fn exit(mut self, limit: Duration) -> Option<Exit> {
        let pipe = self.output.take();
        let ended = &mut self.ended;
        let unread = async {
            if let Some(Ok(pipe)) = pipe.map(Watched::for_reading) {
                read_all(&pipe, &mut Vec::new(), 0).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::time::timeout(limit, either(ended, unread)).await.ok()??.ok()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // A helper that is not reaped still has its pid, and leads its group.
        if self.helpers.has(self.pid) {
            kill_below(self.pid);
            let _ = signal::send_to_group(self.pid, Signal::KILL);
            self.helpers.killed.borrow_mut().insert(self.pid);
        }
    }
}

/// An anonymous file with these bytes, positioned at its start.
fn memory_file(bytes: &[u8]) -> io::Result<File> {
    let file = rustix::fs::memfd_create("input", MemfdFlags::CLOEXEC)?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// Kills all descendants of a process, whatever their group or session. Call it before you kill the
/// process itself: descendants are only found while their parents live.
pub(crate) fn kill_below(pid: Pid) {
    let below = Family::now().and_then(|family| family.descendants(pid));
    for member in below.unwrap_or_default() {
        // One that has ended in the meantime needs no signal.
        let _ = signal::send_to_member(member, Signal::KILL);
    }
}

/// Reads all output and drops what exceeds `room`, so that the writer never blocks.
async fn read_all(pipe: &Watched<OwnedFd>, output: &mut Vec<u8>, room: usize) {
    // Not in the future itself, which is moved on the stack.
    let mut chunk = vec![0; CHUNK];
    while let Some(ready) = pipe.readable().await {
        match rustix::io::read(pipe.get(), &mut chunk) {
            Ok(0) => return,
            Ok(bytes) => {
                let kept = bytes.min(room.saturating_sub(output.len()));
                output.extend_from_slice(&chunk[..kept]);
                // Yields to other tasks, however fast the helper writes.
                tokio::task::yield_now().await;
            }
            Err(Errno::AGAIN) => ready.spend(),
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
