//! Compares the selected bytes of logs.

use supervisor_wire::supervisord::tail::{BadArguments, read, tail};

use crate::{QUESTIONS, generated, oracle};

/// The content of the log in the Python script.
const LOG: std::ops::Range<u8> = 33..127;

#[test]
fn logs_are_read_as_by_supervisord() {
    compare("read", |offset, length, size, log| match read(offset, length, size) {
        Ok(bytes) => part(log, bytes),
        Err(BadArguments) => "BAD_ARGUMENTS".to_owned(),
    });
}

#[test]
fn logs_are_tailed_as_by_supervisord() {
    compare("tail", |offset, length, size, log| {
        let found = tail(offset, length, size);
        format!("{} {} {}", part(log, found.bytes), found.offset, u8::from(found.overflow))
    });
}

fn compare(mode: &str, ours: impl Fn(i64, i64, u64, &[u8]) -> String) {
    let Some(oracle) = oracle("tail_oracle.py") else { return };
    let small = || -12..12_i64;
    let asked = generated(&(small(), small(), 0..10_u64));
    let questions: Vec<String> =
        asked.iter().map(|(offset, length, size)| format!("{offset} {length} {size}")).collect();
    let answers = oracle(mode, &questions);
    assert_eq!(answers.len(), QUESTIONS);
    let log: Vec<u8> = LOG.collect();
    for ((offset, length, size), answer) in asked.into_iter().zip(answers) {
        assert_eq!(ours(offset, length, size, &log), answer, "{offset} {length} {size}");
    }
}

fn part(log: &[u8], bytes: std::ops::Range<u64>) -> String {
    let at = |offset: u64| usize::try_from(offset).expect("an offset");
    String::from_utf8_lossy(&log[at(bytes.start)..at(bytes.end)]).into_owned()
}
