//! Whatever a server answers is read or refused; what was read can be written and read
//! again, and is then the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supervisor_wire::xmlrpc::{read_response, write_response};

fuzz_target!(|body: &[u8]| {
    let Ok(result) = read_response(body) else { return };
    // Once written, numbers and characters are such that everybody can read.
    let written = write_response(&result);
    let again = read_response(written.as_bytes()).expect("what was written is read");
    assert_eq!(write_response(&again), written);
});
