//! Compares the parsers and writers with Python and supervisord.
//!
//! `SUPERVISOR_PYTHON` names a Python with supervisor 4.3.0. Without it, these tests are skipped,
//! or fail if `REQUIRE_PYTHON` is `1`.

mod event;
mod process_text;
mod tail;
mod xmlrpc;

use std::fmt::Debug;
use std::io::Write;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

const QUESTIONS: usize = 2000;

fn generated<T: Debug>(strategy: &impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..QUESTIONS).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

/// A function that passes texts to a Python script and returns the resulting texts.
#[expect(clippy::print_stdout, reason = "a test that was skipped says so")]
fn oracle(script: &'static str) -> Option<impl Fn(&str, &[String]) -> Vec<String>> {
    let python = std::env::var_os("SUPERVISOR_PYTHON").filter(|python| !python.is_empty());
    if python.is_none() {
        let required = std::env::var_os("REQUIRE_PYTHON").is_some_and(|value| value == "1");
        assert!(!required, "REQUIRE_PYTHON=1, but SUPERVISOR_PYTHON names no Python");
        println!("skipped: SUPERVISOR_PYTHON names no Python with supervisor 4.3.0");
    }
    let script = format!("{}/tests/python/{script}", env!("CARGO_MANIFEST_DIR"));
    python.map(|python| {
        move |mode: &str, texts: &[String]| {
            ask(Command::new(&python).arg(&script).arg(mode), mode, texts)
        }
    })
}

fn ask(command: &mut Command, mode: &str, texts: &[String]) -> Vec<String> {
    let path = std::env::temp_dir().join(format!("wire-{mode}-{}", std::process::id()));
    let mut file = std::fs::File::create_new(&path).expect("a new file");
    for text in texts {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        writeln!(file, "{hex}").expect("room for a line");
    }
    let input = Stdio::from(std::fs::File::open(&path).expect("the file"));
    let output = command.stdin(input).output().expect("a Python that runs");
    std::fs::remove_file(&path).expect("the file goes");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).expect("lines").lines().map(from_hex).collect()
}

fn from_hex(line: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(&line[at..at + 2], 16).expect("two digits");
    String::from_utf8((0..line.len()).step_by(2).map(byte).collect()).expect("UTF-8")
}
