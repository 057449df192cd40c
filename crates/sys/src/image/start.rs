//! What comes before `main`, without what we don't need of it.
//!
//! The standard library's start-up looks for the end of the stack in
//! `/proc/self/maps`, for the sake of a better message should the stack overflow. That
//! takes as long as all that we do before the program runs: about an eighth of the time
//! between our exec and the program's (`make bench`, first table).

use std::panic::catch_unwind;

/// The exit code of a Rust program that panics.
const PANICKED: i32 = 101;

/// Runs `program` and returns its exit code.
pub fn run(program: fn() -> u8) -> i32 {
    open_standard_streams();
    catch_unwind(program).map_or(PANICKED, i32::from)
}

/// A standard stream that is closed would be the next thing that is opened. Somebody
/// who writes to it would write there.
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
