//! Writes into a shared pipe without blocking.
//!
//! Whether a write blocks depends on a flag of the pipe, which belongs to all processes that share
//! it. For a splice it depends on the call, so the bytes go through a private pipe.

use std::cell::RefCell;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};

/// The number of bytes that fit into any pipe that is not full: one page.
const PAGE: usize = 4096;

thread_local! {
    /// The private pipe, shared by all calls; empty between them.
    static SCRATCH: RefCell<Option<(OwnedFd, OwnedFd)>> = const { RefCell::new(None) };
}

/// Writes as many of `bytes` into `sink` as fit. `EAGAIN`: none fit.
pub fn write_without_blocking(bytes: &[u8], sink: BorrowedFd<'_>) -> Result<usize, Errno> {
    match by_splice(bytes, sink) {
        // Some places forbid to splice, and there may be no descriptor to spare.
        Err(error) if ![Errno::AGAIN, Errno::PIPE].contains(&error) => by_page(bytes, sink),
        written => written,
    }
}

/// Whether a descriptor accepts any bytes now.
pub fn can_take(fd: BorrowedFd<'_>) -> bool {
    let mut asked = [PollFd::new(&fd, PollFlags::OUT)];
    rustix::event::poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|n| n > 0)
}

fn by_splice(bytes: &[u8], sink: BorrowedFd<'_>) -> Result<usize, Errno> {
    let ours = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
    let (read, write) = SCRATCH.take().map_or_else(ours, Ok)?;
    let mut put = 0;
    while put < bytes.len() {
        match rustix::io::write(&write, piece(&bytes[put..])) {
            Ok(more) => put += more,
            // Ours is full.
            Err(Errno::AGAIN) if put > 0 => break,
            Err(error) => return Err(error),
        }
    }
    let mut moved = 0;
    while moved < put {
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        let why = match rustix::pipe::splice(&read, None, sink, None, put - moved, flags) {
            Ok(0) => Errno::AGAIN,
            Ok(bytes) => {
                moved += bytes;
                continue;
            }
            Err(error) => error,
        };
        // The rest in this pipe is dropped with it; the caller still has these bytes.
        return if moved > 0 { Ok(moved) } else { Err(why) };
    }
    SCRATCH.set(Some((read, write)));
    Ok(moved)
}

/// Writes after checking that there is space. It blocks only if another process fills the space
/// between the check and the write.
fn by_page(bytes: &[u8], sink: BorrowedFd<'_>) -> Result<usize, Errno> {
    if !can_take(sink) {
        return Err(Errno::AGAIN);
    }
    rustix::io::write(sink, piece(bytes))
}

/// The first of `bytes` that fit into a page, cut after a line if possible. A pipe accepts a page
/// as a whole, so that another writer never writes into the middle of a line.
fn piece(bytes: &[u8]) -> &[u8] {
    let page = &bytes[..bytes.len().min(PAGE)];
    if page.len() == bytes.len() {
        return page;
    }
    let lines = page.iter().rposition(|byte| *byte == b'\n').map(|end| &page[..=end]);
    lines.unwrap_or(page)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_pipe_that_would_block_takes_as_many_bytes_as_fit() {
        for way in [write_without_blocking, by_page] {
            let (reader, sink) = rustix::pipe::pipe().unwrap();
            let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
            let mut sent = 0;
            let mut came = Vec::new();
            while came.len() < bytes.len() {
                match way(&bytes[sent..], sink.as_fd()) {
                    Ok(more) if sent < bytes.len() => sent += more,
                    Ok(_) | Err(Errno::AGAIN) => {
                        let mut some = [0; 5000];
                        let count = rustix::io::read(&reader, &mut some).unwrap();
                        came.extend_from_slice(&some[..count]);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(came == bytes, "the bytes that came are not those that were sent");
            drop(reader);
            assert_eq!(way(b"more", sink.as_fd()), Err(Errno::PIPE));
        }
    }

    #[test]
    fn a_nearly_full_pipe_gets_only_complete_lines() {
        for way in [write_without_blocking, by_page] {
            let (reader, sink) = rustix::pipe::pipe_with(PipeFlags::NONBLOCK).unwrap();
            // The kernel frees pipe space in its own pages, which may be larger than ours.
            let page = rustix::param::page_size();
            while rustix::io::write(&sink, &vec![0; page]).is_ok() {}
            rustix::io::read(&reader, &mut vec![0; page]).unwrap();
            let lines = "a line of some length\n".repeat(1000);
            let taken = way(lines.as_bytes(), sink.as_fd()).unwrap();
            assert!(lines[..taken].ends_with('\n'), "{taken} bytes are no lines");
        }
    }
}
