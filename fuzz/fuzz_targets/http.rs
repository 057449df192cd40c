//! What of a request is read by code of our own, the head being hyper's: who asks, names
//! and values, and which part of a log is meant.

#![no_main]

use libfuzzer_sys::fuzz_target;
use supervisor_wire::http::basic_auth::{Credentials, check};
use supervisor_wire::http::form;
use supervisor_wire::supervisord::tail;

fuzz_target!(|input: (Vec<u8>, i64, i64, u64)| {
    let (bytes, offset, length, size) = input;
    let expected = Credentials { username: "user", password: "pass" };
    let _ = check(Some(&bytes), expected);
    let text = String::from_utf8_lossy(&bytes);
    for (name, value) in form::fields(&text) {
        let written = format!("{}={}", form::encoded(&name), form::encoded(&value));
        assert!(form::fields(&written).eq([(name, value)]), "{written}");
    }
    let read = tail::read(offset, length, size).ok();
    for range in read.into_iter().chain([tail::tail(offset, length, size).bytes]) {
        assert!(range.start <= range.end && range.end <= size, "{range:?} of {size}");
        assert!(range.end - range.start <= tail::MAX_PIECE);
    }
});
