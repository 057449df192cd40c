//! Reads the content of a pipe without removing it.

use std::cell::RefCell;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};

use super::between;

/// The maximum number of bytes that are read at once: the usual size of a pipe.
pub(crate) const MOST: usize = 64 * 1024;

/// The size of the pipe that gets copies of pages: all of a pipe that a relay enlarged fits in.
const SCRATCH_SIZE: usize = 128 * 1024;

/// The maximum size of a pipe that is read completely: the size to which a program may usually
/// enlarge it.
const LARGEST: usize = 1024 * 1024;

thread_local! {
    /// Shared by all relays; empty between calls.
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

/// A pipe that receives copies of pages without copying their bytes, and a buffer to read them.
struct Scratch {
    read: OwnedFd,
    write: OwnedFd,
    /// Allocated at the first use, so that it takes no memory before.
    bytes: Vec<u8>,
    /// `/dev/null` for bytes to skip; `None`: it does not exist.
    null: Option<OwnedFd>,
}

impl Scratch {
    fn make() -> Result<Self, Errno> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Where that isn't allowed, more pieces are looked at.
        let _ = rustix::pipe::fcntl_setpipe_size(&write, SCRATCH_SIZE);
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let null = rustix::fs::open(c"/dev/null", flags, Mode::empty()).ok();
        Ok(Self { read, write, bytes: Vec::with_capacity(MOST), null })
    }

    /// Drops up to this number of bytes from the copy.
    fn skip(&mut self, most: usize) -> Result<usize, Errno> {
        if let Some(null) = &self.null {
            match rustix::pipe::splice(&self.read, None, null, None, most, SpliceFlags::NONBLOCK) {
                Ok(skipped) => return Ok(skipped),
                Err(_) => self.null = None,
            }
        }
        self.bytes.clear();
        self.bytes.reserve(MOST);
        let room = &mut self.bytes.spare_capacity_mut()[..most.min(MOST)];
        rustix::io::read(&self.read, room).map(|(skipped, _)| skipped.len())
    }

    /// Reads up to this number of bytes of the copy, as far as the buffer has space.
    fn read(&mut self, count: usize) -> Result<(), Errno> {
        between::calls();
        self.bytes.clear();
        while self.bytes.len() < count {
            match rustix::io::read(&self.read, spare_capacity(&mut self.bytes)) {
                Ok(0) | Err(Errno::AGAIN) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads more than the buffer can hold. Returns the number of bytes.
    fn look(
        &mut self,
        source: BorrowedFd<'_>,
        most: usize,
        see: &mut impl FnMut(&[u8]),
    ) -> Result<usize, Errno> {
        let copied = rustix::pipe::tee(source, &self.write, most, SpliceFlags::NONBLOCK)?;
        let mut seen = 0;
        while seen < copied {
            self.bytes.clear();
            match rustix::io::read(&self.read, spare_capacity(&mut self.bytes)) {
                Ok(0) | Err(Errno::AGAIN) => break,
                Ok(bytes) => seen += bytes,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
            see(&self.bytes);
        }
        Ok(seen)
    }
}

/// Passes up to this number of bytes from the start of `source` to `see`; they stay in the pipe. No
/// bytes: the pipe is closed. `EAGAIN`: the pipe is empty.
pub(crate) fn at<T>(
    source: BorrowedFd<'_>,
    most: usize,
    see: impl FnOnce(&[u8]) -> T,
) -> Result<T, Errno> {
    with_scratch(|scratch| {
        let most = most.min(MOST);
        between::calls();
        let copied = rustix::pipe::tee(source, &scratch.write, most, SpliceFlags::NONBLOCK)?;
        scratch.read(copied)?;
        Ok(see(&scratch.bytes))
    })
}

/// A failure may have left bytes in the pipe, so the next call creates another one.
fn with_scratch<T>(look: impl FnOnce(&mut Scratch) -> Result<T, Errno>) -> Result<T, Errno> {
    let mut scratch = SCRATCH.take().map_or_else(Scratch::make, Ok)?;
    let seen = look(&mut scratch);
    if matches!(seen, Ok(_) | Err(Errno::AGAIN)) {
        SCRATCH.set(Some(scratch));
    }
    seen
}

/// Passes the last `tail` of the first `most` bytes in `source` to `see`, with the number of bytes
/// before them; they stay in the pipe. During a flood only this part is examined, because reading
/// everything would cost as much as copying it. Results as for [`at`].
pub(crate) fn at_end<T>(
    source: BorrowedFd<'_>,
    most: usize,
    tail: usize,
    see: impl FnOnce(usize, &[u8]) -> T,
) -> Result<T, Errno> {
    with_scratch(|scratch| {
        between::calls();
        let copied = rustix::pipe::tee(source, &scratch.write, most, SpliceFlags::NONBLOCK)?;
        let before = copied.saturating_sub(tail);
        let mut skipped = 0;
        while skipped < before {
            skipped += scratch.skip(before - skipped)?;
        }
        scratch.read(copied - before)?;
        Ok(see(before, &scratch.bytes))
    })
}

/// Passes everything in `source` to `see`, piece by piece; it stays in the pipe. Returns the number
/// of bytes at its end that were not read because the pipe is too large.
pub(crate) fn at_all(source: BorrowedFd<'_>, mut see: impl FnMut(&[u8])) -> Result<u64, Errno> {
    let waiting = rustix::io::ioctl_fionread(source)?;
    let size = rustix::pipe::fcntl_getpipe_size(source)?;
    let seen = if size > MOST
        && let Ok(mut large) = Scratch::make()
        && rustix::pipe::fcntl_setpipe_size(&large.write, size.min(LARGEST)).is_ok()
    {
        large.look(source, LARGEST, &mut see)?
    } else {
        at(source, MOST, |bytes| {
            see(bytes);
            bytes.len()
        })?
    };
    Ok(waiting.saturating_sub(seen as u64))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn peeking_at_a_pipe_consumes_nothing() {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::NONBLOCK).unwrap();
        assert_eq!(at(read.as_fd(), 9, <[u8]>::len), Err(Errno::AGAIN));
        rustix::io::write(&write, b"once and again").unwrap();
        assert_eq!(at(read.as_fd(), 4, <[u8]>::to_vec), Ok(b"once".to_vec()));
        assert_eq!(at(read.as_fd(), MOST, <[u8]>::to_vec), Ok(b"once and again".to_vec()));
        assert_eq!(rustix::io::ioctl_fionread(&read), Ok(14));
        rustix::io::read(&read, &mut [0; 14]).unwrap();
        drop(write);
        assert_eq!(at(read.as_fd(), MOST, <[u8]>::to_vec), Ok(Vec::new()));
    }
}
