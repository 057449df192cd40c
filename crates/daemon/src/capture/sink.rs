//! The destinations of output, and writing to them without blocking.
//!
//! Other processes share the inherited descriptors, so their flags are not changed: each kind of
//! destination has its own way of non-blocking writes.

mod target;

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::pipe::SpliceFlags;
use supervisor_sys::either::either;
use supervisor_sys::io::watch::Watched;
use supervisor_sys::io::write_without_blocking::can_take;
use tokio::sync::Notify;

use super::log_file::LogFile;
use super::tail::Tail;
use super::{between, peek};
use target::Target;

/// The number of bytes that one system call copies.
const CHUNK: usize = 64 * 1024;

/// The maximum number of bytes that are examined completely before they are moved. Of more bytes
/// only the last [`LAST`] are examined, because examining a flood would cost as much as copying it.
const LOOKED_AT: usize = 16 * 1024;

/// The number of bytes at the end of a flood that are examined: they may be the last output, which
/// a crash report shows.
const LAST: usize = 4096;

/// The size to which a program may usually enlarge its pipe.
const LARGEST_PIPE: usize = 1024 * 1024;

/// Interval for retrying a full sink that cannot be watched for lack of descriptors.
const TRY_AGAIN: Duration = Duration::from_millis(100);

thread_local! {
    /// Shared by all relays: its content is delivered or held before another relay reads.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(CHUNK));
}

/// A destination of output.
#[derive(Debug)]
pub(crate) struct Sink {
    target: Target,
    /// The reader has closed its end; output is dropped.
    gone: Cell<bool>,
    /// Pages cannot be moved into this sink, so bytes are copied.
    copies: Cell<bool>,
    /// The rest of a line that did not fit. It is written before the output of any relay, so that
    /// no other output gets into the line.
    rest: RefCell<Vec<u8>>,
    /// Created when the sink is full for the first time.
    watched: RefCell<Option<Rc<Watched<OwnedFd>>>>,
    reopened: Notify,
}

/// The result of an attempt to move bytes.
#[derive(Debug)]
pub(crate) enum Moved {
    /// This number of bytes was moved, and there may be more.
    Bytes(usize),
    /// This number of bytes was moved, and the sink is full.
    Filled(usize),
    /// The source is empty.
    SourceEmpty,
    /// The sink is full.
    SinkFull,
    /// The source is closed.
    End,
    /// This number of bytes was dropped because the reader has closed its end, which was already
    /// reported.
    Dropped(usize),
    /// This number of bytes was lost because the sink failed with this error.
    Lost(usize, io::Error),
}

impl Moved {
    /// The number of bytes that were moved, dropped or lost.
    pub(crate) const fn bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes)
            | Self::Filled(bytes)
            | Self::Dropped(bytes)
            | Self::Lost(bytes, _) => *bytes,
            Self::SourceEmpty | Self::SinkFull | Self::End => 0,
        }
    }
}

impl Sink {
    /// One of the supervisor's standard streams.
    pub(crate) fn inherited(fd: BorrowedFd<'static>) -> Self {
        Self::new(Target::inherited(fd))
    }

    /// Whether two standard streams are the same file.
    pub(crate) fn are_same(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
        let identity = |fd| rustix::fs::fstat(fd).map(|stat| (stat.st_dev, stat.st_ino)).ok();
        identity(one).is_some_and(|one| Some(one) == identity(other))
    }

    /// A log file.
    pub(crate) fn log_file(file: LogFile) -> Self {
        Self::new(Target::Log(RefCell::new(file)))
    }

    /// A sink that discards all bytes.
    pub(crate) fn nowhere() -> Self {
        Self::new(Target::Nowhere)
    }

    fn new(target: Target) -> Self {
        Self {
            target,
            gone: Cell::new(false),
            copies: Cell::new(false),
            rest: RefCell::default(),
            watched: RefCell::default(),
            reopened: Notify::new(),
        }
    }

    /// Moves some or all of the content of `source`, a pipe in non-blocking mode. Bytes that were
    /// read and not delivered are kept in `held`. `tail` records the output.
    pub(crate) fn draw(
        &self,
        source: BorrowedFd<'_>,
        held: &mut Vec<u8>,
        tail: Option<&mut Tail>,
    ) -> Moved {
        if let Some(moved) = self.finish_line() {
            return moved;
        }
        match &self.target {
            Target::Pipe(pipe) if !self.gone.get() && !self.copies.get() => match tail {
                Some(tail) => self.splice_seen(source, *pipe, tail),
                None => self.splice(source, *pipe, all_of(source)),
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

    /// As [`Self::draw`], but the bytes go through `pass` first, and the result counts the bytes
    /// that `pass` returns.
    pub(crate) fn draw_through(
        &self,
        source: BorrowedFd<'_>,
        held: &mut Vec<u8>,
        pass: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Moved {
        if let Some(moved) = self.finish_line() {
            return moved;
        }
        self.copy(source, held, |bytes, held| match pass(bytes) {
            passed if passed.is_empty() => Moved::Bytes(0),
            passed => self.deliver(&passed, held),
        })
    }

    /// Waits until a full sink accepts more.
    pub(crate) async fn writable(&self) {
        // A file can't be waited for; it is never full either.
        let Some(watched) = self.watched() else {
            return tokio::time::sleep(TRY_AGAIN).await;
        };
        match either(watched.writable(), self.reopened.notified()).await.flatten() {
            // This is remembered, but another reader may have come.
            Some(ready) if ready.is_finished() => drop(self.watched.take()),
            Some(ready) => ready.spend(),
            None => {}
        }
    }

    fn watched(&self) -> Option<Rc<Watched<OwnedFd>>> {
        let mut watched = self.watched.borrow_mut();
        if watched.is_none() {
            *watched = Watched::for_writing(self.descriptor()?).ok().map(Rc::new);
        }
        watched.clone()
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

    /// Reopens a log file, because it may have been moved. Other sinks do not change.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        match &self.target {
            Target::Log(file) => {
                // Tasks that wait for the old file would wait forever.
                self.watched.take();
                self.reopened.notify_waiters();
                file.borrow_mut().reopen()
            }
            Target::Pipe(_)
            | Target::Socket(_)
            | Target::Terminal(_)
            | Target::SharedTerminal(_)
            | Target::Plain(_)
            | Target::Nowhere => Ok(()),
        }
    }

    /// Like [`Self::splice`], and examines the bytes.
    fn splice_seen(&self, source: BorrowedFd<'_>, pipe: BorrowedFd<'_>, tail: &mut Tail) -> Moved {
        let waiting = if tail.is_flooded() { unread(source) } else { 0 };
        let is_flood = waiting > LOOKED_AT;
        // Of a full pipe the writer waits to write more: these bytes are not the last.
        if is_flood && is_full(source, waiting) {
            let moved = self.splice(source, pipe, waiting);
            tail.came(moved.bytes() > 0);
            tail.miss(moved.bytes() as u64);
            return filled(moved, waiting);
        }
        let mut move_seen = |before: usize, bytes: &[u8]| {
            if bytes.is_empty() {
                return Moved::End;
            }
            let whole = before + bytes.len();
            tail.came(whole >= LOOKED_AT);
            // The bytes that were looked at may end anywhere, and another program's output may
            // follow.
            let is_cut = before == 0 && whole == LOOKED_AT;
            let line_end = bytes.iter().rposition(|byte| *byte == b'\n').filter(|_| is_cut);
            let whole = line_end.map_or(whole, |end| end + 1);
            let moved = self.splice(source, pipe, whole);
            let count = moved.bytes();
            tail.miss(count.min(before) as u64);
            if count > before {
                tail.add(&bytes[..(count - before).min(bytes.len())]);
            }
            filled(moved, whole)
        };
        let looked = match is_flood {
            true => peek::at_end(source, waiting, LAST, move_seen),
            false => peek::at(source, LOOKED_AT, |bytes| move_seen(0, bytes)),
        };
        match looked {
            Ok(moved) => moved,
            Err(Errno::AGAIN) => Moved::SourceEmpty,
            // Where there is no looking, it goes by unseen.
            Err(_) => self.splice(source, pipe, all_of(source)),
        }
    }

    fn splice(&self, source: BorrowedFd<'_>, pipe: BorrowedFd<'_>, most: usize) -> Moved {
        between::calls();
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        match rustix::pipe::splice(source, None, pipe, None, most, flags) {
            Ok(0) => Moved::End,
            Ok(bytes) => Moved::Bytes(bytes),
            Err(Errno::INTR) => Moved::Bytes(0),
            Err(Errno::AGAIN) => what_it_waits_for(source, pipe),
            Err(error @ Errno::PIPE) => self.lose(0, error.into()),
            // Some places forbid to splice.
            Err(_) => {
                self.copies.set(true);
                Moved::Bytes(0)
            }
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
            between::calls();
            match rustix::io::read(source, spare_capacity(scratch)) {
                Ok(0) => Moved::End,
                Ok(_) => match line_end(source, scratch) {
                    None => deliver(scratch, held),
                    Some(end) => deliver(&[&scratch[..], &end].concat(), held),
                },
                Err(Errno::INTR) => Moved::Bytes(0),
                Err(Errno::AGAIN) => Moved::SourceEmpty,
                // A pipe that cannot be read counts as closed.
                Err(_) => Moved::End,
            }
        })
    }

    /// Writes as many of `bytes` as fit; the rest is held.
    fn deliver(&self, bytes: &[u8], held: &mut Vec<u8>) -> Moved {
        if self.gone.get() {
            return Moved::Dropped(bytes.len());
        }
        let (taken, moved) = match self.target.write(bytes) {
            Ok(written) => {
                let end = self.end_of_cut_line(bytes, written);
                self.rest.borrow_mut().extend_from_slice(&bytes[written..end]);
                (end, Moved::Bytes(end))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => (0, Moved::SinkFull),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (0, Moved::Bytes(0)),
            Err(error) => (bytes.len(), self.lose(bytes.len(), error)),
        };
        held.extend_from_slice(&bytes[taken..]);
        moved
    }

    /// The end of the line that was written partially; `written` if no line was cut. A file accepts
    /// everything unless its disk is full.
    fn end_of_cut_line(&self, bytes: &[u8], written: usize) -> usize {
        let is_cut = written > 0 && !bytes[..written].ends_with(b"\n");
        match &self.target {
            Target::Log(_) | Target::Plain(_) | Target::Nowhere => written,
            Target::Pipe(_)
            | Target::Socket(_)
            | Target::Terminal(_)
            | Target::SharedTerminal(_) => {
                let end = bytes[written..].iter().position(|byte| *byte == b'\n');
                end.filter(|_| is_cut).map_or(written, |end| written + end + 1)
            }
        }
    }

    /// Whether the sink has the beginning of a line and not its rest.
    pub(crate) fn is_within_line(&self) -> bool {
        !self.rest.borrow().is_empty()
    }

    /// Writes the rest of a line. Returns the result unless all of it was written. These bytes were
    /// already counted.
    fn finish_line(&self) -> Option<Moved> {
        let mut rest = self.rest.borrow_mut();
        while !rest.is_empty() {
            between::calls();
            match self.target.write(&rest) {
                Ok(written) => drop(rest.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Some(Moved::SinkFull);
                }
                Err(error) => {
                    rest.clear();
                    return Some(self.lose(0, error));
                }
            }
        }
        None
    }

    /// Records a loss. A full disk may have space again later; a closed reader does not come back.
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

/// The rest of the line that `read` cut because its buffer was full; otherwise another program's
/// output could follow. `None`: no line was cut, or its rest is not in the pipe.
fn line_end(source: BorrowedFd<'_>, read: &Vec<u8>) -> Option<Vec<u8>> {
    if read.len() < read.capacity() || read.ends_with(b"\n") {
        return None;
    }
    let length = |rest: &[u8]| rest.iter().position(|byte| *byte == b'\n');
    let mut end = vec![0; peek::at(source, LAST, length).ok()?? + 1];
    between::calls();
    // It is there, and no other process reads this pipe.
    let count = rustix::io::read(source, &mut end[..]).ok()?;
    end.truncate(count);
    Some(end)
}

/// Converts a result: if fewer bytes than were available were moved, the sink is full.
fn filled(moved: Moved, wanted: usize) -> Moved {
    match moved {
        Moved::Bytes(bytes) if bytes > 0 && bytes < wanted => Moved::Filled(bytes),
        Moved::Bytes(_)
        | Moved::Filled(_)
        | Moved::SourceEmpty
        | Moved::SinkFull
        | Moved::End
        | Moved::Dropped(_)
        | Moved::Lost(..) => moved,
    }
}

fn unread(source: BorrowedFd<'_>) -> usize {
    between::calls();
    rustix::io::ioctl_fionread(source)
        .map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// The number of bytes to move, which is everything in the pipe, because a limit could cut a line.
/// For an empty pipe the splice finds out whether it is closed.
fn all_of(source: BorrowedFd<'_>) -> usize {
    match unread(source) {
        0 => LARGEST_PIPE,
        bytes => bytes,
    }
}

fn is_full(source: BorrowedFd<'_>, waiting: usize) -> bool {
    waiting >= peek::MOST
        && rustix::pipe::fcntl_getpipe_size(source).is_ok_and(|size| waiting >= size)
}

/// The reason why a splice would have blocked. Either end may be the reason, and may have changed
/// since: the kernel does not announce space that is already there. The source is not polled; see
/// [`supervisor_sys::io::arrivals`].
fn what_it_waits_for(source: BorrowedFd<'_>, pipe: BorrowedFd<'_>) -> Moved {
    between::calls();
    match (can_take(pipe), unread(source)) {
        (false, _) => Moved::SinkFull,
        (true, 0) => Moved::SourceEmpty,
        (true, _) => Moved::Bytes(0),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use rustix::pipe::{PipeFlags, pipe_with};

    use super::*;

    #[test]
    fn a_pipe_end_that_has_become_ready_is_not_awaited() {
        let (source, program) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let (reader, sink) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let waits_for = || what_it_waits_for(source.as_fd(), sink.as_fd());

        assert!(matches!(waits_for(), Moved::SourceEmpty));
        rustix::io::write(&program, b"word").unwrap();
        assert!(matches!(waits_for(), Moved::Bytes(0)));
        let page = rustix::param::page_size();
        while rustix::io::write(&sink, &vec![0; page]).is_ok() {}
        assert!(matches!(waits_for(), Moved::SinkFull));
        // Between the splice that failed and the question, the reader has read.
        rustix::io::read(&reader, &mut vec![0; 2 * page]).unwrap();
        assert!(matches!(waits_for(), Moved::Bytes(0)));
        drop(reader);
        assert!(matches!(waits_for(), Moved::Bytes(0)));
    }
}
