//! Runs before `main`, in place of the standard library's start-up code.
//!
//! That code searches `/proc/self/maps` for the end of the stack, only for a better message after a
//! stack overflow. The search takes an eighth of the time between the supervisor's exec and the
//! program's (`make bench`, first table).

use std::panic::catch_unwind;

/// The exit code of a Rust program that panics.
const PANICKED: i32 = 101;

/// Runs `program` and returns its exit code.
pub fn run(program: fn() -> u8) -> i32 {
    open_standard_streams();
    catch_unwind(program).map_or(PANICKED, i32::from)
}

/// Opens `/dev/null` in place of each closed standard stream. Otherwise the next opened file would
/// get its number, and writes to the stream would go into that file.
fn open_standard_streams() {
    for number in 0..3 {
        // SAFETY: plain system calls. What is opened is the lowest number that is free,
        // which is this one, and stays open for good.
        unsafe {
            if libc::fcntl(number, libc::F_GETFD) < 0 {
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            }
        }
    }
}
