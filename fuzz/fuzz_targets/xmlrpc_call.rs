//! Whatever a client sends is read or refused; what was read can be written and read
//! again, and is then the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supervisor_wire::xmlrpc::{Call, read_call, write_call};

fuzz_target!(|body: &[u8]| {
    let Ok(Call { method, params }) = read_call(body) else { return };
    // Once written, numbers and characters are such that everybody can read.
    let written = write_call(&method, &params);
    let again = read_call(written.as_bytes()).expect("what was written is read");
    assert_eq!(write_call(&again.method, &again.params), written);
});
