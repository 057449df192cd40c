//! Looking at what is in a pipe without taking it out.

use std::cell::RefCell;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};

use super::between;

/// Bytes that are read in one go at most: what a pipe usually holds.
pub(crate) const MOST: usize = 64 * 1024;

/// What the pipe to which pages are handed on has room for: all of a pipe that a relay enlarged.
const SCRATCH_SIZE: usize = 128 * 1024;

/// The size of a pipe of which all is looked at: what a program may usually enlarge it to.
const LARGEST: usize = 1024 * 1024;

thread_local! {
    /// Shared by all: empty whenever nobody looks.
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

/// A pipe to which pages are handed on without being copied, and room to read them.
struct Scratch {
    read: OwnedFd,
    write: OwnedFd,
    /// Not written before it is needed, so that what is never needed takes no memory.
    bytes: Vec<u8>,
    /// Where pages go that are of no interest; `None`: there is no such place.
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

    /// Drops the first bytes of the copy, at most so many.
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

    /// Reads so many bytes of the copy, at most what there is room for.
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

    /// Looks at more than there is room for at once; how much that was.
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

/// Hands the first bytes in `source`, at most so many, to `see`; they stay where they are.
/// No bytes: the pipe has ended. `EAGAIN`: there are none at present.
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

/// What went wrong on the way may have left bytes in the pipe, so another is made after that.
fn with_scratch<T>(look: impl FnOnce(&mut Scratch) -> Result<T, Errno>) -> Result<T, Errno> {
    let mut scratch = SCRATCH.take().map_or_else(Scratch::make, Ok)?;
    let seen = look(&mut scratch);
    if matches!(seen, Ok(_) | Err(Errno::AGAIN)) {
        SCRATCH.set(Some(scratch));
    }
    seen
}

/// Hands the last `tail` of the first `most` bytes in `source` to `see`, with how many bytes came
/// before them; they stay where they are. So much is looked at of a flood, which would cost as much
/// to read as to copy. Bytes as for [`at`].
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

/// Hands all that is in `source` to `see`, piece by piece; it stays where it is. Returns how
/// many bytes at its end were not seen, because it is larger than what can be looked at.
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
