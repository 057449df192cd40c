//! Reserves low descriptor numbers for a child's streams.
//!
//! A child needs its own descriptor table. Copying the supervisor's table takes time for each open
//! descriptor, and closing the copies again does as well: with a thousand programs, that is two
//! thirds of the time of a start. Therefore the child shares the table until it copies the lowest
//! few descriptors, among which its streams must be.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::{DupFlags, dup3};
use rustix::pipe::PipeFlags;

/// Three descriptors, reserved early so that their numbers are low.
#[derive(Debug)]
pub struct Landing {
    places: RefCell<[OwnedFd; 3]>,
    /// A placeholder while no child is started, so that no pipe is held open.
    nothing: OwnedFd,
}

impl Landing {
    /// Reserves the lowest free numbers.
    ///
    /// # Errors
    ///
    /// If there are no descriptors.
    pub fn new() -> io::Result<Self> {
        let nothing = inert()?;
        let another = || nothing.try_clone();
        let places = [another()?, another()?, another()?];
        Ok(Self { places: RefCell::new(places), nothing })
    }

    /// Puts these streams at the reserved numbers while `start` runs, which gets the numbers.
    ///
    /// # Errors
    ///
    /// If a stream cannot be duplicated.
    pub fn with<T>(
        &self,
        streams: [BorrowedFd<'_>; 3],
        start: impl FnOnce([RawFd; 3]) -> T,
    ) -> io::Result<T> {
        let emptied = Emptied(self);
        for (place, stream) in self.places.borrow_mut().iter_mut().zip(streams) {
            dup3(stream, place, DupFlags::CLOEXEC)?;
        }
        let numbers = self.places.borrow().each_ref().map(AsRawFd::as_raw_fd);
        let started = start(numbers);
        drop(emptied);
        Ok(started)
    }
}

/// Opens a descriptor without any function. `/dev/null` may not exist.
pub fn inert() -> io::Result<OwnedFd> {
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    Ok(null.or_else(|_| rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map(|(end, _)| end))?)
}

/// Removes the streams again when it is dropped.
struct Emptied<'a>(&'a Landing);

impl Drop for Emptied<'_> {
    fn drop(&mut self) {
        for place in self.0.places.borrow_mut().iter_mut() {
            // Both are open, and the number is taken: nothing can be missing for that.
            let _ = dup3(self.0.nothing.as_fd(), place, DupFlags::CLOEXEC);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn stream_descriptors_are_open_only_during_a_start() {
        let landing = Landing::new().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let nothing = landing.nothing.try_clone().unwrap();
        let streams = [nothing.as_fd(), writer.as_fd(), writer.as_fd()];
        let numbers = landing.with(streams, |numbers| {
            let path = |number: RawFd| format!("/proc/self/fd/{number}");
            assert_eq!(std::fs::read_link(path(numbers[0])).unwrap().to_str(), Some("/dev/null"));
            std::fs::write(path(numbers[1]), "out").unwrap();
            std::fs::write(path(numbers[2]), "err").unwrap();
            numbers
        });
        assert!(numbers.unwrap().iter().all(|number| *number > 2));
        drop(writer);
        let mut read = String::new();
        // The pipe ends, because no other descriptor for writing is open.
        reader.read_to_string(&mut read).unwrap();
        assert_eq!(read, "outerr");
    }
}
