//! Descriptors in reserve for censuses and signals, which must work even if all other descriptors
//! are in use.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::start::landing::inert;

/// The number of descriptors in reserve. A census has two open at once (a directory and a file in
/// it), and so has a signal (the process and its `stat`); the rest is for a thread that opens one
/// first.
const RESERVE: usize = 4;

/// The descriptors that are kept.
#[derive(Debug, Default)]
pub struct Reserve {
    kept: RefCell<Vec<OwnedFd>>,
}

/// While this exists, the reserve may be used.
#[derive(Debug)]
pub struct GivenUp<'a>(&'a Reserve);

impl Reserve {
    /// Fills the reserve as far as possible. Missing descriptors are added later.
    #[must_use]
    pub fn filled() -> Self {
        let reserve = Self { kept: RefCell::default() };
        reserve.fill();
        reserve
    }

    /// Runs `work`. If it fails for lack of descriptors, runs it again with the reserve.
    pub fn with_room<T>(&self, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match work() {
            Err(error) if is_shortage(&error) => {
                let _given_up = self.give_up();
                work()
            }
            result => result,
        }
    }

    /// Releases the reserve. Any thread may take the descriptors.
    pub fn give_up(&self) -> GivenUp<'_> {
        // It may have been impossible to take all of it back after the last time.
        self.fill();
        self.kept.borrow_mut().clear();
        GivenUp(self)
    }

    /// Adds what is missing, as far as there is room.
    pub fn fill(&self) {
        let mut kept = self.kept.borrow_mut();
        while kept.len() < RESERVE {
            let Ok(one) = inert() else { return };
            kept.push(one);
        }
    }
}

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.fill();
    }
}

/// Whether an operation failed only because there were no descriptors.
pub fn is_shortage(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_reserve_is_released_when_needed_and_filled_again() {
        let reserve = Reserve::filled();
        let tries = RefCell::new(Vec::new());
        let done = reserve.with_room(|| {
            tries.borrow_mut().push(reserve.kept.borrow().len());
            if reserve.kept.borrow().is_empty() { Ok(()) } else { Err(Errno::MFILE.into()) }
        });
        assert!(done.is_ok());
        assert_eq!(*tries.borrow(), [RESERVE, 0]);
        assert_eq!(reserve.kept.borrow().len(), RESERVE);
    }

    #[test]
    fn any_other_failure_keeps_the_descriptor_reserve() {
        let reserve = Reserve::filled();
        let done: io::Result<()> = reserve.with_room(|| {
            assert_eq!(reserve.kept.borrow().len(), RESERVE);
            Err(Errno::IO.into())
        });
        assert_eq!(done.unwrap_err().raw_os_error(), Some(libc::EIO));
    }
}
