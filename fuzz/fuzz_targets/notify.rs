//! Whatever a program tells of itself is a message, and a status is one short line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supervisor_wire::notify;

fuzz_target!(|datagram: &[u8]| {
    let status = notify::parse(datagram).status.unwrap_or_default();
    assert!(status.chars().count() <= 512 && !status.contains(char::is_control));
});
