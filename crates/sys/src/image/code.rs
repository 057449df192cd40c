//! The pages of our own code.
//!
//! To take those out of memory that ran saves 2.0 of 3.2 MB of an idle supervisor (PSS, measured
//! on Linux 6.18 beside one that did so only after its start; `make bench`, third table).

use rustix::mm::{Advice, madvise};

unsafe extern "C" {
    /// Where the linker put the first byte of the program.
    static __executable_start: u8;
    /// Where it put what follows the last byte of code.
    static etext: u8;
}

/// A page is at least this long.
const PAGE: usize = 4096;

/// Takes the code that has run so far out of our memory: most of it is for the start, and
/// won't run again. What does is mapped again when it is needed, from the page cache.
pub fn forget() {
    // Only the addresses are used: nothing is read there.
    let first = (&raw const __executable_start).addr();
    let length = (&raw const etext).addr().saturating_sub(first) / PAGE * PAGE;
    let start = (&raw const __executable_start).cast_mut().cast();
    // SAFETY: the range is the file's own, mapped privately and never written to, so that
    // what comes back is what was there. The program's first byte is at a page's beginning.
    // That it can't be done costs memory only.
    let _ = unsafe { madvise(start, length, Advice::LinuxDontNeed) };
}
