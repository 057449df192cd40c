//! Where output ends up, and how bytes get there without ever waiting.
//!
//! The inherited descriptors are shared with others, so their flags are left
//! alone: each kind of target has its own way to be asked not to wait.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::pipe::SpliceFlags;

use super::glance;
use super::log_file::LogFile;
use super::tail::Tail;
use crate::sys::watch::Watched;

/// Bytes moved by one system call where they are copied.
const CHUNK: usize = 64 * 1024;

/// Bytes asked for by one system call where they are not.
const SPLICE: usize = 1024 * 1024;

/// Bytes that are looked at before they are handed on. Of more than these only the last
/// [`KEPT_BACK`] are: looking at a flood would cost as much as copying it.
const LOOKED_AT: usize = 16 * 1024;

/// Bytes at the end of a flood that stay in the pipe until the next time: they may be the
/// last, and then are what somebody wants to read. A page, so that whole pages are moved.
const KEPT_BACK: usize = 4096;

/// Bytes that a terminal which said that it is ready is trusted to take at once.
const TERMINAL_CHUNK: usize = 256;

thread_local! {
    /// Shared by all: what is in it is delivered, or held, before anybody else reads.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(CHUNK));
}

/// A place that takes bytes.
#[derive(Debug)]
pub(crate) struct Sink {
    target: Target,
    /// Nobody reads it any more; what comes is dropped.
    gone: Cell<bool>,
    writable: OnceCell<Option<Watched<OwnedFd>>>,
}

#[derive(Debug)]
enum Target {
    /// Pages are handed on from pipe to pipe, nothing is copied.
    Pipe(BorrowedFd<'static>),
    Socket(BorrowedFd<'static>),
    /// A terminal of which we have a description of our own.
    Terminal(OwnedFd),
    /// A terminal that we may not open again.
    SharedTerminal(BorrowedFd<'static>),
    /// A file or device that takes what it gets.
    Plain(BorrowedFd<'static>),
    Log(RefCell<LogFile>),
    Nowhere,
}

/// What came of an attempt to move bytes.
#[derive(Debug)]
pub(crate) enum Moved {
    /// This many were moved, and there may be more.
    Bytes(usize),
    /// The source has nothing at present.
    SourceEmpty,
    /// The sink can't take any at present.
    SinkFull,
    /// The source has ended.
    End,
    /// This many bytes went nowhere: nobody reads any more, which has been told before.
    Dropped(usize),
    /// This many bytes were lost because the sink failed in this way.
    Lost(usize, io::Error),
}

impl Sink {
    /// One of our own standard streams.
    pub(crate) fn inherited(fd: BorrowedFd<'static>) -> Self {
        Self::new(classify(fd))
    }

    /// Whether two of our standard streams are one and the same file.
    pub(crate) fn are_same(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
        let identity = |fd| rustix::fs::fstat(fd).map(|stat| (stat.st_dev, stat.st_ino)).ok();
        identity(one).is_some_and(|one| Some(one) == identity(other))
    }

    /// A log file.
    pub(crate) fn log_file(file: LogFile) -> Self {
        Self::new(Target::Log(RefCell::new(file)))
    }

    /// A place where bytes vanish.
    pub(crate) fn nowhere() -> Self {
        Self::new(Target::Nowhere)
    }

    fn new(target: Target) -> Self {
        Self { target, gone: Cell::new(false), writable: OnceCell::new() }
    }

    /// Moves some bytes from `source`, a pipe whose reading end doesn't wait. Bytes
    /// that were read and could not be delivered are in `held` until the next time.
    /// What goes by is remembered in `tail`.
    pub(crate) fn draw(
        &self,
        source: BorrowedFd<'_>,
        held: &mut Vec<u8>,
        tail: Option<&mut Tail>,
    ) -> Moved {
        match &self.target {
            Target::Pipe(pipe) if !self.gone.get() => match tail {
                Some(tail) => self.splice_seen(source, *pipe, tail),
                None => self.splice(source, *pipe, SPLICE),
            },
            Target::Pipe(_)
            | Target::Socket(_)
            | Target::Terminal(_)
            | Target::SharedTerminal(_)
            | Target::Plain(_)
            | Target::Log(_)
            | Target::Nowhere => self.copy(source, held, |bytes, held| {
                if let Some(tail) = tail {
                    tail.add(bytes);
                }
                self.deliver(bytes, held)
            }),
        }
    }

    /// As [`Self::draw`], but what is read goes through `pass` first.
    pub(crate) fn draw_through(
        &self,
        source: BorrowedFd<'_>,
        held: &mut Vec<u8>,
        pass: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Moved {
        self.copy(source, held, |bytes, held| {
            let moved = self.deliver(&pass(bytes), held);
            // What was taken out on the way has moved, too.
            let whole = bytes.len().saturating_sub(held.len());
            match moved {
                Moved::Bytes(_) => Moved::Bytes(whole),
                Moved::Dropped(_) => Moved::Dropped(whole),
                Moved::SourceEmpty | Moved::SinkFull | Moved::End | Moved::Lost(..) => moved,
            }
        })
    }

    /// Waits until a full sink can take more.
    pub(crate) async fn writable(&self) {
        // A file can't be waited for; it is never full either.
        let watch = || Watched::for_writing(self.descriptor()?).ok();
        match self.writable.get_or_init(watch) {
            Some(watched) => {
                if let Some(ready) = watched.writable().await {
                    ready.spend();
                }
            }
            None => tokio::task::yield_now().await,
        }
    }

    fn descriptor(&self) -> Option<OwnedFd> {
        match &self.target {
            Target::Pipe(fd)
            | Target::Socket(fd)
            | Target::SharedTerminal(fd)
            | Target::Plain(fd) => fd.try_clone_to_owned().ok(),
            Target::Terminal(fd) => fd.try_clone().ok(),
            Target::Log(file) => file.borrow().descriptor(),
            Target::Nowhere => None,
        }
    }

    /// Opens a log file again: it may have been moved away. Others stay as they are.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        match &self.target {
            Target::Log(file) => file.borrow_mut().reopen(),
            Target::Pipe(_)
            | Target::Socket(_)
            | Target::Terminal(_)
            | Target::SharedTerminal(_)
            | Target::Plain(_)
            | Target::Nowhere => Ok(()),
        }
    }

    /// As [`Self::splice`], with a look at what is moved.
    fn splice_seen(&self, source: BorrowedFd<'_>, pipe: BorrowedFd<'_>, tail: &mut Tail) -> Moved {
        if tail.is_flooded() {
            let waiting = rustix::io::ioctl_fionread(source).unwrap_or(0);
            let waiting = usize::try_from(waiting).unwrap_or(usize::MAX);
            if waiting > LOOKED_AT {
                // Of a full pipe its writer waits to write more.
                let kept = if waiting < glance::MOST { KEPT_BACK } else { 0 };
                let moved = self.splice(source, pipe, waiting - kept);
                if let Moved::Bytes(bytes) = moved {
                    tail.came(true);
                    tail.miss(bytes as u64);
                }
                return moved;
            }
        }
        let looked = glance::at(source, LOOKED_AT, |bytes| {
            if bytes.is_empty() {
                return Moved::End;
            }
            tail.came(bytes.len() == LOOKED_AT);
            let moved = self.splice(source, pipe, bytes.len());
            if let Moved::Bytes(moved) = moved {
                tail.add(&bytes[..moved.min(bytes.len())]);
            }
            moved
        });
        match looked {
            Ok(moved) => moved,
            Err(Errno::AGAIN) => Moved::SourceEmpty,
            // Where there is no looking, it goes by unseen.
            Err(_) => self.splice(source, pipe, SPLICE),
        }
    }

    fn splice(&self, source: BorrowedFd<'_>, pipe: BorrowedFd<'_>, most: usize) -> Moved {
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        match rustix::pipe::splice(source, None, pipe, None, most, flags) {
            Ok(0) => Moved::End,
            Ok(bytes) => Moved::Bytes(bytes),
            Err(Errno::INTR) => Moved::Bytes(0),
            Err(Errno::AGAIN) => what_it_waits_for(source, pipe),
            Err(error) => self.lose(0, error.into()),
        }
    }

    fn copy(
        &self,
        source: BorrowedFd<'_>,
        held: &mut Vec<u8>,
        deliver: impl FnOnce(&[u8], &mut Vec<u8>) -> Moved,
    ) -> Moved {
        if !held.is_empty() {
            return self.deliver(&std::mem::take(held), held);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.clear();
            match rustix::io::read(source, spare_capacity(scratch)) {
                Ok(0) => Moved::End,
                Ok(_) => deliver(scratch, held),
                Err(Errno::INTR) => Moved::Bytes(0),
                Err(Errno::AGAIN) => Moved::SourceEmpty,
                // A pipe of ours that can't be read has nothing more to say.
                Err(_) => Moved::End,
            }
        })
    }

    /// Writes what it can of `bytes`; the rest is held.
    fn deliver(&self, bytes: &[u8], held: &mut Vec<u8>) -> Moved {
        if self.gone.get() {
            return Moved::Dropped(bytes.len());
        }
        let (written, moved) = match self.write(bytes) {
            Ok(written) => (written, Moved::Bytes(written)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => (0, Moved::SinkFull),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (0, Moved::Bytes(0)),
            Err(error) => (bytes.len(), self.lose(bytes.len(), error)),
        };
        held.extend_from_slice(&bytes[written..]);
        moved
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.target {
            Target::Socket(fd) => {
                Ok(rustix::net::send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
            }
            Target::Terminal(fd) => Ok(rustix::io::write(fd, bytes)?),
            Target::SharedTerminal(fd) if !can_take(fd.as_fd()) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            Target::SharedTerminal(fd) => {
                Ok(rustix::io::write(fd, &bytes[..bytes.len().min(TERMINAL_CHUNK)])?)
            }
            Target::Pipe(fd) | Target::Plain(fd) => Ok(rustix::io::write(fd, bytes)?),
            Target::Log(file) => file.borrow_mut().append(bytes),
            Target::Nowhere => Ok(bytes.len()),
        }
    }

    /// Notes that bytes were lost. A full disk may have room again later; a reader
    /// that has gone does not come back.
    fn lose(&self, bytes: usize, error: io::Error) -> Moved {
        match &self.target {
            Target::Log(_) | Target::Plain(_) => {}
            Target::Pipe(_)
            | Target::Socket(_)
            | Target::Terminal(_)
            | Target::SharedTerminal(_)
            | Target::Nowhere => self.gone.set(true),
        }
        Moved::Lost(bytes, error)
    }
}

fn classify(fd: BorrowedFd<'static>) -> Target {
    let Ok(stat) = rustix::fs::fstat(fd) else { return Target::Nowhere };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Fifo => Target::Pipe(fd),
        FileType::Socket => Target::Socket(fd),
        FileType::CharacterDevice if rustix::termios::isatty(fd) => terminal(fd),
        FileType::CharacterDevice if is_null(stat.st_rdev) => Target::Nowhere,
        FileType::CharacterDevice
        | FileType::RegularFile
        | FileType::BlockDevice
        | FileType::Directory
        | FileType::Symlink
        | FileType::Unknown => Target::Plain(fd),
    }
}

fn is_null(device: u64) -> bool {
    (rustix::fs::major(device), rustix::fs::minor(device)) == (1, 3)
}

/// A terminal can only be written to without waiting through a description that
/// says so, and the shell that shares ours would stumble over that.
fn terminal(fd: BorrowedFd<'static>) -> Target {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(own) => Target::Terminal(own),
        Err(_) => Target::SharedTerminal(fd),
    }
}

/// Why a splice would have had to wait. Either end may be the reason, and may have changed
/// since: only an end that is asked and still not ready will tell when it is. To wait for
/// the other, which has told already, would be to wait for ever.
fn what_it_waits_for(source: BorrowedFd<'_>, pipe: BorrowedFd<'_>) -> Moved {
    let mut asked = [PollFd::new(&pipe, PollFlags::OUT), PollFd::new(&source, PollFlags::IN)];
    let _ = rustix::event::poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    match asked.map(|end| !end.revents().is_empty()) {
        [false, _] => Moved::SinkFull,
        [true, false] => Moved::SourceEmpty,
        [true, true] => Moved::Bytes(0),
    }
}

fn can_take(fd: BorrowedFd<'_>) -> bool {
    let mut asked = [PollFd::new(&fd, PollFlags::OUT)];
    rustix::event::poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|n| n > 0)
}

#[cfg(test)]
mod tests {
    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    #[test]
    fn an_end_that_has_become_ready_meanwhile_is_not_waited_for() {
        let (source, program) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let (reader, sink) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let waits_for = || what_it_waits_for(source.as_fd(), sink.as_fd());

        assert!(matches!(waits_for(), Moved::SourceEmpty));
        rustix::io::write(&program, b"word").unwrap();
        assert!(matches!(waits_for(), Moved::Bytes(0)));
        while rustix::io::write(&sink, &[0; 4096]).is_ok() {}
        assert!(matches!(waits_for(), Moved::SinkFull));
        // Between the splice that failed and the question, the reader has read.
        rustix::io::read(&reader, &mut [0; 8192]).unwrap();
        assert!(matches!(waits_for(), Moved::Bytes(0)));
        drop(reader);
        assert!(matches!(waits_for(), Moved::Bytes(0)));
    }
}
